"""Who speaks where folders follow no published layout: one folder per speaker, with or without session folders inside.

`libri/anna/1.wav` may be a corpus and a speaker, or a speaker and a session. What decides, in this order: files named
after their folder, or after the one above; recordings beside the inner folders; inner folders named like sessions, or
like speakers; and inner names that stand under several outer folders, as sessions do.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

MOST = 0.5  # share of the folders that have to show a mark

_SESSION_WORDS = "session|sess|day|week|visit|call|take|rec|recording|part|tape|disc|chapter|morning|afternoon|evening"
_WEEKDAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_SESSION = re.compile(rf"(?:{_SESSION_WORDS}|{_WEEKDAYS})[-_ ]?\d*|(?:19|20)\d\d(?:[-_.]?\d\d){{1,2}}", re.IGNORECASE)
_SPEAKER = re.compile(r"(?:s|p|id|sp|spk|spkr|speaker|user|voice|f|m)[-_ ]?\d+", re.IGNORECASE)

Folder = tuple[str, ...]  # names of folders, from the root's own on
Stems = Mapping[Folder, list[str]]  # names of the files in each, without suffix


class Reading(NamedTuple):
    """How the folders below one folder are understood."""

    sessions: bool  # whether the inner folders are sessions of the outer ones
    certain: bool  # whether nothing spoke for the other way


def read_pairs(outer_of: Mapping[Folder, str], stems: Stems) -> Reading:
    """Decide for folders that stand two levels below one place.

    Args:
        outer_of: for each of the inner folders, the name of the outer one.
        stems: of all folders that hold files; outer ones may be among them.
    """
    inner = {folder: folder[-1] for folder in outer_of}
    if _most(_named_after(stems[folder], name) for folder, name in inner.items()):
        return Reading(sessions=False, certain=True)
    if _most(_named_after(stems[folder], outer) for folder, outer in outer_of.items()):
        return Reading(sessions=True, certain=True)
    if _most(folder[:-1] in stems for folder in inner):
        return Reading(sessions=True, certain=False)
    repeated = Counter(inner.values())
    is_repeated = _most(repeated[name] > 1 for name in inner.values())
    if _most(map(looks_like_session, inner.values())):
        return Reading(sessions=True, certain=False)
    if _most(_SPEAKER.fullmatch(name) is not None for name in inner.values()):
        return Reading(sessions=False, certain=not is_repeated)
    return Reading(sessions=is_repeated, certain=False)


def looks_like_session(folder: str) -> bool:
    """Whether a folder is named like a session: by a word for one, a day, or a date."""
    return _SESSION.fullmatch(folder) is not None


def _named_after(stems: list[str], folder: str) -> bool:
    """Whether the files carry the folder's name in front, as `p225/p225_001`."""
    name = folder.lower()
    return len(name) > 1 and all(stem.lower().startswith(name) for stem in stems)


def _most(marks) -> bool:
    marks = list(marks)
    return sum(marks) > MOST * len(marks)
