"""Run the entry points as a user does: in a process of their own, from the root of the repository."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
SPEECH = SHARED / "speech"
PATIENCE = 300  # s, for a command that should take ten


def run(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess:
    """Run `python <arguments>`; environment variables of ours reach it only if given."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
    )


def succeed(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess:
    """Run a command that must end with status 0 and without a traceback."""
    done = run(*arguments, **variables)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done


def fail(status: int, *arguments: str | Path, **variables: str) -> str:
    """Run a command that must end with `status` and one plain line; returns that line."""
    done = run(*arguments, **variables)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr.strip().splitlines()[-1]


def plain_lines(said: str) -> list[str]:
    """What was said beside progress bars, and how the corpus was read."""
    usual = re.compile(r"(file/s|s/file)\]|\d+ recordings? of \d+ speakers?, read as ")
    return [line for line in said.splitlines() if line.strip() and not usual.search(line)]


def environment(**variables: str) -> dict[str, str]:
    """This process's environment with only the given ones of our variables."""
    ours = {"DS_DIR", "AUDIO_DIR", "CACHE_DIR"}
    return {name: value for name, value in os.environ.items() if name not in ours} | variables
