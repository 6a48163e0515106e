"""One look at all that is cached and all that there is to cache, part by part: what differs."""

import os
from array import array
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import compress
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from audio.channels import Wanted
from cache.digests import Raw, from_bytes, raw
from cache.index import Utterance
from cache.mark import SETTINGS_DIGEST
from cache.parts import Index
from cache.wav_files import WavFiles
from corpus.recording import Key, Recording, Speaker
from corpus.recordings import Recordings
from storage.existence import is_gone
from storage.places import SCHEME, size_and_time

FIELDS = len(Recording._fields)  # the first ones of an entry are a recording's; of these, two are the speaker


@dataclass
class Survey:
    """What a look at an index and a listing shows."""

    due: Recordings  # recordings that are not cached as they are now
    strange: NDArray[np.int64]  # hashes, in order, of the origins of recordings without an entry of their names
    clashing: list[tuple[Recording, Utterance]]  # recordings, and the entries of others that have their names
    lost: list[Key]  # entries with neither file nor recording
    digests: Raw  # of all entries, as they were read


@dataclass
class _Surveyor:
    """Looks at one part after another."""

    stored: WavFiles
    channel: Wanted
    strange: array = field(default_factory=lambda: array("q"))
    clashing: list[tuple[Recording, Utterance]] = field(default_factory=list)
    lost: list[Key] = field(default_factory=list)
    digests: bytearray = field(default_factory=bytearray)

    def due(self, index: Index, recordings: Recordings) -> Iterator[Recording]:
        """Look at all; yields the recordings that are due."""
        speakers = by_part(index, recordings)
        for number, part in enumerate(index.parts()):
            entries = part.entries
            digests = raw(map(attrgetter("sha256"), entries.values()))
            self.digests += digests.data
            broken = self._broken(entries.values(), digests)
            for speaker in speakers.get(number, ()):
                yield from self._due_of(speaker, recordings.rows_of(speaker), entries, broken)

    def _due_of(
        self, speaker: Speaker, rows: Collection[tuple], entries: Mapping[Key, Utterance], broken: Collection[Key]
    ) -> Iterator[Recording]:
        """The same of a speaker's recordings, of which an object is made only of those that differ."""
        for row in rows:
            key = (*speaker, row[0])
            entry = entries.get(key)
            if entry is None or entry[2:FIELDS] != row:
                recording = Recording(*speaker, *row)
                self._collect(recording, entry)
                yield recording
            elif key in broken or not is_current(entry, self.channel):
                yield Recording(*speaker, *row)

    def _broken(self, entries: Collection[Utterance], digests: Raw) -> set[Key]:
        """The entries without a whole file; those whose recordings are gone, too, are lost."""
        broken = list(compress(entries, ~self.stored.are_whole(entries, digests)))
        self.lost += [entry.key for entry in broken if is_gone(entry.path)]
        return {entry.key for entry in broken}

    def _collect(self, recording: Recording, entry: Utterance | None) -> None:
        self.strange.append(hash(recording.origin))
        if entry is not None and entry.origin != recording.origin:
            self.clashing.append((recording, entry))


def survey(index: Index, recordings: Recordings, stored: WavFiles, channel: Wanted) -> Survey:
    """Compare an index with a listing.

    Args:
        stored: the WAV files that there are.
        channel: the one that is asked for of several.
    """
    surveyor = _Surveyor(stored, channel)
    due = Recordings(surveyor.due(index, recordings))
    strange = np.sort(np.array(surveyor.strange, np.int64))
    return Survey(due, strange, surveyor.clashing, surveyor.lost, from_bytes(surveyor.digests))


def is_current(entry: Utterance, channel: Wanted) -> bool:
    """Whether an entry is of its recording as that is now, with the present settings and the channel asked for."""
    if entry.made_with != SETTINGS_DIGEST or (channel is not None and channel != entry.channel):
        return False
    try:
        if SCHEME in (path := entry.origin[0]):
            return (entry.size, entry.mtime_ns) == size_and_time(entry.path)
        stat = os.stat(path)  # noqa: PTH116, a path is slower, and there are many
    except OSError:
        return False
    return (entry.size, entry.mtime_ns) == (stat.st_size, stat.st_mtime_ns)


def by_part(index: Index, recordings: Recordings) -> Mapping[int, list[Speaker]]:
    """The speakers of a listing, in order, by the parts of the index that they are in."""
    speakers: dict[int, list[Speaker]] = {}
    for speaker in recordings.speakers:
        speakers.setdefault(index.number_of(speaker), []).append(speaker)
    return dict(sorted(speakers.items()))


def of_part(speakers: Collection[Speaker], recordings: Recordings) -> dict[Key, Recording]:
    """The recordings of some speakers, by key."""
    return {recording.key: recording for speaker in speakers for recording in recordings.of_speaker(speaker)}


def hashes(values: Iterable[Hashable]) -> NDArray[np.int64]:
    """The hashes of values in order, which hold good in this process."""
    return np.sort(np.fromiter(map(hash, values), np.int64))


def among(entries: Collection[Utterance], of: Callable[[Utterance], Hashable], known: NDArray) -> Iterator[Utterance]:
    """The entries of which something has a hash among those known: all that are looked for, and hardly any more."""
    if len(known) and entries:
        own = np.fromiter((hash(of(entry)) for entry in entries), np.int64, len(entries))
        yield from compress(entries, np.isin(own, known))
