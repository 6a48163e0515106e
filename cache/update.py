"""Update a cache, or make it anew. Files that no entry names are deleted last, when the index is on the disk."""

import logging
from collections import Counter
from collections.abc import Collection, Set
from dataclasses import dataclass, replace
from pathlib import Path

from cache import obsolete
from cache.corpora import Settled, settle_names
from cache.digests import Raw, contained, from_bytes, hexadecimal, in_order
from cache.entries import USUAL, Intake, Skipped
from cache.fill import Filled, check_present, fill
from cache.index import Utterance
from cache.kept_embeddings import forget_kept
from cache.mark import FORMAT, SHARDED, CacheError, CacheMark, check_ownership, write_mark
from cache.parts import Index
from cache.relabelling import moved, renamed
from cache.survey import Survey, survey
from cache.utterances import UtteranceCache
from cache.wav_files import WavFiles, delete_files, delete_outdated, files_of_format_2, wav_files
from corpus.listing import Listing
from corpus.recording import Key, Recording
from corpus.recordings import Recordings
from storage.atomic import sync_folder
from storage.counting import counted
from storage.errors import first_few
from storage.parallel import Workers
from storage.places import is_below

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
        run = _begin(cache, listing, mark, sure, intake)
        due = run.found.due
        if due or run.found.lost or not run.index.is_sharded:
            filled = fill(cache.folder, run.index, due, workers, intake=intake)
            _end(cache, run, filled, renamed_from=(run.recordings, listing))
        else:
            filled = Filled()
            _tidy(cache, run, run.index, in_order(run.found.digests))
    unchanged = len(run.recordings) - filled.added - len(filled.skipped)
    return CacheReport(filled.added, unchanged, 0, tuple(filled.skipped), tuple(filled.mixed))


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
        run = _begin(cache, listing, mark, sure, intake)
        recordings = run.recordings
        gone = obsolete.without_recording(run.index, recordings, listing, sure)
        _log_unseen(run.index, recordings, gone)
        filled = fill(cache.folder, run.index, recordings, workers, anew=True, intake=intake)
        if not filled.added:
            count, reason = counted(len(recordings), "recording"), filled.skipped[0].reason
            raise CacheError(f"of {count}, none can be used: {reason}")
        for recording in {recording.place: recording for recording in recordings}.values():
            check_present(recording)
        gone &= obsolete.without_recording(Index(cache.folder), recordings, listing, sure=True)  # hours may have passed
        _log_forgotten(gone, GONE)
        _end(cache, run, filled, gone)
    return CacheReport(filled.added, 0, len(gone), tuple(filled.skipped), tuple(filled.mixed))


@dataclass(frozen=True)
class _Run:
    """What is found where a run begins."""

    recordings: Recordings  # under the names that they have in the cache
    index: Index  # which has these names
    stored: WavFiles
    outdated: list[Path]  # files of an earlier version
    found: Survey


def _begin(cache: UtteranceCache, listing: Listing, mark: CacheMark | None, sure: bool, intake: Intake) -> _Run:
    """Bring the index into order, and give its entries the names of the listing."""
    folder = cache.folder
    if mark is None:
        write_mark(folder)
    elif not mark.is_current:
        _check_earlier(mark, listing.recordings, sure)
        logger.warning("%s was made by an earlier version of this tool; every utterance is done again", folder)
    outdated = [] if mark is None or mark.is_current else files_of_format_2(folder)
    stored = wav_files(folder)
    index = cache.index if outdated else cache.index.settled()
    recordings = Recordings.of(listing.recordings)
    found = survey(index, recordings, stored, intake.channel)
    settled = settle_names(index, listing)
    _log_names(settled, listing)
    changed = index.changed(moved(index, settled))
    if changed is not index or settled.recordings is not recordings:
        found = survey(changed, settled.recordings, stored, intake.channel)
    changed = changed.changed(renamed(changed, found, listing))
    if changed is not index:
        count = sum(entry is not None for entry in changed.changes.values())
        logger.info("%s other names now", "1 utterance has" if count == 1 else f"{count} utterances have")
        index = changed.written()
        found = survey(index, settled.recordings, stored, intake.channel)
    return _Run(settled.recordings, index, stored, outdated, found)


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
    others = [root for root in mark.filled_from if not any(is_below(path, Path(root)) for path in paths)]
    if others and not sure:
        raise CacheError(
            f"the cache was made by an earlier version of this tool, and from {first_few(sorted(others), SHOWN)} too, "
            "which would be lost. Name a new --cache_output_dir; or add --yes, and --update_cache from there afterwards"
        )


def _end(
    cache: UtteranceCache,
    run: _Run,
    filled: Filled,
    gone: Set[Key] = frozenset(),
    renamed_from: tuple[Recordings, Listing] | None = None,
) -> None:
    """Write the index, without what is obsolete, then delete the files that it does not name."""
    index = Index(cache.folder)
    stored = wav_files(cache.folder) if filled.folders else run.stored
    found = obsolete.find_obsolete(index, filled, stored, gone, renamed_from)
    for keys, messages in ((found.renamed, RENAMED), (found.unusable, UNUSABLE), (found.lost, LOST)):
        _log_forgotten(keys, messages)
    for place in filled.folders:
        sync_folder(place)
    forgotten = {*gone, *found.renamed, *found.unusable, *found.lost}
    _tidy(cache, replace(run, stored=stored), index, in_order(from_bytes(found.digests)), forgotten)


def _tidy(cache: UtteranceCache, run: _Run, index: Index, digests: Raw, forgotten: Set[Key] = frozenset()) -> None:
    """Write what is not written of the index, then delete the files that it does not name.

    Args:
        digests: of all entries but those to be forgotten, in order.
    """
    folder, stored = cache.folder, run.stored.digests
    unnamed = stored[~contained(stored, digests)]
    if len(unnamed) or not contained(run.found.digests, digests).all():
        forget_kept(folder)
    cache.index = index.without(forgotten)
    delete_files(folder, hexadecimal(unnamed))
    delete_outdated(run.outdated)
    write_mark(folder, SHARDED if cache.index.is_sharded else FORMAT)
    duplicates = obsolete.duplicates(cache.index, digests)
    _warn_of_duplicates([(a, b) for a, b in duplicates if a.whose != b.whose], "another speaker")
    _warn_of_duplicates([(a, b) for a, b in duplicates if a.whose == b.whose], "the same speaker")


def _log_forgotten(keys: Collection[Key], messages: tuple[str, str]) -> None:
    """Warn of entries that go: by the first message of one, by the second of several."""
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


def _log_unseen(index: Index, recordings: Recordings, gone: Collection[Key]) -> None:
    """Log what stays in the cache beside what was asked for."""
    unseen = Counter(entry.place for entry in obsolete.not_in_listing(index, recordings) if entry.key not in gone)
    if unseen:
        count, places = unseen.total(), first_few(sorted(unseen), SHOWN)
        which = "1 utterance stays" if count == 1 else f"{count} utterances stay"
        logger.info("%s, whose recordings were not seen or not chosen, of %s", which, places)
