"""Update a cache, or make it anew. Files that no entry names are deleted last, when the index is on the disk."""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from cache import lapsed
from cache.corpora import relabelled, settle_names
from cache.entries import USUAL, Intake, Skipped, audio_path
from cache.fill import Filling, check_present, fill
from cache.index import Key, Utterance, write_index
from cache.mark import CURRENT, CacheError, CacheMark, check_ownership, write_mark
from cache.stored import delete_files, delete_outdated, files_of_format_2, stored_files
from cache.utterances import UtteranceCache
from corpus.listing import Listing
from corpus.recording import Recording
from storage.atomic import sync_folder
from storage.errors import first_few

SHOWN = 3  # names in a message

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CacheReport:
    """What a run did."""

    added: int
    unchanged: int
    deleted: int
    skipped: tuple[Skipped, ...]
    mixed: tuple[Path, ...]  # recordings whose channels have different speech


def update(
    cache: UtteranceCache, listing: Listing, workers: int = 1, sure: bool = False, intake: Intake = USUAL
) -> CacheReport:
    """Add what is new or changed in a listing; keep everything else.

    Args:
        sure: also where that costs what a cache of an earlier version holds of other folders.
        intake: what is taken of the recordings.

    Raises:
        CacheError: the folder holds other files and is not a cache, or one of a newer version; or names clash, see
            `corpora`.
        OSError: it can't be written to, or the disk is full.
    """
    mark = check_ownership(cache.folder)
    with cache.locked():
        filling, recordings = _begin(cache, listing, mark, sure)
        due = [one for one in recordings if not filling.is_current(one, intake.channel)]
        fill(cache.folder, filling, due, workers, intake=intake)
        renamed = lapsed.renamed(filling, recordings, listing)
        _forget(filling, renamed, "%d recordings have other names now, as that of %s")
        _end(cache, filling, mark)
    unchanged = len(recordings) - len(filling.added) - len(filling.skipped)
    return CacheReport(len(filling.added), unchanged, 0, tuple(filling.skipped), tuple(filling.mixed))


def regenerate(
    cache: UtteranceCache, listing: Listing, workers: int = 1, sure: bool = False, intake: Intake = USUAL
) -> CacheReport:
    """Make everything anew from a listing, then delete the entries of its corpora that it no longer has.

    What was cached is replaced piece by piece, so that a run that fails or is killed has cost nothing. Entries of
    what could not be seen stay: of other corpora, of folders that can't be read, of a corpus without any recording.

    Args:
        sure: delete also a suspiciously large share of a corpus, and what is there but was not chosen.
        intake: what is taken of the recordings.

    Raises:
        CacheError: as for `update`; none of the recordings can be used; or a suspiciously large share of a corpus has
            gone.
        FileNotFoundError: the corpus has gone meanwhile.
        OSError: the folder can't be written to, or the disk is full.
    """
    mark = check_ownership(cache.folder)
    with cache.locked():
        filling, recordings = _begin(cache, listing, mark, sure)
        gone = lapsed.gone(filling.entries, recordings, listing, sure)
        _tell_unseen(filling, recordings, gone)
        fill(cache.folder, filling, recordings, workers, anew=True, intake=intake)
        if not filling.added:
            raise CacheError(f"none of the {len(recordings)} recordings can be used: {filling.skipped[0].reason}")
        for recording in {one.place: one for one in recordings}.values():
            check_present(recording)
        still = set(lapsed.gone(filling.entries, recordings, listing, sure=True))  # after what may have been hours
        gone = [key for key in gone if key in still]
        _forget(filling, gone, "%d utterances are deleted, as their recordings are gone or not chosen: %s")
        _end(cache, filling, mark)
    return CacheReport(len(filling.added), 0, len(gone), tuple(filling.skipped), tuple(filling.mixed))


def _begin(
    cache: UtteranceCache, listing: Listing, mark: CacheMark | None, sure: bool
) -> tuple[Filling, list[Recording]]:
    """The entries under the names of the listing, as the index has them from here on."""
    folder = cache.folder
    if mark is None:
        write_mark(folder)
    elif not mark.is_current:
        _check_earlier(mark, listing.recordings, sure)
        logger.warning("%s was made by an earlier version of this tool; every utterance is done again", folder)
    earlier = cache.utterances
    recordings, names, moved = settle_names(earlier.values(), listing)
    for old, new in moved.items():
        logger.info("the recordings of %s are in %s now", old, new)
    for place, name in names.items():
        if name != listing.places.get(place, name):
            logger.info("the corpus in %s goes by the name of %s", place, name)
    entries = relabelled(earlier, recordings, names, moved, listing)
    if entries != earlier:
        logger.info("%d utterances have other names now", sum(earlier.get(key) != one for key, one in entries.items()))
        write_index(folder, entries.values())
    outdated = [] if mark is None or mark.is_current else files_of_format_2(folder)
    return Filling(entries, stored_files(folder), outdated), recordings


def _check_earlier(mark: CacheMark, recordings: Collection[Recording], sure: bool) -> None:
    """Refuse to make a cache of an earlier version again from a part of what it was made of."""
    paths = [one.path for one in recordings]
    others = [root for root in mark.filled_from if not any(path.is_relative_to(root) for path in paths)]
    if others and not sure:
        raise CacheError(
            f"the cache was made by an earlier version of this tool, and from {first_few(sorted(others), SHOWN)} too, "
            "which would be lost. Name a new --cache_output_dir; or add --yes, and --update_cache from there afterwards"
        )


def _end(cache: UtteranceCache, filling: Filling, mark: CacheMark | None) -> None:
    """Write the index, then delete the files that it does not name, or that an earlier version's named."""
    folder, entries = cache.folder, filling.entries
    _forget(filling, lapsed.unusable(filling), "%d entries of an earlier version can't be made again: %s")
    _forget(filling, lapsed.lost(filling), "%d utterances are lost, with both file and recording gone: %s")
    for place in {audio_path(folder, entries[key].sha256).parent for key in filling.added if key in entries}:
        sync_folder(place)
    write_index(folder, entries.values())
    delete_files(folder, filling.stored.keys() - {one.sha256 for one in entries.values()})
    delete_outdated(filling.outdated)
    if mark is not None and mark != CURRENT:
        write_mark(folder)
    cache.utterances = entries
    twins = lapsed.twins(entries.values())
    _tell_twins([(one, other) for one, other in twins if one[:2] != other[:2]], "another")
    _tell_twins([(one, other) for one, other in twins if one[:2] == other[:2]], "the same")


def _forget(filling: Filling, keys: Collection[Key], message: str) -> None:
    for key in keys:
        del filling.entries[key]
    if keys:
        logger.warning(message, len(keys), first_few(sorted("/".join(key) for key in keys), SHOWN))


def _tell_twins(pairs: list[tuple[Utterance, Utterance]], whose: str) -> None:
    if pairs:
        told = len(pairs), whose, *("/".join(one.key) for one in pairs[0])
        logger.warning("%d recordings say what one of %s speaker says, sample by sample, as %s and %s", *told)


def _tell_unseen(filling: Filling, recordings: Collection[Recording], gone: Collection[Key]) -> None:
    """Say what stays in the cache beside what was asked for."""
    unseen = {one.key: one.place for one in lapsed.unlisted(filling.entries, recordings)}
    for key in gone:
        del unseen[key]
    if unseen:
        logger.info(
            "%d utterances stay, whose recordings were not seen or not chosen, of %s",
            len(unseen), first_few(sorted(set(unseen.values())), SHOWN),
        )  # fmt: skip
