"""Functions for argparse's `type`, which read the values of flags and refuse those that make no sense."""

import argparse
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from entry_point import expanded
from storage.errors import UserError
from storage.places import SCHEME

MOST_WORKERS = 1024
LEAST_PRIOR = 1e-12  # and its complement; beyond, odds are no longer numbers
MOST_SEED = (1 << 31) - 1

Number = TypeVar("Number", int, float)


def path(text: str) -> Path:
    """Read a path, and expand `~` where the shell does not; refuse an empty text, which would be the working folder."""
    if SCHEME in text:
        raise argparse.ArgumentTypeError(f"expected a path on this machine. Received the URL {text!r}")
    return place(text)


def place(text: str) -> Path:
    """Read a path, as `path` does, or the URL of a folder that fsspec can reach."""
    if not text:
        raise argparse.ArgumentTypeError("expected a path. Received an empty text (is a variable of the shell unset?)")
    try:
        return expanded(text)
    except (UserError, ValueError) as error:  # the latter for a URL of a kind that fsspec does not know
        raise argparse.ArgumentTypeError(str(error)) from error


def filled(text: str) -> str:
    """Read a text; refuse an empty one, which for a file would mean the working folder."""
    if not text:
        raise argparse.ArgumentTypeError("expected a name. Received an empty text (is a variable of the shell unset?)")
    return text


def names(text: str) -> str:
    """Read names between commas, at least one, so that a variable that is not set does not mean a default."""
    if not text.replace(",", "").strip():
        raise argparse.ArgumentTypeError(f"expected names between commas. Received {text!r}")
    return text


def speaker_from(text: str) -> int | re.Pattern[str]:
    """Read the number of a folder, or a regular expression with a group `speaker`."""
    with suppress(ValueError):
        if (number := int(text)) != 0:
            return number
    with suppress(re.error):
        if "speaker" in (pattern := re.compile(text)).groupindex:
            return pattern
    raise argparse.ArgumentTypeError(
        f"expected a folder's number, 1 for the first and -1 for the last, or a regular expression with a group "
        f"(?P<speaker>...). Received {text!r}"
    )


def whole(low: int, high: int) -> Callable[[str], int]:
    """Make a function that reads a whole number from `low` to `high`."""
    return lambda text: _number(int, text, lambda number: low <= number <= high, f"a whole number from {low} to {high}")


def positive(high: float) -> Callable[[str], float]:
    """Make a function that reads a number above 0, up to `high`."""
    return lambda text: _number(float, text, lambda number: 0 < number <= high, f"a number above 0, up to {high:g}")


def share(text: str) -> float:
    """Read a number that is at least 0 and below 1."""
    return _number(float, text, lambda number: 0 <= number < 1, "a number from 0 up to 1")


def open_share(text: str) -> float:
    """Read a number between 0 and 1, at least `LEAST_PRIOR` away from either, so that its odds are still a number."""
    expected = f"a number between 0 and 1, at least {LEAST_PRIOR:g} away from either"
    return _number(float, text, lambda number: LEAST_PRIOR <= number <= 1 - LEAST_PRIOR, expected)


def channel(text: str) -> int | str:
    """Read a channel, counted from 1, or "mix"."""
    return text if text == "mix" else _number(int, text, lambda number: number > 0, "1, 2, ... or mix")


def numbers_between(low: float, high: float, what: str) -> Callable[[str], tuple[float, ...]]:
    """Make a function that reads numbers between commas, each from `low` to `high`; `what` names them in errors."""

    def parse(text: str) -> tuple[float, ...]:
        with suppress(ValueError):
            numbers = tuple(float(part) for part in text.split(","))
            if all(low <= number <= high for number in numbers):
                return numbers
        raise argparse.ArgumentTypeError(f"expected {what} from {low} to {high}, between commas. Received {text!r}")

    return parse


def _number(convert: Callable[[str], Number], text: str, holds: Callable[[Number], bool], expected: str) -> Number:
    with suppress(ValueError):
        if holds(number := convert(text)):
            return number
    raise argparse.ArgumentTypeError(f"expected {expected}. Received {text!r}")
