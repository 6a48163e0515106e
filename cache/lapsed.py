"""Entries that are to go: of recordings that were really listed and are really gone, and of what is lost or renamed."""

from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

from cache.fill import Filling
from cache.index import Key, Utterance
from cache.mark import SETTINGS_DIGEST, CacheError
from corpus.listing import Listing
from corpus.recording import Recording
from storage.presence import is_gone

SUSPICIOUS_SHARE = 0.25  # of a corpus: if more is gone, something else is likelier than that it was deleted

Entries = dict[Key, Utterance]


def unlisted(entries: Entries, recordings: Collection[Recording]) -> list[Utterance]:
    """The entries of what is not among the recordings."""
    listed = {one.key for one in recordings}
    return [one for one in entries.values() if one.key not in listed]


def gone(entries: Entries, recordings: Collection[Recording], listing: Listing, sure: bool) -> list[Key]:
    """The entries of the listed corpora whose recordings are gone; if that is sure, also of those that were not chosen.

    A corpus of which no recording was seen has no such entries, and neither has a folder that could not be read, or
    that is empty: it may be where a disk belongs.

    Args:
        sure: that even a large share may go, and what is there and was not chosen (another microphone, a line that a
            manifest no longer has).

    Raises:
        CacheError: a suspiciously large share of a corpus is gone.
    """
    places = {one.place for one in recordings}
    seen = [one for one in unlisted(entries, recordings) if one.place in places and listing.could_see(one.path)]
    found = [one for one in seen if _is_really_gone(one)]
    before = Counter(one.place for one in entries.values())
    for place, count in Counter(one.place for one in found).items():
        if not sure and count > SUSPICIOUS_SHARE * before[place]:
            raise CacheError(
                f"{count} of {before[place]} cached recordings are no longer in {place}, which is suspiciously many. "
                "Nothing was deleted; if they are to be, add --yes"
            )
    chosen_out = [one for one in seen if sure and not is_gone(one.path)]
    return [one.key for one in (*found, *chosen_out)]


def renamed(filling: Filling, recordings: Collection[Recording], listing: Listing) -> list[Key]:
    """The entries of files that were added in this run under the names which they have now."""
    added = {(filling.entries[key].place, filling.entries[key].sha256) for key in filling.added}
    left = unlisted(filling.entries, recordings) if added else []
    return [
        one.key
        for one in left
        if (one.place, one.sha256) in added and listing.could_see(one.path) and _is_really_gone(one)
    ]


def unusable(filling: Filling) -> list[Key]:
    """The entries that were made with other settings, of recordings that can't serve under those of today."""
    keys = {skipped.recording.key for skipped in filling.skipped if not skipped.is_missing}
    return [key for key in keys & filling.entries.keys() if filling.entries[key].made_with != SETTINGS_DIGEST]


def lost(filling: Filling) -> list[Key]:
    """The entries whose file and recording are both gone, so that nothing will ever mend them."""
    return [key for key, one in filling.entries.items() if not filling.is_stored(one) and is_gone(one.path)]


def twins(entries: Iterable[Utterance]) -> list[tuple[Utterance, Utterance]]:
    """Pairs of entries that say the same, sample by sample, one for each that is not the first to say it.

    Of two speakers, they make for wrong figures, and for a network that is told to tell a voice from itself; of one,
    they may train and test with the same.
    """
    first: dict[str, Utterance] = {}
    return [(other, one) for one in entries if (other := first.setdefault(one.sha256, one)) is not one]


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
