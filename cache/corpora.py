"""What the corpora of a listing are called, and which of the cached ones they are.

A corpus is the folder or manifest that it stands in, and keeps the name under which it was cached first: to look at a
part of it (`libri/train` from above, `train` from within) renames nothing. Another corpus whose name is taken goes by
more of its path. Only the user makes two places one corpus, by --corpus. `cache.moves` finds corpora that have moved,
and `cache.relabelling` gives the entries the names that are settled here.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from cache.index import Utterance
from cache.mark import CacheError
from cache.moves import find_moves
from cache.parts import Index
from cache.survey import among, hashes
from corpus.listing import Listing, folder_name
from corpus.recording import Recording
from corpus.recordings import Recordings
from storage.counting import counted
from storage.places import SCHEME, path_of


class Settled(NamedTuple):
    """The names of a listing's corpora."""

    recordings: Recordings  # with the names and places of their corpora
    names: dict[str, str]  # of the corpora, by their places
    moves: dict[str, str]  # the new places of corpora that have moved, by the old ones


def settle_names(index: Index, listing: Listing) -> Settled:
    """Name the corpora of a listing.

    Args:
        index: what is cached.

    Raises:
        CacheError: a manifest speaks of files of several corpora, or of files some of which are cached; or two
            recordings would have one name.
    """
    known = _names_of(index.summary.places)
    recordings = _at_known_places(Recordings.of(listing.recordings), known.keys())
    suggested = recordings.places
    if listing.is_manifest:
        recordings = _as_cached(recordings, index, listing)
    moves = find_moves(index, recordings, suggested.keys() - known.keys())
    taken = {corpus for place, corpus in index.summary.places if place not in moves}
    names: dict[str, str] = {}
    for place, name in sorted(suggested.items()):
        names[place] = name if listing.is_named else known.get(place) or _free(name, place, taken)
        taken.add(names[place])
    recordings = _named(recordings, names)
    if recordings is not listing.recordings:
        _refuse_namesakes(recordings)
    return Settled(recordings, names, moves)


def _named(recordings: Recordings, names: Mapping[str, str]) -> Recordings:
    """The recordings with the names that corpora have, by their places."""
    if all(names.get(place, name) == name for place, name in recordings.places.items()):
        return recordings
    return Recordings(_of_corpus(recording, names.get(recording.place, recording.corpus)) for recording in recordings)


def _of_corpus(recording: Recording, corpus: str) -> Recording:
    return recording if recording.corpus == corpus else recording._replace(corpus=corpus)


def _refuse_namesakes(recordings: Recordings) -> None:
    for before, recording in pairwise(recordings):
        if before.key == recording.key:
            name = recording.utterance
            raise CacheError(
                f"two recordings of one corpus would be called {name!r}; list each of its places by itself"
            )


def _names_of(places: Mapping[tuple[str, str], int]) -> dict[str, str]:
    """The names of what is cached by place; the most frequent one where some recordings were named otherwise.

    Args:
        places: the numbers of entries of each place and name.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for (place, corpus), count in sorted(places.items()):
        counts[place][corpus] = count
    return {place: names.most_common(1)[0][0] for place, names in counts.items()}


def _at_known_places(recordings: Recordings, known: Collection[str]) -> Recordings:
    """The recordings, at the known place where theirs is another path of the same folder."""
    places = recordings.places.keys() - set(known)
    by_folder = {_identity(place): place for place in known} if places else {}
    same = {place: by_folder.get(_identity(place), place) for place in places}
    if all(place == other for place, other in same.items()):
        return recordings
    return Recordings(recording._replace(place=same.get(recording.place, recording.place)) for recording in recordings)


def _identity(place: str) -> tuple[int, int] | str:
    """What all paths of one folder have in common: links lead to it, and where the system knows one letter's two cases
    as the same, so do other spellings.
    """
    if SCHEME in place:
        return place
    try:
        stat = os.stat(place)  # noqa: PTH116, most places are no paths yet
    except OSError:
        return os.path.realpath(place)
    return (stat.st_dev, stat.st_ino) if stat.st_ino else os.path.realpath(place)  # 0 where files have no numbers


def _as_cached(recordings: Recordings, index: Index, listing: Listing) -> Recordings:
    """The recordings of a manifest, the cached ones at their places, and of their corpus unless the user names it.

    Raises:
        CacheError: some of them are cached as of other corpora, and it is not clear what the others are of.
    """
    if all(place in recordings.places for place, _ in index.summary.places):
        return recordings
    origins = hashes(recording.origin for recording in recordings)
    by_origin = {
        entry.origin: entry
        for part in index.parts()
        for entry in among(part.entries.values(), attrgetter("origin"), origins)
        if entry.place not in recordings.places
    }
    if not by_origin:
        return recordings
    found = (by_origin.get(recording.origin) for recording in recordings)
    corpora = Counter(entry.corpus for entry in found if entry is not None)
    if corpora and not listing.is_named and (len(corpora) > 1 or corpora.total() < len(recordings)):
        are = "is" if corpora.total() == 1 else "are"
        raise CacheError(
            f"{corpora.total()} of the manifest's {counted(len(recordings), 'recording')} {are} cached as of "
            f"{', '.join(sorted(corpora))}; say with --corpus what corpus all of them are of"
        )
    return Recordings(
        _at_entry(recording, by_origin.get(recording.origin), listing.is_named) for recording in recordings
    )


def _at_entry(recording: Recording, entry: Utterance | None, is_named: bool) -> Recording:
    if entry is None:
        return recording
    corpus = recording.corpus if is_named else entry.corpus
    return recording._replace(corpus=corpus, place=entry.place, source=entry.source)


def _free(suggested: str, place: str, taken: Collection[str]) -> str:
    """The suggested name, with as much of the path in front as it takes to be no other corpus's."""
    folder = path_of(place)
    parts = [folder_name(part) for part in (*reversed(folder.parents), folder)]
    name, used = suggested, len(Path(suggested).parts)
    while name in taken:
        used += 1
        if used > len(parts):
            raise CacheError(f"no name is left for the corpus in {place}; give it one with --corpus")
        name = "/".join(parts[-used:])
    return name
