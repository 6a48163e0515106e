"""Which corpus it is, and which entry: recordings that were seen before, that have moved, or that share a name.

A corpus is the folder or manifest that it stands in, and keeps the name under which it was cached first: to look at a
part of it (`libri/train` from above, `train` from within) renames nobody. It is that corpus elsewhere if nothing of
it is left in the old place, most of it is in the new one, and the recordings say the same. Another corpus whose name is
taken goes by more of its path. Only the user makes two places one corpus, by --corpus.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Set
from pathlib import Path

from cache.entries import voiced_digest
from cache.index import Key, Utterance
from cache.mark import SETTINGS_DIGEST, CacheError
from corpus.listing import Listing
from corpus.recording import Recording
from storage.presence import is_gone

COMPARED = 8  # recordings that a moved corpus is told by
MOST = 0.5  # of a corpus: so much has to be in the new place
SAME = 0.75  # of those compared: so many have to say the same, as some may have changed

LABELLED = slice(0, 6)  # fields of recordings and entries: corpus, speaker, utterance, session, place, source


def settle_names(
    utterances: Collection[Utterance], listing: Listing
) -> tuple[list[Recording], dict[str, str], dict[str, str]]:
    """Name the corpora of a listing.

    Args:
        utterances: what is cached.

    Returns:
        the recordings with their corpora's names and places; the places of the corpora and their names; and for
        places that have moved, where to.

    Raises:
        CacheError: a manifest speaks of files of several corpora, or of files some of which are cached.
    """
    known = _names_of(utterances)
    recordings = _at_known_places(listing.recordings, known.keys())
    suggested = {one.place: one.corpus for one in recordings}
    if listing.is_manifest:
        recordings = _as_cached(recordings, utterances, listing)
    moved = _moves(utterances, recordings, suggested.keys() - known.keys())
    taken = {one.corpus: one.place for one in utterances if one.place not in moved}
    names: dict[str, str] = {}
    for place, name in sorted(suggested.items()):
        names[place] = name if listing.is_named else known.get(place) or _free(name, place, taken)
        taken[names[place]] = place
    settled = [_of_corpus(one, names.get(one.place, one.corpus)) for one in recordings]
    if len({one.key for one in settled}) < len(settled):
        (*_, name), _ = Counter(one.key for one in settled).most_common(1)[0]
        raise CacheError(f"two recordings of one corpus would be called {name!r}; list each of its places by itself")
    return settled, names, moved


def _of_corpus(recording: Recording, corpus: str) -> Recording:
    return recording if recording.corpus == corpus else recording._replace(corpus=corpus)


def relabelled(
    utterances: Mapping[Key, Utterance],
    recordings: Iterable[Recording],
    names: Mapping[str, str],
    moved: Mapping[str, str],
    listing: Listing,
) -> dict[Key, Utterance]:
    """The entries under the names that corpora, speakers and utterances have now.

    One recording is one entry: if it was cached under other names, that entry has these from now on.

    Raises:
        CacheError: recordings would have another speaker, and it was not the user who says so; or the name of a
            recording that is another one.
    """
    entries: dict[Key, Utterance] = {}
    for one in utterances.values():
        entry = _moved(one, names, moved)
        if (other := entries.setdefault(entry.key, entry)) is not entry:
            raise CacheError(
                f"{one.path} has moved, and would be called {'/'.join(entry.key)} as {other.path} is; give its corpus "
                "another name with --corpus"
            )
    by_origin = {entry.origin: entry for entry in entries.values()}
    found = ((one, by_origin.get(one.origin)) for one in recordings)
    renamed = [(one, entry) for one, entry in found if entry is not None and entry[LABELLED] != one[LABELLED]]
    if not (listing.is_told or listing.is_named):
        _refuse_other_speakers(renamed)
    for _, entry in renamed:
        entries.pop(entry.key, None)
    _refuse_taken_names(entries, recordings, listing)
    labels = Recording._fields[LABELLED]
    entries.update((one.key, entry._replace(**dict(zip(labels, one)))) for one, entry in renamed)
    return entries


def _names_of(utterances: Iterable[Utterance]) -> dict[str, str]:
    """The places of what is cached and their names; the most frequent one where recordings of one were named anew."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for one in utterances:
        counts[one.place][one.corpus] += 1
    return {place: names.most_common(1)[0][0] for place, names in counts.items()}


def _at_known_places(recordings: list[Recording], known: Collection[str]) -> list[Recording]:
    """The recordings of folders that are links to known ones, as of these."""
    real = {os.path.realpath(place): place for place in known}
    same = {place: real.get(os.path.realpath(place), place) for place in {one.place for one in recordings} - set(known)}
    if all(place == other for place, other in same.items()):
        return recordings
    return [one._replace(place=same.get(one.place, one.place)) for one in recordings]


def _as_cached(recordings: list[Recording], utterances: Collection[Utterance], listing: Listing) -> list[Recording]:
    """The recordings of a manifest, the cached ones at their places, and of their corpus unless the user names it.

    Raises:
        CacheError: some of them are cached as of other corpora, and it is not clear what the others are of.
    """
    own = {one.place for one in recordings}
    by_origin = {one.origin: one for one in utterances if one.place not in own}
    found = [by_origin.get(one.origin) for one in recordings]
    corpora = Counter(entry.corpus for entry in found if entry is not None)
    if corpora and not listing.is_named and (len(corpora) > 1 or None in found):
        raise CacheError(
            f"{corpora.total()} of the manifest's {len(recordings)} recordings are cached as of "
            f"{', '.join(sorted(corpora))}; say with --corpus what corpus all of them are of"
        )
    return [
        one
        if entry is None
        else one._replace(
            corpus=one.corpus if listing.is_named else entry.corpus, place=entry.place, source=entry.source
        )
        for one, entry in zip(recordings, found)
    ]


def _moved(entry: Utterance, names: Mapping[str, str], moved: Mapping[str, str]) -> Utterance:
    if entry.place not in moved:
        return entry
    place = moved[entry.place]
    return entry._replace(place=place, corpus=names[place])


def _moves(utterances: Collection[Utterance], recordings: list[Recording], new: Set[str]) -> dict[str, str]:
    """Places of cached corpora of which nothing is left, and in which of the new ones their recordings are now."""
    listed = {one.place for one in recordings}
    elsewhere: dict[tuple[str, str], list[Utterance]] = defaultdict(list)
    sizes = Counter(one.place for one in utterances)
    for one in utterances if new else ():
        if one.place not in listed:
            elsewhere[one.speaker, one.utterance].append(one)
    common: dict[tuple[str, str], list[tuple[Utterance, Recording]]] = defaultdict(list)
    for recording in recordings if elsewhere else ():
        if recording.place in new:
            for one in elsewhere.get((recording.speaker, recording.utterance), ()):
                common[one.place, recording.place].append((one, recording))
    moved: dict[str, str] = {}
    for (old, place), pairs in sorted(common.items(), key=lambda item: len(item[1]), reverse=True):
        if place in moved.values():  # of another one, of which there is more
            continue
        if len(pairs) > MOST * sizes[old] and _has_gone(old, utterances) and _say_the_same(pairs):
            moved[old] = place
    return moved


def _has_gone(place: str, utterances: Iterable[Utterance]) -> bool:
    """Whether none of a corpus's recordings is there any more."""
    return all(is_gone(one.path) for one in utterances if one.place == place)


def _say_the_same(pairs: list[tuple[Utterance, Recording]]) -> bool:
    compared = pairs[:: max(len(pairs) // COMPARED, 1)][:COMPARED]
    return sum(_says_the_same(entry, recording) for entry, recording in compared) >= SAME * len(compared)


def _says_the_same(entry: Utterance, recording: Recording) -> bool:
    """By what is said, or where other settings cut it otherwise, by the file's size."""
    if entry.made_with == SETTINGS_DIGEST:
        return voiced_digest(recording, entry.channel) == entry.sha256
    return not is_gone(recording.path) and recording.path.stat().st_size == entry.size


def _refuse_other_speakers(renamed: list[tuple[Recording, Utterance]]) -> None:
    others = [(one, entry) for one, entry in renamed if one[:2] != entry[:2]]
    if others:
        one, entry = others[0]
        raise CacheError(
            f"{len(others)} recordings are cached as of other speakers: {one.path} as of {entry.whose}, and it now "
            f"seems to be of {one.corpus}/{one.speaker}. Name the folder as before, or say who speaks by --speaker_from"
        )


def _refuse_taken_names(entries: Mapping[Key, Utterance], recordings: Iterable[Recording], listing: Listing) -> None:
    """An entry gives way to another recording of its name only if its own is gone from where it was looked for."""
    for one in recordings:
        entry = entries.get(one.key)
        if entry is None or entry.origin == one.origin or (entry.place == one.place and is_gone(entry.path)):
            continue
        if not (listing.could_see(entry.path) and is_gone(entry.path)):
            raise CacheError(
                f"{'/'.join(one.key)} is cached from {entry.path}, and {one.path} would have the same name; give one "
                "of them another, or the corpus, with --corpus"
            )


def _free(suggested: str, place: str, taken: Collection[str]) -> str:
    """The name, with as much of the path in front as makes it nobody else's."""
    parts = Path(place).parts
    name, used = suggested, len(Path(suggested).parts)
    while name in taken:
        used += 1
        if used > len(parts):
            raise CacheError(f"no name is left for the corpus in {place}; give it one with --corpus")
        name = "/".join(part.strip("/") or "root" for part in parts[-used:])
    return name
