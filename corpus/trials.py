"""Trial lists: pairs of utterances, each said to be of one speaker or of two. Read as text; whom they mean is told by
`Utterances`, and scored elsewhere.

    1 A B                   one speaker; 0 A B for two: VoxCeleb's lists as published, and ours
    A B target              one speaker; A B nontarget for two: Kaldi's

A and B are the end of `corpus/speaker/utterance` or of the recording's path in its corpus, with or without suffix: the
whole of it, or as little as tells which it is. Names with blanks want tabs between the three. `#` at the beginning of a
line, or after a blank where there are no tabs, starts a comment. A line that stands twice counts twice.
"""

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from corpus.speakers import text_lines
from corpus.walk import NOT_READ, readable_suffixes
from storage.errors import UserError

LABELS = {"1": True, "0": False}
KALDI_LABELS = {"target": True, "nontarget": False}
NAMES_SHOWN = 3


class TrialListError(UserError):
    """The list can't be used; the message says which line and why."""


class Trial(NamedTuple):
    """A line of a list."""

    where: str  # file and line
    is_target: bool  # said to be of one speaker
    first: str
    second: str


def read_trial_list(path: Path) -> Iterator[Trial]:
    """Read the lines of a list.

    Raises:
        UserError: it is missing or not text.
        TrialListError: a line is malformed.
    """
    for number, line in enumerate(text_lines(path, "trials"), start=1):
        if fields := _fields(line):
            yield _trial(f"{path}, line {number}", fields, line)


def _fields(line: str) -> list[str]:
    if line.lstrip().startswith("#"):
        return []
    if "\t" in line.strip():
        return [field.strip() for field in line.strip().split("\t")]
    return line.split(" #")[0].split()


def _trial(where: str, fields: list[str], line: str) -> Trial:
    if len(fields) == 3:
        if fields[0] in LABELS:
            return Trial(where, LABELS[fields[0]], *fields[1:])
        if fields[2] in KALDI_LABELS:
            return Trial(where, KALDI_LABELS[fields[2]], *fields[:2])
    raise TrialListError(
        f"{where}: expected '1 A B' or '0 A B', or 'A B target' or 'A B nontarget'. Received {line.strip()!r}"
    )


class Utterances:
    """Finds what a list names among known utterances, each with corpus, speaker, utterance and source.

    `known` is any collection of such named tuples, say the cache's.
    """

    def __init__(self, known: Iterable[NamedTuple]):
        self._by_end: dict[str, list[tuple[str, NamedTuple]]] = {}
        for utterance in known:
            source = f"{utterance.corpus}/{utterance.source}"
            for name in {f"{utterance.corpus}/{utterance.speaker}/{utterance.utterance}", source.rpartition(".")[0]}:
                self._by_end.setdefault(name.rpartition("/")[2], []).append((f"/{name}", utterance))

    def find(self, name: str) -> NamedTuple:
        """The utterance of a name.

        Raises:
            ValueError: none has it, or several have.
        """
        found = self._ending(name) or self._ending(_without_suffix(name))
        if len(found) > 1:
            exact = {one for one in found if name == f"{one.corpus}/{one.speaker}/{one.utterance}"}
            found = exact or found
        if len(found) > 1:
            shown = ", ".join(sorted(f"{one.corpus}/{one.speaker}/{one.utterance}" for one in found)[:NAMES_SHOWN])
            raise ValueError(f"{name!r} is the name of {len(found)} utterances: {shown}")
        if not found:
            near = difflib.get_close_matches(name, self._names(name), NAMES_SHOWN, cutoff=0)
            raise ValueError(f"the cache holds no utterance {name!r}; nearest: {', '.join(near)}")
        return found.pop()

    def _ending(self, name: str) -> set[NamedTuple]:
        end = f"/{name}"
        return {one for whole, one in self._by_end.get(name.rpartition("/")[2], ()) if whole.endswith(end)}

    def _names(self, like: str) -> list[str]:
        """All names, with as many folders in front as the one that is looked for."""
        parts = like.count("/") + 1
        return sorted({"/".join(name.split("/")[-parts:]) for names in self._by_end.values() for name, _ in names})


def _without_suffix(name: str) -> str:
    """Without that of a sound format; other ends after a dot are part of a name."""
    stem, dot, suffix = name.rpartition(".")
    return stem if f"{dot}{suffix}".lower() in (*readable_suffixes(), *NOT_READ) else name
