"""What the corpora of a listing are called, and which of the cached ones they are.

A corpus is the folder or manifest that it stands in, and keeps the name under which it was cached first: to look at a
part of it (`libri/train` from above, `train` from within) renames nothing. Another corpus whose name is taken goes by
more of its path. Only the user makes two places one corpus, by --corpus. `cache.moves` finds corpora that have moved,
and `cache.relabelling` gives the entries the names that are settled here.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from cache.index import Utterance
from cache.mark import CacheError
from cache.moves import find_moves
from corpus.listing import Listing, folder_name
from corpus.recording import Recording
from storage.counting import counted


class Settled(NamedTuple):
    """The names of a listing's corpora."""

    recordings: list[Recording]  # with the names and places of their corpora
    names: dict[str, str]  # of the corpora, by their places
    moves: dict[str, str]  # the new places of corpora that have moved, by the old ones


def settle_names(utterances: Collection[Utterance], listing: Listing) -> Settled:
    """Name the corpora of a listing.

    Args:
        utterances: what is cached.

    Raises:
        CacheError: a manifest speaks of files of several corpora, or of files some of which are cached; or two
            recordings would have one name.
    """
    known = _names_of(utterances)
    recordings = _at_known_places(listing.recordings, known.keys())
    suggested = {recording.place: recording.corpus for recording in recordings}
    if listing.is_manifest:
        recordings = _as_cached(recordings, utterances, listing)
    moves = find_moves(utterances, recordings, suggested.keys() - known.keys())
    taken = {utterance.corpus: utterance.place for utterance in utterances if utterance.place not in moves}
    names: dict[str, str] = {}
    for place, name in sorted(suggested.items()):
        names[place] = name if listing.is_named else known.get(place) or _free(name, place, taken)
        taken[names[place]] = place
    recordings = [_of_corpus(recording, names.get(recording.place, recording.corpus)) for recording in recordings]
    _refuse_namesakes(recordings)
    return Settled(recordings, names, moves)


def _of_corpus(recording: Recording, corpus: str) -> Recording:
    return recording if recording.corpus == corpus else recording._replace(corpus=corpus)


def _refuse_namesakes(recordings: Collection[Recording]) -> None:
    keys = Counter(recording.key for recording in recordings)
    if len(keys) < len(recordings):
        (*_, name), _ = keys.most_common(1)[0]
        raise CacheError(f"two recordings of one corpus would be called {name!r}; list each of its places by itself")


def _names_of(utterances: Iterable[Utterance]) -> dict[str, str]:
    """The names of what is cached by place; the most frequent one where some recordings were named otherwise."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for utterance in utterances:
        counts[utterance.place][utterance.corpus] += 1
    return {place: names.most_common(1)[0][0] for place, names in counts.items()}


def _at_known_places(recordings: list[Recording], known: Collection[str]) -> list[Recording]:
    """The recordings, at the known place where theirs is another path of the same folder."""
    by_folder = {_identity(place): place for place in known}
    places = {recording.place for recording in recordings} - set(known)
    same = {place: by_folder.get(_identity(place), place) for place in places}
    if all(place == other for place, other in same.items()):
        return recordings
    return [recording._replace(place=same.get(recording.place, recording.place)) for recording in recordings]


def _identity(place: str) -> tuple[int, int] | str:
    """What all paths of one folder have in common: links lead to it, and where the system knows one letter's two cases
    as the same, so do other spellings.
    """
    try:
        stat = os.stat(place)  # noqa: PTH116, most places are no paths yet
    except OSError:
        return os.path.realpath(place)
    return (stat.st_dev, stat.st_ino) if stat.st_ino else os.path.realpath(place)  # 0 where files have no numbers


def _as_cached(recordings: list[Recording], utterances: Collection[Utterance], listing: Listing) -> list[Recording]:
    """The recordings of a manifest, the cached ones at their places, and of their corpus unless the user names it.

    Raises:
        CacheError: some of them are cached as of other corpora, and it is not clear what the others are of.
    """
    new_places = {recording.place for recording in recordings}
    by_origin = {utterance.origin: utterance for utterance in utterances if utterance.place not in new_places}
    entries = [by_origin.get(recording.origin) for recording in recordings]
    corpora = Counter(entry.corpus for entry in entries if entry is not None)
    if corpora and not listing.is_named and (len(corpora) > 1 or None in entries):
        are = "is" if corpora.total() == 1 else "are"
        raise CacheError(
            f"{corpora.total()} of the manifest's {counted(len(recordings), 'recording')} {are} cached as of "
            f"{', '.join(sorted(corpora))}; say with --corpus what corpus all of them are of"
        )
    return [_at_entry(recording, entry, listing.is_named) for recording, entry in zip(recordings, entries)]


def _at_entry(recording: Recording, entry: Utterance | None, is_named: bool) -> Recording:
    if entry is None:
        return recording
    corpus = recording.corpus if is_named else entry.corpus
    return recording._replace(corpus=corpus, place=entry.place, source=entry.source)


def _free(suggested: str, place: str, taken: Collection[str]) -> str:
    """The suggested name, with as much of the path in front as it takes to be no other corpus's."""
    folder = Path(place)
    parts = [folder_name(part) for part in (*reversed(folder.parents), folder)]
    name, used = suggested, len(Path(suggested).parts)
    while name in taken:
        used += 1
        if used > len(parts):
            raise CacheError(f"no name is left for the corpus in {place}; give it one with --corpus")
        name = "/".join(parts[-used:])
    return name
