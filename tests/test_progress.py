"""Long work says how far it is: on a terminal by a bar, in a file by lines; remarks have lines of their own."""

import itertools
import os
import re
import subprocess
import sys

import pytest
from command_line import ROOT

from storage import progress

WORK = """
import logging, sys, time
from storage import progress
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
for number in progress.tracked(range(12), "work", 12, "file"):
    time.sleep({seconds})
    if number == 8:
        logging.warning("remark")
logging.warning("done")
"""
LINE = r"work: +\d+% \d+/\d+ \[\d+:\d\d(:\d\d)?<\d+:\d\d(:\d\d)?, .*(file/s|s/file)\]"


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test turns forward, in seconds."""
    times = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: times[0])
    return times


@pytest.fixture
def lines_of_work(clock, capsys):
    """Do so many items that take so many seconds each; when lines came, and the lines."""

    def work(items: int, seconds: float) -> list[tuple[float, str]]:
        lines = []
        for _ in itertools.chain(progress.tracked(range(items), "work", items, "file"), [None]):
            lines += [(clock[0], line) for line in capsys.readouterr().err.splitlines()]
            clock[0] += seconds
        assert all(re.fullmatch(LINE, line) for _, line in lines), lines
        return lines

    return work


def test_short_work_says_nothing_in_a_file():
    how = {"cwd": ROOT, "capture_output": True, "text": True}
    done = subprocess.run([sys.executable, "-c", WORK.format(seconds=0.01)], check=True, **how)
    assert done.stderr.splitlines() == ["remark", "done"]


def test_work_of_twenty_seconds_says_some_lines(lines_of_work):
    assert [when for when, _ in lines_of_work(200, 0.1)] == pytest.approx([5.1, 10.2, 15.3])


def test_work_of_minutes_has_a_line_at_every_tenth(lines_of_work):
    lines = lines_of_work(1000, 0.2)
    assert [when for when, _ in lines] == pytest.approx([20, 40, 60, 80, 100, 120, 140, 160, 180, 200])
    assert [re.search(r"(\d+)%", line).group(1) for _, line in lines] == [str(10 * n) for n in range(1, 11)]
    assert lines[2][1].startswith("work:  30% 300/1000 [01:00<02:20,")


def test_work_of_hours_is_not_silent_for_long(lines_of_work):
    times = [0.0] + [when for when, _ in lines_of_work(36_000, 1)]
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) <= progress.LATEST + 1
    assert 100 < len(times) < 140


def test_what_was_done_before_takes_no_time(clock, capsys):
    with progress.progress("work", 10, "file", done=8) as bar:
        clock[0] += 6
        bar.update()
    assert capsys.readouterr().err == "work:  90% 9/10 [00:06<00:06,  6.00s/file]\n"


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_on_a_terminal_remarks_stand_above_the_bar():
    import pty
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    with subprocess.Popen([sys.executable, "-c", WORK.format(seconds=0.1)], cwd=ROOT, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 1 << 16)
            except OSError:  # the other end is closed
                break
        assert process.wait() == 0
    os.close(ours)
    text = shown.decode()
    assert "12/12" in text or "11/12" in text
    assert re.search(r"(^|\r|\n) *\r?remark\r\n", text), text  # alone on its line
    assert text.endswith("done\r\n")
