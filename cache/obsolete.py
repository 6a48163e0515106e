"""Which entries are to be deleted: of recordings that are really gone, and of what is lost, renamed or unusable."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path

from cache.digests import Raw, contained, from_bytes, hexadecimal, in_order, raw, repeated
from cache.fill import Filled
from cache.index import Utterance
from cache.mark import SETTINGS_DIGEST, CacheError
from cache.parts import Index
from cache.survey import by_part
from cache.wav_files import WavFiles
from corpus.listing import Listing
from corpus.recording import Key, Speaker
from corpus.recordings import Recordings
from storage.counting import counted
from storage.existence import is_gone

SUSPICIOUS_SHARE = 0.25  # of a corpus: if more is gone, something else is likelier than that it was deleted


def not_in_listing(index: Index, recordings: Recordings) -> Iterator[Utterance]:
    """Find the entries of what is not among the recordings."""
    speakers = by_part(index, recordings)
    for number, part in enumerate(index.parts()):
        yield from _not_among(part.entries, speakers.get(number, ()), recordings)


def _not_among(
    entries: Mapping[Key, Utterance], speakers: Iterable[Speaker], recordings: Recordings
) -> Iterator[Utterance]:
    keys = {recording.key for speaker in speakers for recording in recordings.of_speaker(speaker)}
    return (entry for key, entry in entries.items() if key not in keys)


def without_recording(index: Index, recordings: Recordings, listing: Listing, sure: bool) -> set[Key]:
    """Find the entries whose recordings are gone from the corpora of a listing.

    A corpus of which no recording was seen has no such entries, and neither has a folder that could not be read, or
    that is empty: it may be where a disk belongs.

    Args:
        sure: whether even a large share may be deleted, and what is there but was not chosen (another microphone, a
            line that a manifest no longer has).

    Raises:
        CacheError: a suspiciously large share of a corpus is gone.
    """
    candidates = [
        entry
        for entry in not_in_listing(index, recordings)
        if entry.place in recordings.places and listing.could_see(entry.path)
    ]
    gone = [entry for entry in candidates if _is_really_gone(entry)]
    if not sure:
        _refuse_suspicious(gone, index.summary.places)
    not_chosen = [entry for entry in candidates if sure and not is_gone(entry.path)]
    return {entry.key for entry in (*gone, *not_chosen)}


def _refuse_suspicious(gone: Iterable[Utterance], entries: Mapping[tuple[str, str], int]) -> None:
    before: Counter[str] = Counter()
    for (place, _), number in entries.items():
        before[place] += number
    for place, count in Counter(entry.place for entry in gone).items():
        if count > SUSPICIOUS_SHARE * before[place]:
            verb = "is" if count == 1 else "are"
            raise CacheError(
                f"{count} of {counted(before[place], 'cached recording')} {verb} no longer in {place}, which is "
                "suspiciously many. Nothing was deleted; if they are to be, add --yes"
            )


@dataclass
class Obsolete:
    """What of an index is to go, and what stays."""

    renamed: list[Key] = field(default_factory=list)  # old entries of files that have other names now
    unusable: list[Key] = field(default_factory=list)  # made with other settings, and can't be with those of today
    lost: list[Key] = field(default_factory=list)  # both WAV file and recording are gone
    digests: bytearray = field(default_factory=bytearray)  # of what stays


def find_obsolete(
    index: Index, filled: Filled, stored: WavFiles, gone: Set[Key], renamed_from: tuple[Recordings, Listing] | None
) -> Obsolete:
    """Find what is to go once a run has filled the cache.

    Args:
        stored: the WAV files that there are.
        gone: entries that are known to go.
        renamed_from: the recordings and their listing, to look for old entries of files that were added in this run
            under the names which they have now; None to leave such entries.
    """
    found = Obsolete()
    skipped = {skipped.recording.key for skipped in filled.skipped if not skipped.is_missing}
    added = {place: in_order(from_bytes(digests)) for place, digests in filled.digests.items()}
    speakers = by_part(index, renamed_from[0]) if renamed_from is not None and added else {}
    for number, part in enumerate(index.parts()):
        left = {key: entry for key, entry in part.entries.items() if key not in gone}
        if renamed_from is not None and added:
            others = list(_not_among(left, speakers.get(number, ()), renamed_from[0]))
            _take(left, found.renamed, (entry.key for entry in _renamed(others, added, renamed_from[1])))
        outdated = [key for key in skipped & left.keys() if left[key].made_with != SETTINGS_DIGEST]
        _take(left, found.unusable, outdated)
        broken = compress(left.values(), ~stored.are_whole(left.values()))
        _take(left, found.lost, [entry.key for entry in broken if is_gone(entry.path)])
        found.digests += bytes.fromhex("".join(entry.sha256 for entry in left.values()))
    return found


def _take(entries: dict[Key, Utterance], taken: list[Key], keys: Iterable[Key]) -> None:
    for key in keys:
        del entries[key]
        taken.append(key)


def _renamed(others: list[Utterance], added: Mapping[str, Raw], listing: Listing) -> Iterator[Utterance]:
    for place, digests in added.items():
        here = [entry for entry in others if entry.place == place]
        for entry in compress(here, contained(raw(entry.sha256 for entry in here), digests)):
            if listing.could_see(entry.path) and _is_really_gone(entry):
                yield entry


def duplicates(index: Index, ordered: Raw) -> list[tuple[Utterance, Utterance]]:
    """Find entries with the same samples: each with the first that has them.

    Of two speakers, they make for wrong figures, and for a network that learns to tell a speaker from the same speaker;
    of one speaker, they may train and test with the same recording.

    Args:
        ordered: the digests of all entries, in order.
    """
    several = set(hexadecimal(repeated(ordered)))
    entries = (entry for part in (index.parts() if several else ()) for entry in part.entries.values())
    sharing = sorted((entry for entry in entries if entry.sha256 in several), key=lambda entry: entry.key)
    first: dict[str, Utterance] = {}
    return [(other, entry) for entry in sharing if (other := first.setdefault(entry.sha256, entry)) is not entry]


def _is_really_gone(entry: Utterance) -> bool:
    """Whether a recording is not there, and neither a link to nowhere nor an empty folder is on the way to it."""
    if not is_gone(entry.path):
        return False
    for folder in entry.path.parents:
        if not is_gone(folder):
            return folder.is_dir() and not _is_empty(folder)
    return False


def _is_empty(folder: Path) -> bool:
    try:
        return next(folder.iterdir(), None) is None
    except OSError:  # it can't be looked into
        return True
