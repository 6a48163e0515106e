"""Measuring for the benchmarks: what a command costs, and how a figure is printed.

Importing it puts the project's root on `sys.path`, so that a program here can import the project.
"""

import json
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from importlib.metadata import version
from operator import attrgetter
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

from peak_memory import KIB, PeakMemory

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

DIGITS = 4  # of a printed figure that matter
PACKAGES = ("numpy", "scipy", "soundfile", "soxr", "python_speech_features", "onnxruntime", "tensorflow", "keras")


@dataclass(frozen=True)
class Cost:
    """What something took."""

    wall: float  # s
    cpu: float  # s, user and system, of all processes
    peak: int | None = None  # bytes, see `peak_memory`; None where nobody looked
    largest: int | None = None  # bytes that one process had resident, at most, by the kernel's own account

    def figures(self) -> dict[str, float]:
        """For `report`."""
        memory = {} if self.peak is None else {"peak_mb": self.peak / 1e6}
        return {"wall_seconds": self.wall, "cpu_seconds": self.cpu, **memory}


def run(program: str, *arguments: object) -> Cost:
    """Run a program of the project, as in `run("cli.py", "--help")`, in a process of its own; it prints to stderr.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    return run_command([sys.executable, ROOT / program, *arguments])


def run_command(command: Sequence[object]) -> Cost:
    """Run any command in a process of its own; what it prints goes to stderr.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    command = list(map(str, command))
    began = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr) as process:
        with PeakMemory(process.pid) as memory:
            _, status, usage = os.wait4(process.pid, 0)  # its usage includes the children that it waited for
            wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(wall, usage.ru_utime + usage.ru_stime, memory.peak, usage.ru_maxrss * KIB)


def timed(function: Callable, *arguments: object) -> Cost:
    """Call a function here and time it, with the processes that it starts and waits for."""
    began, cpu = time.perf_counter(), _own_cpu()
    function(*arguments)
    return Cost(time.perf_counter() - began, _own_cpu() - cpu)


def best(costs: Sequence[Cost]) -> Cost:
    """The quickest of several runs, which others on the machine disturbed least; but the highest of their peaks."""
    quickest = min(costs, key=attrgetter("wall"))
    return replace(quickest, peak=max((cost.peak for cost in costs if cost.peak is not None), default=None))


def report(benchmark: str, **figures: object) -> None:
    """Print a JSON line to stdout; a line about the machine comes before the first."""
    _report_machine()
    rounded = {name: _rounded(value) for name, value in figures.items()}
    print(json.dumps({"benchmark": benchmark, **rounded}), flush=True)


def progress(text: str) -> None:
    """Say on stderr what comes next."""
    print(text, file=sys.stderr, flush=True)


def show_table(rows: Sequence[dict[str, object]]) -> None:
    """Print rows that have the same columns to stderr, aligned, for people."""
    lines = [list(rows[0]), *(list(map(str, row.values())) for row in rows)] if rows else []
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        progress("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths)).rstrip())


def cores() -> int:
    """How many this process may run on."""
    return len(os.sched_getaffinity(0))


@cache
def _report_machine() -> None:
    machine = {
        "date": datetime.now().astimezone().date().isoformat(),
        "cpu": _cpu_model(),
        "cores": cores(),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }
    print(json.dumps({"benchmark": "machine", **machine}), flush=True)


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())


def _rounded(value: object) -> object:
    """A figure with its `DIGITS`; null, which JSON knows, where there is none."""
    if not isinstance(value, float):
        return value
    return None if math.isnan(value) else float(f"{value:.{DIGITS}g}")


def _own_cpu() -> float:
    usages = (getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
