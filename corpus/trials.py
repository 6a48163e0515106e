"""Trial lists: pairs of utterances, each said to be of one speaker or of two.

    1 A B                   one speaker; 0 A B for two: VoxCeleb's lists as published, and ours
    A B target              one speaker; A B nontarget for two: Kaldi's

A and B are the end of `corpus/speaker/utterance` or of the recording's path in its corpus, with or without suffix: the
whole of it, or as little as tells which it is. Names with blanks need tabs between the three fields. Comments are as in
every list (`corpus.text_lists`), but a line with tabs has none after its beginning. A line that stands twice counts
twice. `Utterances` finds what a list names; `evaluation` scores it.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

from corpus.text_lists import list_lines
from corpus.walk import NOT_READ, readable_suffixes
from storage.errors import UserError
from storage.nearest_names import nearest

LABELS = {"1": True, "0": False}
KALDI_LABELS = {"target": True, "nontarget": False}
NAMES_SHOWN = 3


class TrialListError(UserError):
    """The list can't be used; the message says which line and why."""


class Trial(NamedTuple):
    """A line of a list."""

    where: str  # file and line
    is_target: bool  # whether it is said to be of one speaker
    first: str
    second: str


def read_trial_list(path: Path) -> Iterator[Trial]:
    """Read the lines of a list.

    Raises:
        UserError: it is missing or not text.
        TrialListError: a line is malformed.
    """
    for number, line in list_lines(path, "trials", _has_tabs):
        fields = [field.strip() for field in line.strip().split("\t")] if _has_tabs(line) else line.split()
        yield _trial(f"{path}, line {number}", fields, line)


def _has_tabs(line: str) -> bool:
    """Whether tabs separate the fields of a line, which then may have blanks and `#` in them."""
    return "\t" in line.strip() and not line.lstrip().startswith("#")


def _trial(where: str, fields: list[str], line: str) -> Trial:
    if len(fields) == 3:
        if fields[0] in LABELS:
            return Trial(where, LABELS[fields[0]], *fields[1:])
        if fields[2] in KALDI_LABELS:
            return Trial(where, KALDI_LABELS[fields[2]], *fields[:2])
    raise TrialListError(
        f"{where}: expected '1 A B' or '0 A B', or 'A B target' or 'A B nontarget'. Received {line.strip()!r}"
    )


class NamedUtterance(Protocol):
    """What is known of an utterance: what its names are made of."""

    @property
    def corpus(self) -> str: ...
    @property
    def speaker(self) -> str: ...
    @property
    def utterance(self) -> str: ...
    @property
    def source(self) -> str: ...


KnownUtterance = TypeVar("KnownUtterance", bound=NamedUtterance)


class Utterances(Generic[KnownUtterance]):
    """Finds what a list names among known utterances, say the cache's."""

    def __init__(self, known: Iterable[KnownUtterance], wanted: Iterable[str] | None = None):
        """Go through what is known, and keep what is wanted.

        Args:
            known: gone through again where something is not found, to say what is like it.
            wanted: the names that will be looked for; None where that may be any.
        """
        self._known = known
        ends = None if wanted is None else {end for name in wanted for end in (name, _without_suffix(name))}
        depths = {end.count("/") + 1 for end in ends or ()}
        self._by_end: dict[str, list[tuple[str, KnownUtterance]]] = {}
        for utterance in known:
            for name in _names_of(utterance):
                parts = name.split("/")
                if ends is None or any("/".join(parts[-depth:]) in ends for depth in depths):
                    self._by_end.setdefault(parts[-1], []).append((f"/{name}", utterance))

    def find(self, name: str) -> KnownUtterance:
        """Find the utterance of a name.

        Raises:
            ValueError: no utterance has it, or several have.
        """
        utterances = self._ending(name) or self._ending(_without_suffix(name))
        if len(utterances) > 1:
            utterances = {utterance for utterance in utterances if name == _full_name(utterance)} or utterances
        if len(utterances) > 1:
            shown = ", ".join(sorted(map(_full_name, utterances))[:NAMES_SHOWN])
            raise ValueError(f"{name!r} is the name of {len(utterances)} utterances: {shown}")
        if not utterances:
            near = nearest(name, self._names(name), NAMES_SHOWN)
            raise ValueError(f"the cache holds no utterance {name!r}" + (f"; {near}" if near else ""))
        return utterances.pop()

    def _ending(self, name: str) -> set[KnownUtterance]:
        end = f"/{name}"
        named = self._by_end.get(name.rpartition("/")[2], ())
        return {utterance for whole, utterance in named if whole.endswith(end)}

    def _names(self, like: str) -> set[str]:
        """All names, with as many folders in front as the one that is looked for."""
        parts = like.count("/") + 1
        return {"/".join(name.split("/")[-parts:]) for utterance in self._known for name in _names_of(utterance)}


def _names_of(utterance: NamedUtterance) -> set[str]:
    source = f"{utterance.corpus}/{utterance.source.replace(os.sep, '/')}"
    return {_full_name(utterance), source.rpartition(".")[0]}


def _full_name(utterance: NamedUtterance) -> str:
    return f"{utterance.corpus}/{utterance.speaker}/{utterance.utterance}"


def _without_suffix(name: str) -> str:
    """Take away the suffix of a sound format; other ends after a dot are part of a name."""
    stem, dot, suffix = name.rpartition(".")
    return stem if f"{dot}{suffix}".lower() in (*readable_suffixes(), *NOT_READ) else name
