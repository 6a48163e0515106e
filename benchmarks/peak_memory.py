"""Peak memory of a process together with all its descendants. Linux only.

Memory is the sum of their proportional set sizes (PSS, where a page that n processes share counts as one n-th in each),
which /proc/<pid>/smaps_rollup states; where it is missing, resident memory without shared pages. A thread looks ten
times a second; the peak is the most it has seen, and a shorter one may go unseen. Of a library that programs outside
the tree use as well, only a part is counted.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SAMPLING_PERIOD = 0.1  # s between two looks
KIB = 1024  # bytes; /proc counts in them
PAGE = os.sysconf("SC_PAGE_SIZE")  # bytes


class PeakMemory:
    """Context in which the memory of process `pid` and its descendants is watched; `peak` is in bytes."""

    def __init__(self, pid: int):
        self.peak = 0
        self._pid, self._ended = pid, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.is_set():
            self.peak = max(self.peak, sum(map(_memory, _tree(self._pid))))
            self._ended.wait(SAMPLING_PERIOD)


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for child in _children(pid):
        yield from _tree(child)


def _children(pid: int) -> list[int]:
    """Those that any of the process's threads has started; none once it has ended."""
    children: list[int] = []
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                children += map(int, (thread / "children").read_text().split())
    return children


def _memory(pid: int) -> int:
    """Bytes of one process; 0 once it has ended."""
    process = Path(f"/proc/{pid}")
    try:
        if not (process / "smaps_rollup").exists():
            _, resident, shared, *_ = map(int, (process / "statm").read_text().split())
            return (resident - shared) * PAGE
        lines = (process / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * KIB for line in lines if line.startswith("Pss:")), 0)
