"""Which corpus it is: a folder that was seen before, that has moved, or that shares its name with another.

A corpus is the folder in which it stands, and keeps the name under which it was cached first: to look at a part of it
(`libri/train` from above, `train` from within) renames nobody. A folder with another name or place is that corpus again
if the old place has gone and the recordings say the same; else it is another corpus, and if the name is taken,
it gets one with more of its path.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Set
from pathlib import Path

from cache.entries import voiced_digest
from cache.index import Key, Utterance
from cache.mark import SETTINGS_DIGEST, CacheError
from corpus.listing import Listing
from corpus.recording import Recording

COMPARED = 4  # recordings that a moved corpus is told by


def settle_names(
    utterances: Collection[Utterance], listing: Listing
) -> tuple[list[Recording], dict[str, str], dict[str, str]]:
    """Name the corpora of a listing.

    Args:
        utterances: what is cached.

    Returns:
        the recordings with their corpora's names; the places of the corpora and their names; and for places that
        have moved, where to.

    Raises:
        CacheError: the user gave a corpus the name of another one.
    """
    known = {one.place: one.corpus for one in utterances}
    moved = _moves(utterances, listing, listing.places.keys() - known.keys())
    taken = {name: place for place, name in known.items() if place not in moved}
    names: dict[str, str] = {}
    for place, suggested in sorted(listing.places.items()):
        if listing.named:
            _check_name(suggested, place, taken, utterances, listing)
            names[place] = suggested
        else:
            names[place] = known.get(place) or _free(suggested, place, taken)
        taken[names[place]] = place
    recordings = [
        one if one.corpus == names[one.place] else one._replace(corpus=names[one.place]) for one in listing.recordings
    ]
    return recordings, names, moved


def relabelled(
    utterances: dict[Key, Utterance], recordings: Iterable[Recording], names: dict[str, str], moved: dict[str, str]
) -> dict[Key, Utterance]:
    """The entries under the names that corpora, speakers and utterances have now.

    One recording is one entry: if it was cached under other names, that entry has these from now on.
    """
    placed = (_placed(one, names, moved) for one in utterances.values())
    entries = {entry.key: entry for entry in placed}
    by_origin = {entry.origin: entry for entry in entries.values()}
    found = ((one, by_origin.get(one.origin)) for one in recordings)
    renamed = [(one, entry) for one, entry in found if entry is not None and entry[:6] != one[:6]]
    for _, entry in renamed:
        entries.pop(entry.key, None)
    entries.update((one.key, entry._replace(**dict(zip(one._fields[:6], one)))) for one, entry in renamed)
    return entries


def _placed(entry: Utterance, names: dict[str, str], moved: dict[str, str]) -> Utterance:
    place = moved.get(entry.place, entry.place)
    corpus = names.get(place, entry.corpus)
    return entry if (place, corpus) == (entry.place, entry.corpus) else entry._replace(place=place, corpus=corpus)


def _moves(utterances: Collection[Utterance], listing: Listing, new: Set[str]) -> dict[str, str]:
    """Places of cached corpora that have gone, and in which of the new ones their recordings are now."""
    elsewhere: dict[tuple[str, str], list[Utterance]] = defaultdict(list)
    for one in utterances:
        if one.place not in listing.places and one.made_with == SETTINGS_DIGEST:
            elsewhere[one.speaker, one.utterance].append(one)
    common: dict[tuple[str, str], list[tuple[Utterance, Recording]]] = defaultdict(list)
    for recording in listing.recordings if elsewhere else ():
        if recording.place in new:
            for one in elsewhere.get((recording.speaker, recording.utterance), ()):
                common[one.place, recording.place].append((one, recording))
    return {old: place for (old, place), pairs in common.items() if _has_moved(pairs)}


def _has_moved(pairs: list[tuple[Utterance, Recording]]) -> bool:
    """Whether cached recordings are gone, and those of equal names that are listed say the same."""
    compared = pairs[:: max(len(pairs) // COMPARED, 1)][:COMPARED]
    if any(entry.path.exists() for entry, _ in compared):
        return False
    return all(voiced_digest(recording) == entry.sha256 for entry, recording in compared)


def _check_name(
    name: str, place: str, taken: dict[str, str], utterances: Collection[Utterance], listing: Listing
) -> None:
    """Refuse the name of another corpus, unless its files are described, say by a manifest that stands elsewhere."""
    other = taken.get(name, place)
    if other == place:
        return
    described = {one.origin[0] for one in listing.recordings}
    if not any(one.place == other and one.origin[0] in described for one in utterances):
        raise CacheError(f"--corpus {name}: that is the name of another corpus, in {other}")


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
