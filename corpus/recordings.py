"""Many recordings in little memory: about a hundred bytes each."""

import marshal
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import overload

from corpus.recording import Recording, Speaker

Arrange = Callable[[list[Recording]], list[Recording]]


def _as_they_are(recordings: list[Recording]) -> list[Recording]:
    return recordings


class Recordings(Sequence[Recording]):
    """Recordings in order of corpus, speaker and utterance; those of one speaker are kept as bytes until asked for."""

    def __init__(self, recordings: Iterable[Recording] = (), arrange: Arrange = _as_they_are):
        """Take recordings in any order.

        Args:
            recordings: gone through once.
            arrange: is given all recordings of each speaker, and returns those to keep; whatever it changes, corpus and
                speaker stay.
        """
        self.places: dict[str, str] = {}  # the folders of the corpora, and the names of these
        packed: dict[Speaker, list[bytes]] = {}
        whose = Speaker("", "")
        rows: list[tuple] = []
        for recording in recordings:
            if recording[:2] != whose:
                _pack(packed, whose, rows)
                whose, rows = Speaker(recording.corpus, recording.speaker), []
            rows.append(recording[2:])
            self.places[recording.place] = recording.corpus
        _pack(packed, whose, rows)
        self._packed: dict[Speaker, bytes] = {}
        counts = []
        for speaker in sorted(packed):
            of_speaker = [recording for part in packed.pop(speaker) for recording in _unpacked(speaker, part)]
            arranged = sorted(arrange(of_speaker), key=lambda recording: recording.utterance)
            self._packed[speaker] = marshal.dumps([recording[2:] for recording in arranged])
            counts.append(len(arranged))
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


def _pack(packed: dict[Speaker, list[bytes]], whose: Speaker, rows: list[tuple]) -> None:
    if rows:
        packed.setdefault(whose, []).append(marshal.dumps(rows))


def _unpacked(speaker: Speaker, packed: bytes) -> list[Recording]:
    return [Recording(*speaker, *row) for row in marshal.loads(packed)]  # bytes of this process's own
