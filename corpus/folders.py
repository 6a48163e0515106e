"""Who speaks where folders follow no published layout: one folder per speaker, with or without session folders inside.

`libri/anna/1.wav` may be a corpus and a speaker, or a speaker and a session, or a part of the corpus (`train`) and a
speaker. What decides are names: of files that carry that of their folder, of folders that sound like sessions or like
speakers, and names that stand under several outer folders, as those of sessions do. A reading is certain only if no
mark speaks for another.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

MOST = 0.5  # share of the folders that have to show a mark
PARTS = {"train", "training", "test", "testing", "dev", "val", "valid", "validation", "eval"}  # of a corpus
SPEAKERS, SESSIONS, IN_PARTS = "corpus and speaker", "speaker and session", "part and speaker"

_WEEKDAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_DATE = r"(?:19|20)\d\d[-_.](?:0?\d|1[0-2])(?:[-_.]\d\d?)?|(?:19|20)\d\d(?:0\d|1[0-2])[0-3]\d"
_SESSION = re.compile(rf"(?:session|sess|day|week|visit|{_WEEKDAYS}|morning|evening)[-_ ]?\d*|{_DATE}", re.IGNORECASE)
_WEAK_SESSION = re.compile(r"(?:call|take|rec|recording|part|tape|disc|chapter)[-_ ]?\d*", re.IGNORECASE)
_SPEAKER = re.compile(r"(?:s|p|id|sp|spk|spkr|speaker|user|voice|f|m)[-_ ]?\d+", re.IGNORECASE)

Folder = tuple[str, ...]  # names of folders, from the file system's root on
Stems = Mapping[Folder, list[str]]  # names of the files in each, without suffix


class Reading(NamedTuple):
    """How the folders below one folder are understood."""

    kind: str  # what outer and inner folders are: `SPEAKERS`, `SESSIONS` or `IN_PARTS`
    certain: bool  # whether nothing spoke for another way


def read_pairs(outer_of: Mapping[Folder, str], stems: Stems) -> Reading:
    """Decide for folders that stand two levels below one place.

    Args:
        outer_of: for each of the inner folders, the name of the outer one.
        stems: of all folders that hold files; outer ones may be among them.
    """
    names, repeated = [folder[-1] for folder in outer_of], Counter(folder[-1] for folder in outer_of)
    is_repeated = _most(repeated[name] > 1 for name in names)
    if is_repeated and all(outer.lower() in PARTS for outer in outer_of.values()):
        return Reading(IN_PARTS, certain=False)
    if _most(map(looks_like_session, names)):
        return Reading(SESSIONS, certain=False)
    if _most(_is_after(folder[-1], outer) for folder, outer in outer_of.items()):
        return Reading(SESSIONS, certain=False)
    if _most(_named_after(stems[folder], folder[-1]) for folder in outer_of):
        return Reading(SPEAKERS, certain=not is_repeated)
    if _most(_named_after(stems[folder], outer) for folder, outer in outer_of.items()):
        return Reading(SESSIONS if len(set(outer_of.values())) > 1 else SPEAKERS, certain=False)
    if _most(map(_looks_like_speaker, names)):
        return Reading(SPEAKERS, certain=not is_repeated)
    beside_recordings = _most(folder[:-1] in stems for folder in outer_of)
    weak = _most(_WEAK_SESSION.fullmatch(name) is not None for name in names)
    return Reading(SESSIONS if is_repeated or beside_recordings or weak else SPEAKERS, certain=False)


def looks_like_session(folder: str) -> bool:
    """Whether a folder is named like a session: by a word for one, a day, or a date."""
    return _SESSION.fullmatch(folder) is not None


def _looks_like_speaker(folder: str) -> bool:
    return _SPEAKER.fullmatch(folder) is not None


def _named_after(stems: list[str], folder: str) -> bool:
    """Whether the files carry the folder's name in front, as `p225/p225_001`."""
    return all(_is_after(stem, folder) for stem in stems)


def _is_after(name: str, folder: str) -> bool:
    return len(folder) > 1 and name.lower().startswith(folder.lower())


def _most(marks: Iterable[bool]) -> bool:
    marks = list(marks)
    return sum(marks) > MOST * len(marks)
