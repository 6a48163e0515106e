"""Starting again after a worker was lost: real processes that put themselves in their own place."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ATTEMPT = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import entry_point
from commands import rejoin

class Lost(OSError):
    had_begun = True

def attempt():
    with open(sys.argv[1], "a+") as attempts:
        print("begun", file=attempts, flush=True)
        attempts.seek(0)
        number = len(attempts.readlines())
    if saved := sys.argv[2:][number - 1:]:
        rejoin.start_again(Lost("a worker is lost"), int(saved[0]))

rejoin.PAUSE = 0
sys.exit(entry_point.run(attempt, ""))
"""


def attempts(folder, *saved):
    """Status, last line of standard error and number of attempts, each of which ends with these steps saved."""
    script, log = folder / "attempt.py", folder / "attempts"
    script.write_text(ATTEMPT)
    command = [sys.executable, str(script), str(log), *map(str, saved)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr.splitlines()[-1], len(log.read_text().splitlines())


def test_a_run_that_saves_nothing_new_between_restarts_ends_with_the_error(tmp_path):
    assert attempts(tmp_path, *[7] * 20) == (1, "error: a worker is lost", 6)


def test_what_was_saved_in_between_lets_it_restart_as_often_again(tmp_path):
    status, told, count = attempts(tmp_path, 0, 0, 0, 0, 0, 5, 5, 5, 5, 5, 10)
    assert (status, count) == (0, 12)
    assert told.startswith("a worker is lost; starting again")
