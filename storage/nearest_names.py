"""The names nearest to one that nobody has, for messages about misspelt names."""

from collections.abc import Iterable

NAMES_SHOWN = 3
ALIKE = 0.7  # difflib's ratio, from which on two names may be meant for one another


def nearest_names(name: str, names: Iterable[str], most: int = NAMES_SHOWN, cutoff: float = 0.0) -> list[str]:
    """The names that are most like one, the nearest first.

    Args:
        most: how many at most.
        cutoff: how alike they have to be, from 0 to 1 (difflib's ratio).
    """
    import difflib  # only where a name is misspelt

    return difflib.get_close_matches(name, sorted(set(names)), most, cutoff) if name else []


def nearest(name: str, names: Iterable[str]) -> str:
    """The end of a message that a name is not known: `; nearest: ann, anna`, or nothing where there are no names."""
    near = nearest_names(name, names)
    return f"; nearest: {', '.join(near)}" if near else ""
