"""Show how far long work is, and what is left: as a bar on a terminal, else as a line for every tenth."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

PARTS = 10  # of the work: where there is no bar, a line follows each of them
SOONEST = 5.0  # s between lines at least, and before the first; shorter work gets none
LATEST = 300.0  # s between lines at most, however long a tenth takes

Item = TypeVar("Item")


class Progress(Protocol):
    """A display that is told how much was done."""

    def update(self, n: int = 1) -> object:
        """Count `n` more of the items as done."""


class _Lines:
    """A display of progress as lines on standard error."""

    def __init__(self, what: str, total: int, unit: str, done: int):
        self._what, self._total, self._unit, self._before = what, total, unit, done
        self._done, self._shown = done, done
        self._began = self._last = time.monotonic()

    def update(self, n: int = 1) -> None:
        """Count `n` more of the items as done, and write a line when one is due."""
        self._done += n
        now = time.monotonic()
        further = self._done * PARTS // self._total > self._shown * PARTS // self._total if self._total else False
        if now >= self._last + (SOONEST if further else LATEST):
            self._last, self._shown = now, self._done
            sys.stderr.write(f"{self._line(now - self._began)}\n")
            sys.stderr.flush()

    def _line(self, seconds: float) -> str:
        """Format the progress after `seconds` of work as tqdm does."""
        return tqdm.format_meter(
            self._done, self._total, seconds, ncols=0, prefix=self._what, unit=self._unit, initial=self._before
        ).strip()


@contextmanager
def progress(what: str, total: int, unit: str, done: int = 0) -> Iterator[Progress]:
    """Show progress while work is done; on a terminal, what is logged meanwhile stands above the bar.

    Args:
        what: the work, in a word or two.
        total: how many items there are.
        unit: what an item is called.
        done: how many of the items were done before.

    Yields:
        the display, whose `update` is to be called as items are done.
    """
    if not sys.stderr.isatty():
        yield _Lines(what, total, unit, done)
        return
    with (
        logging_redirect_tqdm(),
        tqdm(desc=what, total=total, unit=unit, initial=done, leave=False, file=sys.stderr) as bar,
    ):
        yield bar


def tracked(items: Iterable[Item], what: str, total: int, unit: str) -> Iterator[Item]:
    """Yield the items one after another, and show progress; the other arguments are those of `progress`."""
    with progress(what, total, unit) as bar:
        for item in items:
            yield item
            bar.update()
