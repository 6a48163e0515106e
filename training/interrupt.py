"""Handle Ctrl-C and SIGTERM at the end of a step, so that no step is half done or done twice."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Interruption:
    """Whether a signal has asked the run to end."""

    requested: bool = False


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Note the first signal, and interrupt at once on the second. The context must be entered in the main thread."""
    state = Interruption()

    def take_note(_number: int, _frame: FrameType | None) -> None:
        if state.requested:
            raise KeyboardInterrupt
        state.requested = True

    earlier = {number: signal.signal(number, take_note) for number in SIGNALS}
    try:
        yield state
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
