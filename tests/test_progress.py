"""Long work says how far it is: on a terminal by a bar, in a file by lines; remarks have lines of their own."""

import os
import pty
import re
import subprocess
import sys
import termios

from command_line import ROOT

WORK = """
import logging, sys, time
from storage import progress
progress.LINE_EVERY = {every}
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
for number in progress.tracked(range(12), "work", 12, "file"):
    time.sleep(0.1)
    if number == 8:
        logging.warning("remark")
logging.warning("done")
"""


def lines_in_a_file(every: float) -> list[str]:
    done = subprocess.run([sys.executable, "-c", WORK.format(every=every)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "\r" not in done.stderr
    return done.stderr.splitlines()


def test_short_work_says_nothing_in_a_file():
    assert lines_in_a_file(every=30) == ["remark", "done"]


def test_long_work_has_a_line_now_and_then_with_what_is_left():
    *lines, last = lines_in_a_file(every=0.3)
    assert last == "done"
    assert "remark" in lines
    told = [line for line in lines if line != "remark"]
    assert 2 <= len(told) < 12
    assert all(re.fullmatch(r"work: +\d+% \d+/12 \[00:0\d<00:0\d, .*file/s\]", line) for line in told), told


def test_on_a_terminal_remarks_stand_above_the_bar():
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    with subprocess.Popen([sys.executable, "-c", WORK.format(every=30)], cwd=ROOT, stderr=theirs) as process:
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
