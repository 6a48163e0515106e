"""Entries that are to go: of recordings that were really listed and are really gone, and of what is lost or renamed."""

from collections import Counter
from collections.abc import Collection, Iterable

from cache.fill import Filling
from cache.index import Key, Utterance
from cache.mark import CacheError
from corpus.listing import Listing
from corpus.recording import Recording, Speaker

SUSPICIOUS_SHARE = 0.25  # of a corpus: if more is gone, something else is likelier than that it was deleted

Entries = dict[Key, Utterance]


def unlisted(entries: Entries, recordings: Collection[Recording]) -> list[Utterance]:
    """The entries of what is not among the recordings."""
    listed = {one.key for one in recordings}
    return [one for one in entries.values() if one.key not in listed]


def gone(entries: Entries, recordings: Collection[Recording], listing: Listing, sure: bool) -> list[Key]:
    """The entries whose corpora were listed without them.

    A corpus of which no recording was seen has no such entries, and neither has a folder that could not be read.

    Args:
        sure: that a suspiciously large share may be gone.

    Raises:
        CacheError: such a share of a corpus is.
    """
    places = listing.places
    found = [one for one in unlisted(entries, recordings) if one.place in places and listing.could_see(one.path)]
    before = Counter(one.place for one in entries.values())
    for place, count in Counter(one.place for one in found).items():
        if not sure and count > SUSPICIOUS_SHARE * before[place]:
            raise CacheError(
                f"{count} of {before[place]} cached recordings are no longer in {place}, which is suspiciously many. "
                "Nothing was deleted; if they are to be, add --yes"
            )
    return [one.key for one in found]


def renamed(entries: Entries, recordings: Collection[Recording], listing: Listing) -> list[Key]:
    """The entries of files that were cached again under the names which they have now."""
    places, left = listing.places, unlisted(entries, recordings)
    missing = [one for one in left if one.place in places and listing.could_see(one.path) and not one.path.exists()]
    listed = entries.keys() - {one.key for one in left}
    said = {(entries[key].place, entries[key].sha256) for key in listed} if missing else set()
    return [one.key for one in missing if (one.place, one.sha256) in said]


def lost(filling: Filling) -> list[Key]:
    """The entries whose file and recording are both gone, so that nothing will ever mend them."""
    return [key for key, one in filling.entries.items() if not filling.is_stored(one) and not one.path.exists()]


def twins(entries: Iterable[Utterance]) -> list[tuple[Speaker, Speaker]]:
    """Pairs of speakers, one for each recording that is also another speaker's, sample by sample.

    A voice under two names makes for wrong figures, and for a network that is told to tell it from itself.
    """
    whose: dict[str, Speaker] = {}
    return [(other, one.whose) for one in entries if (other := whose.setdefault(one.sha256, one.whose)) != one.whose]
