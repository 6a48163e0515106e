"""Who speaks where folders follow no published layout: one folder per speaker, with or without session folders inside.

`libri/anna/1.wav` may be a corpus and a speaker, or a speaker and a session, or a part of the corpus (`train`) and a
speaker. Names decide: files that are named after their folder, folders that are named like sessions or like speakers,
and names that stand under several outer folders, as those of sessions do. An interpretation is certain only if no name
supports another one.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from corpus.layouts import Label, LabelledFile
from storage.counting import counted

NAME = "a folder per speaker"
REMARKS_SHOWN = 3
MOST = 0.5  # share of the folders that have to be named so
PARTS = {"train", "training", "test", "testing", "dev", "val", "valid", "validation", "eval"}  # of a corpus
SPEAKERS, SESSIONS, IN_PARTS = "corpus and speaker", "speaker and session", "part and speaker"

_WEEKDAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_DATE = r"(?:19|20)\d\d[-_.](?:0?\d|1[0-2])(?:[-_.]\d\d?)?|(?:19|20)\d\d(?:0\d|1[0-2])[0-3]\d"
_SESSION = re.compile(rf"(?:session|sess|day|week|visit|{_WEEKDAYS}|morning|evening)[-_ ]?\d*|{_DATE}", re.IGNORECASE)
_WEAK_SESSION = re.compile(r"(?:call|take|rec|recording|part|tape|disc|chapter)[-_ ]?\d*", re.IGNORECASE)
_SPEAKER = re.compile(r"(?:s|p|id|sp|spk|spkr|speaker|user|voice|f|m)[-_ ]?\d+", re.IGNORECASE)

Folder = tuple[str, ...]  # names of folders, from the file system's root on
Stems = Mapping[Folder, list[str]]  # names of the files in each, without suffix


class Interpretation(NamedTuple):
    """How the folders below one folder are understood."""

    kind: str  # what outer and inner folders are: `SPEAKERS`, `SESSIONS` or `IN_PARTS`
    certain: bool  # whether no name supports another kind


def label_by_folders(root: Path, names: Mapping[Path, list[str]]) -> tuple[Iterator[LabelledFile], list[str]]:
    """Label files by the folders that they are in.

    Args:
        root: the folder that was named; below it are speakers, unless it is a speaker's own.
        names: the names of the files in each folder.

    Returns:
        the labelled files; and remarks on folders that could have been understood in another way.
    """
    stems: dict[Folder, list[str]] = {
        folder.parts: [name.rpartition(".")[0] for name in inside] for folder, inside in names.items()
    }
    kinds: dict[Folder, str] = {}
    remarks: list[str] = []
    for place, outer_of in _two_levels_below(root, stems).items():
        interpretation = interpret(outer_of, stems)
        kinds.update(dict.fromkeys(outer_of, interpretation.kind))
        if not interpretation.certain:
            remarks.append(_remark(place, outer_of, interpretation.kind))
    labelled = (
        LabelledFile(folder, name, _label(folder, name, kinds.get(folder.parts, SPEAKERS)))
        for folder, inside in names.items()
        for name in inside
    )
    more = len(remarks) - REMARKS_SHOWN
    summary = [f"{counted(more, 'more folder')} {'is' if more == 1 else 'are'} as ambiguous"] if more > 0 else []
    return labelled, remarks[:REMARKS_SHOWN] + summary


def interpret(outer_of: Mapping[Folder, str], stems: Stems) -> Interpretation:
    """Decide what the folders that stand two levels below one place are.

    Args:
        outer_of: for each of the inner folders, the name of the outer one.
        stems: of all folders that hold files; outer ones may be among them.
    """
    names, repeated = [folder[-1] for folder in outer_of], Counter(folder[-1] for folder in outer_of)
    is_repeated = _most(repeated[name] > 1 for name in names)
    if is_repeated and all(outer.lower() in PARTS for outer in outer_of.values()):
        return Interpretation(IN_PARTS, certain=False)
    if _most(map(_looks_like_session, names)):
        return Interpretation(SESSIONS, certain=False)
    if _most(_is_after(folder[-1], outer) for folder, outer in outer_of.items()):
        return Interpretation(SESSIONS, certain=False)
    if _most(_named_after(stems[folder], folder[-1]) for folder in outer_of):
        return Interpretation(SPEAKERS, certain=not is_repeated)
    if _most(_named_after(stems[folder], outer) for folder, outer in outer_of.items()):
        return Interpretation(SESSIONS if len(set(outer_of.values())) > 1 else SPEAKERS, certain=False)
    if _most(map(_looks_like_speaker, names)):
        return Interpretation(SPEAKERS, certain=not is_repeated)
    beside_recordings = _most(folder[:-1] in stems for folder in outer_of)
    weak = _most(_WEAK_SESSION.fullmatch(name) is not None for name in names)
    return Interpretation(SESSIONS if is_repeated or beside_recordings or weak else SPEAKERS, certain=False)


def _two_levels_below(root: Path, stems: Iterable[Folder]) -> dict[Folder, dict[Folder, str]]:
    """The folders with files by the place two levels above them, each with the name of the folder between.

    Both levels are below the root, unless all of its folders are named like sessions: then it is a speaker's own.
    """
    below: dict[Folder, dict[Folder, str]] = {}
    depth = len(root.parts)
    is_speaker = depth > 1 and all(_looks_like_session(folder[-1]) for folder in stems if len(folder) == depth + 1)
    for folder in stems:
        if len(folder) > depth + (0 if is_speaker else 1):
            below.setdefault(folder[:-2], {})[folder] = folder[-2]
    return below


def _label(folder: Path, name: str, kind: str) -> Label:
    stem = name.rpartition(".")[0]
    if not folder.name:  # the file system's root is no speaker
        return Label(NAME, None, "", stem, 0)
    if kind == SESSIONS:
        return Label(NAME, folder.parent.name, folder.name, f"{folder.name}/{stem}", 2)
    if kind == IN_PARTS:
        return Label(NAME, folder.name, "", f"{folder.parent.name}/{stem}", 2)
    return Label(NAME, folder.name, "", stem, 1)


def _remark(place: Folder, outer_of: Mapping[Folder, str], kind: str) -> str:
    """How an ambiguous tree was understood, and what to say if that is wrong."""
    example = "/".join(next(iter(outer_of))[-2:])
    outer, folders, names = len(set(outer_of.values())), len(outer_of), len({folder[-1] for folder in outer_of})
    kind_named, speakers, other = {
        SESSIONS: ("a speaker and a session", outer, f"-1 makes it {folders}, one for each inner folder"),
        SPEAKERS: ("a corpus and a speaker", folders, f"-2 makes it {outer}, with sessions inside"),
        IN_PARTS: ("a part of the corpus and a speaker", names, f"-2 makes it {outer}, one for each outer folder"),
    }[kind]
    understood = f"{example} in {Path(*place)} is taken for {kind_named}, which makes {counted(speakers, 'speaker')}"
    return f"{understood}; --speaker_from {other}"


def _looks_like_session(folder: str) -> bool:
    """Whether a folder is named like a session: by a word for one, a day, or a date."""
    return _SESSION.fullmatch(folder) is not None


def _looks_like_speaker(folder: str) -> bool:
    return _SPEAKER.fullmatch(folder) is not None


def _named_after(stems: list[str], folder: str) -> bool:
    """Whether all files have the folder's name in front, as `p225/p225_001`."""
    return all(_is_after(stem, folder) for stem in stems)


def _is_after(name: str, folder: str) -> bool:
    return len(folder) > 1 and name.lower().startswith(folder.lower())


def _most(answers: Iterable[bool]) -> bool:
    answers = list(answers)
    return sum(answers) > MOST * len(answers)
