"""Which cached corpora have moved.

A corpus has moved to another place if nothing of it is left in the old one, most of it is in the new one, and the
recordings there have the same content.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Set

from cache.entries import speech_digest
from cache.index import Utterance
from cache.mark import SETTINGS_DIGEST
from cache.parts import Index
from cache.survey import among, hashes
from corpus.recording import Recording
from corpus.recordings import Recordings
from storage.existence import is_gone

COMPARED = 8  # recordings by whose content a moved corpus is recognised
MOST = 0.5  # of a corpus: so much has to be in the new place
SAME = 0.75  # of those compared: so many have to have the same content, as some may have changed

Pairs = list[tuple[Utterance, Recording]]  # a cached recording and one of the same name elsewhere


def find_moves(index: Index, recordings: Recordings, new: Set[str]) -> dict[str, str]:
    """Find the corpora that have moved.

    Args:
        index: what is cached.
        recordings: what there is.
        new: the places of corpora that are not cached.

    Returns:
        the new places by the old ones.
    """
    sizes: Counter[str] = Counter()
    for (place, _), count in index.summary.places.items():
        sizes[place] += count
    moves: dict[str, str] = {}
    common = _common(index, recordings, new) if new and sizes.keys() - recordings.places.keys() else {}
    for (old, place), pairs in sorted(common.items(), key=lambda item: len(item[1]), reverse=True):
        if place in moves.values():  # another corpus has moved there, of which there is more
            continue
        if len(pairs) > MOST * sizes[old] and _has_gone(old, index) and _are_the_same(pairs):
            moves[old] = place
    return moves


def _common(index: Index, recordings: Recordings, new: Set[str]) -> Mapping[tuple[str, str], Pairs]:
    """The recordings that have the same name in a cached place and in a new one, by these two places."""
    names = hashes(_name(recording) for recording in recordings if recording.place in new)
    elsewhere: dict[tuple[str, str], list[Utterance]] = defaultdict(list)
    for part in index.parts():
        for utterance in among(part.entries.values(), _name, names):
            if utterance.place not in recordings.places:
                elsewhere[_name(utterance)].append(utterance)
    common: dict[tuple[str, str], Pairs] = defaultdict(list)
    for recording in recordings if elsewhere else ():
        if recording.place in new:
            for utterance in elsewhere.get(_name(recording), ()):
                common[utterance.place, recording.place].append((utterance, recording))
    return common


def _name(recording: Recording | Utterance) -> tuple[str, str]:
    return recording.speaker, recording.utterance


def _has_gone(place: str, index: Index) -> bool:
    """Whether none of a corpus's recordings is there any more."""
    return all(is_gone(entry.path) for part in index.parts() for entry in part.entries.values() if entry.place == place)


def _are_the_same(pairs: Pairs) -> bool:
    compared = pairs[:: max(len(pairs) // COMPARED, 1)][:COMPARED]
    return sum(_is_the_same(entry, recording) for entry, recording in compared) >= SAME * len(compared)


def _is_the_same(entry: Utterance, recording: Recording) -> bool:
    """Judge by the speech, or where other settings cut that otherwise, by the file's size."""
    if entry.made_with == SETTINGS_DIGEST:
        return speech_digest(recording, entry.channel) == entry.sha256
    return not is_gone(recording.path) and recording.path.stat().st_size == entry.size
