"""How far long work is, and what is left: a bar on a terminal, a line now and then where there is none."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

LINE_EVERY = 30.0  # s, where nothing moves on a line; work that is done by then needs none

Item = TypeVar("Item")


class _Lines:
    """Standard error, to which each state of a bar is written as a line."""

    def write(self, state: str) -> None:
        if line := state.strip():
            sys.stderr.write(f"{line}\n")

    def flush(self) -> None:
        sys.stderr.flush()


@contextmanager
def progress(what: str, total: int, unit: str, done: int = 0) -> Iterator[tqdm]:
    """A bar to `update` while work is done; what is logged meanwhile stands above it.

    Args:
        what: is done, in a word or two.
        total: how much there is of it.
        unit: of what.
        done: how much of it was done before.
    """
    about = {"desc": what, "total": total, "unit": unit, "initial": done, "leave": False}
    if sys.stderr.isatty():
        with logging_redirect_tqdm(), tqdm(**about, file=sys.stderr) as bar:
            yield bar
        return
    every = {"delay": LINE_EVERY, "mininterval": LINE_EVERY, "maxinterval": LINE_EVERY}
    with tqdm(**about, **every, file=_Lines(), ncols=0) as bar:
        yield bar


def tracked(items: Iterable[Item], what: str, total: int, unit: str) -> Iterator[Item]:
    """The items, one after another, with their progress; arguments as for `progress`."""
    with progress(what, total, unit) as bar:
        for item in items:
            yield item
            bar.update()
