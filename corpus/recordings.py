"""Many recordings in little memory: about a hundred bytes each."""

import marshal
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from operator import itemgetter
from typing import NamedTuple, overload

from corpus.recording import Recording, Speaker

Arrange = Callable[[list[Recording]], list[Recording]]

_name = itemgetter(0)  # of a recording without corpus and speaker


def _as_they_are(recordings: list[Recording]) -> list[Recording]:
    return recordings


class _Run(NamedTuple):
    """Recordings of one speaker that came one after another."""

    packed: bytes  # in order of name
    length: int
    are_distinct: bool  # whether no two have one name


class Recordings(Sequence[Recording]):
    """Recordings in order of corpus, speaker and utterance; those of one speaker are kept as bytes until asked for."""

    def __init__(self, recordings: Iterable[Recording] = (), arrange: Arrange = _as_they_are):
        """Take recordings in any order.

        Args:
            recordings: gone through once.
            arrange: is given all recordings of each speaker of whom two have one name, and returns those to keep;
                whatever it changes, corpus and speaker stay.
        """
        self.places: dict[str, str] = {}  # the folders of the corpora, and the names of these
        runs: dict[Speaker, list[_Run]] = {}
        whose = Speaker("", "")
        rows: list[tuple] = []
        for recording in recordings:
            if recording[:2] != whose:
                _end_run(runs, whose, rows)
                whose, rows = Speaker(recording.corpus, recording.speaker), []
            rows.append(recording[2:])
            self.places[recording.place] = recording.corpus
        _end_run(runs, whose, rows)
        self._packed: dict[Speaker, bytes] = {}
        counts = []
        for speaker in sorted(runs):
            of_speaker = _as_one(speaker, runs.pop(speaker), arrange)
            self._packed[speaker] = of_speaker.packed
            counts.append(of_speaker.length)
        self.speakers = list(self._packed)  # in order
        self._ends = list(accumulate(counts))  # the number of recordings up to each speaker's last one

    @classmethod
    def of(cls, recordings: Sequence[Recording]) -> "Recordings":
        """The same recordings in this form."""
        return recordings if isinstance(recordings, Recordings) else cls(recordings)

    def of_speaker(self, speaker: Speaker) -> list[Recording]:
        """A speaker's recordings, in order of name; an unknown speaker has none."""
        return _unpacked(speaker, self._packed[speaker]) if speaker in self._packed else []

    def rows_of(self, speaker: Speaker) -> list[tuple]:
        """The same without corpus and speaker, as tuples of the other fields."""
        return marshal.loads(self._packed[speaker]) if speaker in self._packed else []

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[Recording]:
        for speaker in self.speakers:
            yield from self.of_speaker(speaker)

    @overload
    def __getitem__(self, index: int) -> Recording: ...
    @overload
    def __getitem__(self, index: slice) -> list[Recording]: ...

    def __getitem__(self, index: int | slice) -> Recording | list[Recording]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        row = bisect_right(self._ends, number)
        return self.of_speaker(self.speakers[row])[number - self._ends[row]]


def _end_run(runs: dict[Speaker, list[_Run]], whose: Speaker, rows: list[tuple]) -> None:
    if rows:
        runs.setdefault(whose, []).append(_packed(rows))


def _packed(rows: list[tuple]) -> _Run:
    rows.sort(key=_name)
    return _Run(marshal.dumps(rows), len(rows), len(set(map(_name, rows))) == len(rows))


def _as_one(speaker: Speaker, runs: list[_Run], arrange: Arrange) -> _Run:
    """All of a speaker's recordings; mostly they are one run, which is as it should be."""
    if len(runs) > 1:
        runs = [_packed([row for run in runs for row in marshal.loads(run.packed)])]
    if runs[0].are_distinct:
        return runs[0]
    return _packed([recording[2:] for recording in arrange(_unpacked(speaker, runs[0].packed))])


def _unpacked(speaker: Speaker, packed: bytes) -> list[Recording]:
    return [Recording(*speaker, *row) for row in marshal.loads(packed)]  # bytes of this process's own
