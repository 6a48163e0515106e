"""What somebody may have meant by a name that is not known."""

import difflib
from collections.abc import Iterable

MOST = 3  # names to suggest
LIKENESS = 0.6  # of two names, from 0 to 1, that makes one a guess at the other


def nearest(name: str, known: Iterable[str], most: int = MOST) -> list[str]:
    """The known names that are most like a name, the likest first; none if none is much like it."""
    return difflib.get_close_matches(name, list(known), most, LIKENESS)
