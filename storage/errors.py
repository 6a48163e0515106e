"""The one base class that entry points turn into a line on stderr and exit status 2, and how such a line lists."""

from collections.abc import Iterable


class UserError(Exception):
    """What was asked for can't be done; the message says what was expected, what was found and what to do."""


def first_few(names: Iterable[str], most: int) -> str:
    """Names for a message, in their order: at most so many, and dots where there are more."""
    names = list(names)
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
