"""Which entries are to be deleted: of recordings that are really gone, and of what is lost, renamed or unusable."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from cache.fill import Filling
from cache.index import Utterance
from cache.mark import SETTINGS_DIGEST, CacheError
from corpus.listing import Listing
from corpus.recording import Key, Recording
from storage.counting import counted
from storage.existence import is_gone

SUSPICIOUS_SHARE = 0.25  # of a corpus: if more is gone, something else is likelier than that it was deleted


def not_in_listing(entries: Mapping[Key, Utterance], recordings: Collection[Recording]) -> list[Utterance]:
    """Find the entries of what is not among the recordings."""
    keys = {recording.key for recording in recordings}
    return [entry for entry in entries.values() if entry.key not in keys]


def without_recording(
    entries: Mapping[Key, Utterance], recordings: Collection[Recording], listing: Listing, sure: bool
) -> list[Key]:
    """Find the entries whose recordings are gone from the corpora of a listing.

    A corpus of which no recording was seen has no such entries, and neither has a folder that could not be read, or
    that is empty: it may be where a disk belongs.

    Args:
        sure: whether even a large share may be deleted, and what is there but was not chosen (another microphone, a
            line that a manifest no longer has).

    Raises:
        CacheError: a suspiciously large share of a corpus is gone.
    """
    places = {recording.place for recording in recordings}
    candidates = [
        entry
        for entry in not_in_listing(entries, recordings)
        if entry.place in places and listing.could_see(entry.path)
    ]
    gone = [entry for entry in candidates if _is_really_gone(entry)]
    if not sure:
        _refuse_suspicious(gone, entries.values())
    not_chosen = [entry for entry in candidates if sure and not is_gone(entry.path)]
    return [entry.key for entry in (*gone, *not_chosen)]


def _refuse_suspicious(gone: Iterable[Utterance], entries: Iterable[Utterance]) -> None:
    before = Counter(entry.place for entry in entries)
    for place, count in Counter(entry.place for entry in gone).items():
        if count > SUSPICIOUS_SHARE * before[place]:
            verb = "is" if count == 1 else "are"
            raise CacheError(
                f"{count} of {counted(before[place], 'cached recording')} {verb} no longer in {place}, which is "
                "suspiciously many. Nothing was deleted; if they are to be, add --yes"
            )


def renamed(filling: Filling, recordings: Collection[Recording], listing: Listing) -> list[Key]:
    """Find the old entries of files that were added in this run under the names which they have now."""
    added = {(filling.entries[key].place, filling.entries[key].sha256) for key in filling.added}
    others = not_in_listing(filling.entries, recordings) if added else []
    return [
        entry.key
        for entry in others
        if (entry.place, entry.sha256) in added and listing.could_see(entry.path) and _is_really_gone(entry)
    ]


def unusable(filling: Filling) -> list[Key]:
    """Find the entries made with other settings, of recordings that can't be used with those of today."""
    keys = {skipped.recording.key for skipped in filling.skipped if not skipped.is_missing}
    return [key for key in keys & filling.entries.keys() if filling.entries[key].made_with != SETTINGS_DIGEST]


def lost(filling: Filling) -> list[Key]:
    """Find the entries whose WAV file and recording are both gone, so that they can't be made again."""
    return [key for key, entry in filling.entries.items() if not filling.is_stored(entry) and is_gone(entry.path)]


def duplicates(entries: Iterable[Utterance]) -> list[tuple[Utterance, Utterance]]:
    """Find entries with the same samples: each with the first that has them.

    Of two speakers, they make for wrong figures, and for a network that learns to tell a speaker from the same speaker;
    of one speaker, they may train and test with the same recording.
    """
    first: dict[str, Utterance] = {}
    return [(other, entry) for entry in entries if (other := first.setdefault(entry.sha256, entry)) is not entry]


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
