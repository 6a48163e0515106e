"""Update a cache, or make it anew. Files that no entry names are deleted last, when the index is on the disk."""

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from cache import lapsed
from cache.corpora import relabelled, settle_names
from cache.entries import Skipped, audio_path
from cache.fill import Filling, check_present, fill
from cache.index import Key, write_index
from cache.mark import CURRENT, CacheError, CacheMark, check_ownership, write_mark
from cache.stored import delete_files, delete_format_2, stored_files
from cache.utterances import UtteranceCache
from corpus.listing import Listing
from corpus.recording import Recording
from storage.atomic import sync_folder

SHOWN = 3  # names in a message

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CacheReport:
    """What a run did."""

    added: int
    unchanged: int
    deleted: int
    skipped: tuple[Skipped, ...]


def update(cache: UtteranceCache, listing: Listing, workers: int = 1) -> CacheReport:
    """Add what is new or changed in a listing; keep everything else.

    Raises:
        CacheError: the folder holds other files and is not a cache, or the corpus's name is another one's.
        OSError: it can't be written to, or the disk is full.
    """
    mark = check_ownership(cache.folder)
    with cache.locked():
        filling, recordings = _begin(cache, listing, mark)
        fill(cache.folder, filling, [one for one in recordings if not filling.is_current(one)], workers)
        renamed = lapsed.renamed(filling.entries, recordings, listing)
        _forget(filling, renamed, "%d recordings have other names now, as that of %s")
        _end(cache, filling, mark)
    unchanged = len(recordings) - len(filling.added) - len(filling.skipped)
    return CacheReport(len(filling.added), unchanged, 0, tuple(filling.skipped))


def regenerate(cache: UtteranceCache, listing: Listing, workers: int = 1, sure: bool = False) -> CacheReport:
    """Make everything anew from a listing, then delete the entries of its corpora that it no longer has.

    What was cached is replaced piece by piece, so that a run that fails or is killed has cost nothing. Entries of
    what could not be seen stay: of other corpora, of folders that can't be read, of a corpus without any recording.

    Args:
        sure: delete also a suspiciously large share of a corpus.

    Raises:
        CacheError: the folder holds other files and is not a cache, or the corpus's name is another one's; none of the
            recordings can be used; or a suspiciously large share of a corpus has gone.
        FileNotFoundError: the corpus has gone meanwhile.
        OSError: the folder can't be written to, or the disk is full.
    """
    mark = check_ownership(cache.folder)
    with cache.locked():
        filling, recordings = _begin(cache, listing, mark)
        gone = lapsed.gone(filling.entries, recordings, listing, sure)
        _tell_unseen(filling, recordings, gone)
        fill(cache.folder, filling, recordings, workers, anew=True)
        if not filling.added:
            raise CacheError(f"none of the {len(recordings)} recordings can be used: {filling.skipped[0].reason}")
        for recording in {one.place: one for one in recordings}.values():
            check_present(recording)
        _forget(filling, gone, "%d utterances are deleted, as their recordings are gone: %s")
        _end(cache, filling, mark)
    return CacheReport(len(filling.added), 0, len(gone), tuple(filling.skipped))


def _begin(cache: UtteranceCache, listing: Listing, mark: CacheMark | None) -> tuple[Filling, list[Recording]]:
    """The entries under the names of the listing, as the index has them from here on."""
    folder = cache.folder
    if mark is None:
        write_mark(folder)
    elif not mark.is_current:
        logger.warning("%s was made by another version of this tool; every utterance is done again", folder)
    earlier = cache.utterances
    recordings, names, moved = settle_names(earlier.values(), listing)
    for old, new in moved.items():
        logger.info("the recordings of %s are in %s now", old, new)
    for place, name in names.items():
        if name != listing.places[place]:
            logger.info("the corpus in %s goes by the name of %s", place, name)
    entries = relabelled(earlier, recordings, names, moved)
    if entries != earlier:
        logger.info("%d utterances have other names now", sum(earlier.get(key) != one for key, one in entries.items()))
        write_index(folder, entries.values())
    return Filling(entries, stored_files(folder)), recordings


def _end(cache: UtteranceCache, filling: Filling, mark: CacheMark | None) -> None:
    """Write the index, then delete the files that it does not name, or that an earlier version's named."""
    folder, entries = cache.folder, filling.entries
    _forget(filling, lapsed.lost(filling), "%d utterances are lost, with both file and recording gone: %s")
    if mark is not None and not mark.is_current:
        delete_format_2(folder)
    for place in {audio_path(folder, entries[key].sha256).parent for key in filling.added if key in entries}:
        sync_folder(place)
    write_index(folder, entries.values())
    delete_files(folder, filling.stored.keys() - {one.sha256 for one in entries.values()})
    if mark is not None and mark != CURRENT:
        write_mark(folder)
    cache.utterances = entries
    if twins := lapsed.twins(entries.values()):
        one, other = twins[0]
        told = len(twins), one, other
        logger.warning("%d recordings are those of another speaker, sample by sample, as of %s and %s", *told)


def _forget(filling: Filling, keys: Collection[Key], message: str) -> None:
    for key in keys:
        del filling.entries[key]
    if keys:
        logger.warning(message, len(keys), _shown("/".join(key) for key in keys))


def _tell_unseen(filling: Filling, recordings: Collection[Recording], gone: Collection[Key]) -> None:
    """Say what stays in the cache beside what was asked for."""
    unseen = {one.key: one.place for one in lapsed.unlisted(filling.entries, recordings)}
    for key in gone:
        del unseen[key]
    if unseen:
        logger.info("%d utterances stay that were not to be seen, of %s", len(unseen), _shown(set(unseen.values())))


def _shown(names: Iterable[str]) -> str:
    names = sorted(names)
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
