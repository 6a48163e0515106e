"""Put recordings into a cache folder.

Workers decode, and write into the staging folder. One process, the parent, flushes each file to the disk, gives it
its name, and only then adds a line to the index. Files that no entry names are deleted last, when the index is on the
disk: whenever a run is killed, each entry is the old or the new one, whole.
"""

import logging
import os
from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from cache.corpora import relabelled, settle_names
from cache.entries import AUDIO_FOLDER, HEADER_SIZE, Entry, Skipped, audio_path, make_entry
from cache.index import INDEX, Key, Utterance, index_line, write_index
from cache.mark import SETTINGS_DIGEST, CacheError, check_ownership, read_mark, write_mark
from cache.staging import staging
from cache.stored import delete_files, delete_format_2, stored_files
from cache.utterances import UtteranceCache
from corpus.listing import Listing
from corpus.recording import Recording, Speaker
from storage.atomic import publish, sync_folder
from storage.parallel import overlapped_map, parallel_map

FLUSHES_AT_ONCE = 8  # batches of files under way to the disk, which writes several as fast as one
SUSPICIOUS_SHARE = 0.25  # of a corpus: if more is gone, something else is likelier than that it was deleted
SHOWN = 3  # names in a message

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CacheReport:
    """What a run did."""

    added: int
    unchanged: int
    deleted: int
    skipped: tuple[Skipped, ...]


@dataclass
class _Filling:
    """A run on its way: the entries, the files that are stored, and what was done."""

    entries: dict[Key, Utterance]
    stored: dict[str, int]  # bytes by digest
    added: list[Key] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def is_current(self, recording: Recording) -> bool:
        """Whether nothing is to be done for a recording."""
        entry = self.entries.get(recording.key)
        if entry is None or entry[:8] != recording or entry.made_with != SETTINGS_DIGEST:
            return False
        try:
            stat = os.stat(recording.origin[0])  # noqa: PTH116, a path is slower, and there are many
        except OSError:
            return False
        return (entry.size, entry.mtime_ns) == (stat.st_size, stat.st_mtime_ns) and self.is_stored(entry)

    def is_stored(self, entry: Utterance) -> bool:
        """Whether its file is there in its full length."""
        return self.stored.get(entry.sha256) == HEADER_SIZE + 2 * entry.samples


def update(cache: UtteranceCache, listing: Listing, workers: int = 1) -> CacheReport:
    """Add what is new or changed in a listing; keep everything else.

    Raises:
        CacheError: the folder holds other files and is not a cache, or the corpus's name is another one's.
        OSError: it can't be written to, or the disk is full.
    """
    check_ownership(cache.folder)
    with cache.locked():
        filling, recordings = _begin(cache, listing)
        pending = [(one, filling.entries.get(one.key)) for one in recordings if not filling.is_current(one)]
        _fill(cache.folder, filling, pending, workers)
        _end(cache, filling)
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
    check_ownership(cache.folder)
    with cache.locked():
        filling, recordings = _begin(cache, listing)
        gone = _gone(filling.entries, recordings, listing, sure)
        _fill(cache.folder, filling, [(one, filling.entries.get(one.key)) for one in recordings], workers, anew=True)
        if not filling.added:
            raise CacheError(f"none of the {len(recordings)} recordings can be used: {filling.skipped[0].reason}")
        for recording in {one.place: one for one in recordings}.values():
            _check_present(recording)
        for key in gone:
            del filling.entries[key]
        _end(cache, filling)
    return CacheReport(len(filling.added), 0, len(gone), tuple(filling.skipped))


def _begin(cache: UtteranceCache, listing: Listing) -> tuple[_Filling, list[Recording]]:
    """The entries under the names of the listing, as the index has them from here on."""
    folder = cache.folder
    mark = read_mark(folder)
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
    return _Filling(entries, stored_files(folder)), recordings


def _fill(
    folder: Path,
    filling: _Filling,
    work: list[tuple[Recording, Utterance | None]],
    workers: int,
    anew: bool = False,
) -> None:
    """Make the entries of recordings, each given with what the index says of it so far.

    Args:
        anew: write the files again, also of those that say the same as before.
    """
    (folder / AUDIO_FOLDER).mkdir(exist_ok=True)
    make = partial(make_entry, folder, anew=anew)
    with (
        _appending(folder / INDEX) as index,
        staging(folder),  # left last, when nobody writes there any more
        closing(parallel_map(make, work, workers)) as made,
        closing(overlapped_map(partial(_place, folder), made, FLUSHES_AT_ONCE)) as placed,
    ):
        for outcome in tqdm(placed, "cache", len(work), unit="file"):
            if isinstance(outcome, Skipped):
                if outcome.is_missing:
                    _check_present(outcome.recording)
                filling.skipped.append(outcome)
                continue
            entry = outcome.utterance
            index.write(index_line(entry))
            filling.entries[entry.key] = entry
            if outcome.staged is not None:
                filling.stored[entry.sha256] = HEADER_SIZE + 2 * entry.samples
                filling.added.append(entry.key)


def _appending(path: Path) -> TextIO:
    """The index, ready for a line: one that was torn ends here."""
    index = open(path, "a+", encoding="ascii", buffering=1)  # noqa: SIM115, the caller closes it
    if index.tell():
        index.write("\n")
    return index


def _place(folder: Path, outcome: Entry | Skipped) -> Entry | Skipped:
    if isinstance(outcome, Entry) and outcome.staged is not None:
        path = audio_path(folder, outcome.utterance.sha256)
        path.parent.mkdir(exist_ok=True)
        publish(outcome.staged, path)
    return outcome


def _check_present(recording: Recording) -> None:
    """Else all of a corpus would be skipped, and its entries seem to be nobody's.

    Raises:
        FileNotFoundError: the corpus has gone, or its folder is empty, as the mount point of a disk without it.
    """
    try:
        with os.scandir(recording.place) as inside:
            empty = next(inside, None) is None
    except OSError:
        empty = True
    if empty and not recording.path.exists():
        raise FileNotFoundError(f"{recording.place} has gone while it was read; what was cached so far is kept")


def _end(cache: UtteranceCache, filling: _Filling) -> None:
    """Write the index, then delete the files that it does not name."""
    folder, entries = cache.folder, filling.entries
    lost = [key for key, one in entries.items() if not filling.is_stored(one) and not one.path.exists()]
    for key in lost:
        del entries[key]
    if lost:
        named = ", ".join("/".join(key) for key in lost[:SHOWN])
        logger.warning("%d utterances are lost, with both file and recording gone: %s", len(lost), named)
    mark = read_mark(folder)
    if mark is not None and not mark.is_current:
        delete_format_2(folder)
    for place in {audio_path(folder, entries[key].sha256).parent for key in filling.added if key in entries}:
        sync_folder(place)
    write_index(folder, entries.values())
    delete_files(folder, filling.stored.keys() - {one.sha256 for one in entries.values()})
    write_mark(folder)
    cache.utterances = entries
    _warn_of_twins(entries.values())


def _gone(entries: dict[Key, Utterance], recordings: Collection[Recording], listing: Listing, sure: bool) -> list[Key]:
    """The entries whose corpora were listed and which are not among the recordings."""
    listed, places = {one.key for one in recordings}, listing.places
    unlisted = [one for one in entries.values() if one.key not in listed]
    gone = [one for one in unlisted if one.place in places and listing.could_see(one.path)]
    kept = Counter(one.place for one in unlisted) - Counter(one.place for one in gone)
    if kept:
        logger.info("%d utterances stay that were not to be seen, of %s", kept.total(), _shown(kept))
    before = Counter(one.place for one in entries.values())
    for place, count in Counter(one.place for one in gone).items():
        if not sure and count > SUSPICIOUS_SHARE * before[place]:
            raise CacheError(
                f"{count} of {before[place]} cached recordings are no longer in {place}, which is suspiciously many. "
                "Nothing was changed; if they are to be deleted, add --yes"
            )
    return [one.key for one in gone]


def _warn_of_twins(entries: Iterable[Utterance]) -> None:
    """A voice under two names makes for wrong figures, and for a network that is told to tell it from itself."""
    whose: dict[str, Speaker] = {}
    twins = [(one.whose, other) for one in entries if (other := whose.setdefault(one.sha256, one.whose)) != one.whose]
    if twins:
        a, b = twins[0]
        logger.warning(
            "%d recordings are those of another speaker, sample by sample, as of %s and %s", len(twins), b, a
        )


def _shown(places: Iterable[str]) -> str:
    names = sorted(places)
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
