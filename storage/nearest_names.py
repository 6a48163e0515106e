"""The end of a message about an unknown name: the known names that are spelt most like it."""

import difflib
from collections.abc import Iterable

NAMES_SHOWN = 5


def nearest(name: str, names: Iterable[str], most: int = NAMES_SHOWN) -> str:
    """Name the nearest of the known names, as in "nearest: p299, p298".

    Returns:
        an empty text if there is no name to compare with, or nothing was typed.
    """
    near = difflib.get_close_matches(name, sorted(set(names)), most, cutoff=0) if name else []
    return f"nearest: {', '.join(near)}" if near else ""
