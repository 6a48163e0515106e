"""Update a cache, or make it anew. Files that no entry names are deleted last, when the index is on the disk."""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from cache import obsolete
from cache.corpora import Settled, settle_names
from cache.entries import USUAL, Intake, Skipped, audio_path
from cache.fill import Filling, check_present, fill
from cache.index import Utterance, write_index
from cache.kept_embeddings import forget_kept
from cache.mark import CURRENT, CacheError, CacheMark, check_ownership, write_mark
from cache.relabelling import relabelled
from cache.utterances import UtteranceCache
from cache.wav_files import delete_files, delete_outdated, files_of_format_2, wav_files
from corpus.listing import Listing
from corpus.recording import Key, Recording
from storage.atomic import sync_folder
from storage.counting import counted
from storage.errors import first_few
from storage.parallel import Workers

SHOWN = 3  # names in a message

RENAMED = "recording has another name now", "recordings have other names now"
GONE = (
    "utterance is deleted, as its recording is gone or not chosen",
    "utterances are deleted, as their recordings are gone or not chosen",
)
UNUSABLE = "entry of an earlier version can't be made again", "entries of an earlier version can't be made again"
LOST = (
    "utterance is lost, with both file and recording gone",
    "utterances are lost, with both file and recording gone",
)

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
    cache: UtteranceCache, listing: Listing, workers: Workers = 1, sure: bool = False, intake: Intake = USUAL
) -> CacheReport:
    """Add what is new or changed in a listing; keep everything else.

    Args:
        sure: whether to do so even if that loses what a cache of an earlier version holds of other folders.
        intake: what is taken of the recordings.

    Raises:
        CacheError: the folder holds other files and is not a cache, or one of a newer version; or names clash, see
            `corpora` and `relabelling`.
        OSError: it can't be written to, or the disk is full.
    """
    mark = check_ownership(cache.folder)
    with cache.locked():
        filling, recordings = _begin(cache, listing, mark, sure)
        due = [recording for recording in recordings if not filling.is_current(recording, intake.channel)]
        fill(cache.folder, filling, due, workers, intake=intake)
        _forget(filling, obsolete.renamed(filling, recordings, listing), RENAMED)
        _end(cache, filling, mark)
    unchanged = len(recordings) - len(filling.added) - len(filling.skipped)
    return CacheReport(len(filling.added), unchanged, 0, tuple(filling.skipped), tuple(filling.mixed))


def regenerate(
    cache: UtteranceCache, listing: Listing, workers: Workers = 1, sure: bool = False, intake: Intake = USUAL
) -> CacheReport:
    """Make everything anew from a listing, then delete the entries of its corpora that it no longer has.

    What was cached is replaced piece by piece, so that a run that fails or is killed loses nothing. Entries of what
    could not be seen stay: of other corpora, of folders that can't be read, of a corpus without any recording.

    Args:
        sure: whether to delete even a suspiciously large share of a corpus, and what is there but was not chosen.
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
        gone = obsolete.without_recording(filling.entries, recordings, listing, sure)
        _log_unseen(filling, recordings, gone)
        fill(cache.folder, filling, recordings, workers, anew=True, intake=intake)
        if not filling.added:
            count, reason = counted(len(recordings), "recording"), filling.skipped[0].reason
            raise CacheError(f"of {count}, none can be used: {reason}")
        for recording in {recording.place: recording for recording in recordings}.values():
            check_present(recording)
        still = set(obsolete.without_recording(filling.entries, recordings, listing, sure=True))
        gone = [key for key in gone if key in still]  # as hours may have passed
        _forget(filling, gone, GONE)
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
    settled = settle_names(earlier.values(), listing)
    _log_names(settled, listing)
    entries = relabelled(earlier, settled, listing)
    if entries != earlier:
        changed = sum(earlier.get(key) != entry for key, entry in entries.items())
        logger.info("%s other names now", "1 utterance has" if changed == 1 else f"{changed} utterances have")
        write_index(folder, entries.values())
    outdated = [] if mark is None or mark.is_current else files_of_format_2(folder)
    return Filling(entries, wav_files(folder), outdated), settled.recordings


def _log_names(settled: Settled, listing: Listing) -> None:
    """Log which corpora have moved, and which are called otherwise than the listing suggests."""
    for old, new in settled.moves.items():
        logger.info("the recordings of %s are in %s now", old, new)
    for place, name in settled.names.items():
        if name != listing.places.get(place, name):
            logger.info("the corpus in %s goes by the name of %s", place, name)


def _check_earlier(mark: CacheMark, recordings: Collection[Recording], sure: bool) -> None:
    """Refuse to make a cache of an earlier version again from a part of what it was made of."""
    paths = [recording.path for recording in recordings]
    others = [root for root in mark.filled_from if not any(path.is_relative_to(root) for path in paths)]
    if others and not sure:
        raise CacheError(
            f"the cache was made by an earlier version of this tool, and from {first_few(sorted(others), SHOWN)} too, "
            "which would be lost. Name a new --cache_output_dir; or add --yes, and --update_cache from there afterwards"
        )


def _end(cache: UtteranceCache, filling: Filling, mark: CacheMark | None) -> None:
    """Write the index, then delete the files that it does not name, or that an earlier version's named."""
    folder, entries = cache.folder, filling.entries
    _forget(filling, obsolete.unusable(filling), UNUSABLE)
    _forget(filling, obsolete.lost(filling), LOST)
    for place in {audio_path(folder, entries[key].sha256).parent for key in filling.added if key in entries}:
        sync_folder(place)
    earlier = filling.stored.keys() | {entry.sha256 for entry in cache.utterances.values()}
    outdated = earlier - {entry.sha256 for entry in entries.values()}
    if outdated:
        forget_kept(folder)
    write_index(folder, entries.values())
    delete_files(folder, filling.stored.keys() & outdated)
    delete_outdated(filling.outdated)
    if mark is not None and mark != CURRENT:
        write_mark(folder)
    cache.utterances = entries
    duplicates = obsolete.duplicates(entries.values())
    _warn_of_duplicates([(a, b) for a, b in duplicates if a.whose != b.whose], "another speaker")
    _warn_of_duplicates([(a, b) for a, b in duplicates if a.whose == b.whose], "the same speaker")


def _forget(filling: Filling, keys: Collection[Key], messages: tuple[str, str]) -> None:
    """Take entries out of the index, and warn of them: by the first message of one, by the second of several."""
    for key in keys:
        del filling.entries[key]
    if keys:
        shown = first_few(sorted("/".join(key) for key in keys), SHOWN)
        logger.warning("%d %s: %s", len(keys), messages[len(keys) > 1], shown)


def _warn_of_duplicates(pairs: list[tuple[Utterance, Utterance]], whose: str) -> None:
    if pairs:
        which = "recording has" if len(pairs) == 1 else "recordings have"
        first, second = ("/".join(utterance.key) for utterance in pairs[0])
        logger.warning(
            "%d %s the same samples as a recording of %s, as %s and %s", len(pairs), which, whose, first, second
        )


def _log_unseen(filling: Filling, recordings: Collection[Recording], gone: Collection[Key]) -> None:
    """Log what stays in the cache beside what was asked for."""
    unseen = {entry.key: entry.place for entry in obsolete.not_in_listing(filling.entries, recordings)}
    for key in gone:
        del unseen[key]
    if unseen:
        places = first_few(sorted(set(unseen.values())), SHOWN)
        which = "1 utterance stays" if len(unseen) == 1 else f"{len(unseen)} utterances stay"
        logger.info("%s, whose recordings were not seen or not chosen, of %s", which, places)
