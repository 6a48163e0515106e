"""How far long work is, and what is left: a bar on a terminal, a line for every tenth where there is none."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

PARTS = 10  # of the work: after each there is a line where nothing moves on one,
SOONEST = 5.0  # s after the line before, and after the beginning; work that is done by then needs none
LATEST = 300.0  # s without a line, however long a tenth takes

Item = TypeVar("Item")


class Progress(Protocol):
    """Something to tell how much was done."""

    def update(self, n: int = 1) -> object:
        """So much more was done."""


class _Lines:
    """Progress as lines on standard error."""

    def __init__(self, what: str, total: int, unit: str, done: int):
        self._what, self._total, self._unit, self._before = what, total, unit, done
        self._done, self._shown = done, done
        self._began = self._last = time.monotonic()

    def update(self, n: int = 1) -> None:
        """Write a line when one is due."""
        self._done += n
        now = time.monotonic()
        further = self._done * PARTS // self._total > self._shown * PARTS // self._total if self._total else False
        if now >= self._last + (SOONEST if further else LATEST):
            self._last, self._shown = now, self._done
            sys.stderr.write(f"{self._line(now - self._began)}\n")
            sys.stderr.flush()

    def _line(self, seconds: float) -> str:
        """As tqdm says it."""
        return tqdm.format_meter(
            self._done, self._total, seconds, ncols=0, prefix=self._what, unit=self._unit, initial=self._before
        ).strip()


@contextmanager
def progress(what: str, total: int, unit: str, done: int = 0) -> Iterator[Progress]:
    """A bar to `update` while work is done; what is logged meanwhile stands above it.

    Args:
        what: is done, in a word or two.
        total: how much there is of it.
        unit: of what.
        done: how much of it was done before.
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
    """The items, one after another, with their progress; arguments as for `progress`."""
    with progress(what, total, unit) as bar:
        for item in items:
            yield item
            bar.update()
