"""Ctrl-C: one quiet end with status 130, from the program's first statement to its last.

Python's own handler raises `KeyboardInterrupt` wherever the program happens to be. That is a traceback while modules
load, and what interrupts the loading of an extension module may come out of it as another exception, or as none.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130  # exit status: 128 and the number of SIGINT
WITHOUT_TIDYING = 3  # times that Ctrl-C is pressed

Handler = Callable[[int, FrameType | None], None]


def exit_quietly() -> None:
    """Let Ctrl-C end the process at once from now on, as long as nothing is under way that would have to be tidied up.

    An entry point calls it before it loads anything. Where Ctrl-C is ignored already, as behind a shell's `&`, or has
    another handler, nothing changes.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _exit)


def _exit(_number: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)


class Interrupts:
    """How often Ctrl-C was pressed; it raises `KeyboardInterrupt`, which need not arrive as such."""

    def __init__(self) -> None:
        self.pressed = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal: from the third time on without tidying up, which may be what does not end."""
        self.pressed += 1
        if self.pressed >= WITHOUT_TIDYING:
            _exit(number, frame)
        raise KeyboardInterrupt


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Raise `KeyboardInterrupt` on Ctrl-C, and note it; the earlier handler comes back afterwards.

    As with `exit_quietly`, Ctrl-C that is ignored stays so; and outside the main thread nothing changes.
    """
    noted = Interrupts()
    ours = signal.getsignal(signal.SIGINT) in (signal.default_int_handler, _exit)
    with _handled_by(noted if ours else None):
        yield noted


@contextmanager
def no_interruption_by_exception() -> Iterator[None]:
    """Raise nothing on Ctrl-C in the block, as there are C++ libraries that abort when that happens while they load.

    A program of ours ends at once. Any other, in which our modules are used, is interrupted at the end of the block.

    Raises:
        KeyboardInterrupt: as said.
    """
    earlier = signal.getsignal(signal.SIGINT)
    late = _Late() if earlier is signal.default_int_handler else None
    handler = _exit if isinstance(earlier, Interrupts) else late
    try:
        with _handled_by(handler):
            yield
    finally:
        if late is not None and late.pressed:
            raise KeyboardInterrupt


class _Late:
    """Notes Ctrl-C."""

    def __init__(self) -> None:
        self.pressed = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        self.pressed = True


@contextmanager
def _handled_by(handler: Handler | None) -> Iterator[None]:
    """Have SIGINT handled so; not if there is no handler, nor outside the main thread, where Python refuses it."""
    earlier = signal.getsignal(signal.SIGINT)
    if handler is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, earlier)


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Let Ctrl-C wait for the end of the block; processes that are started in it begin without being interrupted.

    (They get it too, as a terminal sends it to all of them; `ignore_interrupts` is the first thing they do. Windows
    can't hold signals back, and a worker that is interrupted while it starts says so there.)
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)


def ignore_interrupts() -> None:
    """Leave Ctrl-C to the parent process, in one that was started while it was held back."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
