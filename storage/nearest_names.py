"""What somebody may have meant by a name that is not known."""

from collections.abc import Iterable

NAMES_SHOWN = 5
LIKENESS = 0.7  # of two names, from 0 to 1, from which on one may be the other mistyped


def nearest(name: str, names: Iterable[str], most: int = NAMES_SHOWN) -> str:
    """Name the known names that are spelt most like one, as in "nearest: p299, p298".

    Returns:
        an empty text if there is no name to compare with, or nothing was typed.
    """
    import difflib  # which takes as long to load as all the rest of a command line

    near = difflib.get_close_matches(name, sorted(set(names)), most, cutoff=0) if name else []
    return f"nearest: {', '.join(near)}" if near else ""


def mistyped(name: str, names: Iterable[str]) -> str | None:
    """The known name that a name is probably meant to be; none if nothing is spelt like it."""
    import difflib

    return next(iter(difflib.get_close_matches(name, sorted(set(names)), 1, LIKENESS)), None)
