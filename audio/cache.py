"""The utterance cache: each recording once, decoded, at 8 kHz, without its outer silence.

<cache>/cache.json                      the mark of a folder that this tool wrote, and its settings
<cache>/index.jsonl                     one line per utterance, see `index`
<cache>/audio/<speaker>/<utterance>.wav the voiced part, 16-bit mono
<cache>/staging/                        WAV files on their way there; empty between runs

Workers decode and write into the staging folder. One process, the parent, flushes each file to the disk, puts it in its
place and then says so in the index: wherever a run is killed, the index names no file that is not whole.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from tqdm import tqdm

from audio.entries import (
    AUDIO_FOLDER,
    STAGING_FOLDER,
    CacheError,
    Skipped,
    Utterance,
    audio_path,
    is_whole,
    make_entry,
)
from audio.index import index_line, read_index, write_index
from audio.mark import adopt, check_ownership, is_marked
from audio.parallel import overlapped_map, parallel_map
from audio.scan import CACHE_INDEX, Recording
from storage.atomic import TEMPORARY_PREFIX, publish
from storage.lock import folder_lock

INPUTS_NAME = "full_inputs.pkl"  # written by batcher/, deleted with the cache it came from
FLUSHES_AT_ONCE = 8  # files under way to the disk, which writes several as fast as one

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CacheReport:
    """What a run did."""

    added: int
    unchanged: int
    skipped: tuple[Skipped, ...]


class UtteranceCache:
    """The cache in one folder; nothing is created before `update`."""

    def __init__(self, folder: Path):
        self.folder = folder

    @cached_property
    def utterances(self) -> dict[tuple[str, str], Utterance]:
        """The index, by speaker and utterance."""
        return read_index(self.folder)

    @classmethod
    def open(cls, folder: Path) -> "UtteranceCache":
        """Open a cache that must exist.

        Raises:
            CacheError: nothing is cached in `folder`.
        """
        cache = cls(folder)
        if not cache.utterances:
            raise CacheError(f"no cached utterances in {folder}; run cli.py --regenerate_full_cache first")
        return cache

    def speakers(self) -> list[str]:
        """Names in order."""
        return sorted({speaker for speaker, _ in self.utterances})

    def known_speakers(self) -> set[tuple[str, str]]:
        """(speaker, corpus) pairs."""
        return {(entry.speaker, entry.corpus) for entry in self.utterances.values()}

    def of_speaker(self, speaker: str, corpus: str | None = None) -> list[Utterance]:
        """A speaker's utterances in order of name, of one corpus or of all; empty for an unknown speaker."""
        entries = (entry for _, entry in sorted(self.utterances.items()) if entry.speaker == speaker)
        return [entry for entry in entries if corpus in (None, entry.corpus)]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for writing, and see what whoever held it before has left."""
        with folder_lock(self.folder):
            self.__dict__.pop("utterances", None)  # what `cached_property` keeps
            yield

    def update(self, recordings: list[Recording], workers: int = 1) -> CacheReport:
        """Add what is new or changed in `recordings`; keep everything else.

        Raises:
            CacheError: the folder holds other files and is not a cache.
            OSError: it can't be written to, or the disk is full.
        """
        check_ownership(self.folder)
        with self.locked():
            adopt(self.folder, {str(recording.root) for recording in recordings})
            pending = [recording for recording in recordings if not self._is_current(recording)]
            with self._staging():
                outcomes = list(self._make(pending, workers))
            write_index(self.folder, self.utterances.values())
        skipped = tuple(outcome for outcome in outcomes if isinstance(outcome, Skipped))
        added = outcomes.count(True)
        return CacheReport(added, len(recordings) - added - len(skipped), skipped)

    def owned_files(self) -> list[Path]:
        """Every file in the folder that this tool wrote for the cache; trained models are not among them."""
        if not is_marked(self.folder):
            return []
        named = [self.folder / name for name in (CACHE_INDEX, INPUTS_NAME)]
        left_over = [*self.folder.glob(f"{TEMPORARY_PREFIX}*"), *self._staged()]
        files = (*(audio_path(self.folder, key) for key in self.utterances), *left_over, *named)
        return [path for path in files if path.is_file() and not path.is_symlink()]

    def clear(self) -> None:
        """Delete `owned_files` and the folders that this empties.

        Raises:
            CacheError: the folder holds other files and is not a cache.
        """
        check_ownership(self.folder)
        with self.locked():
            files = self.owned_files()
            for path in files:
                path.unlink()
            for speaker_folder in {path.parent for path in files} - {self.folder}:
                if not any(speaker_folder.iterdir()):
                    speaker_folder.rmdir()
            self.utterances = {}

    def _is_current(self, recording: Recording) -> bool:
        entry = self.utterances.get((recording.speaker, recording.utterance))
        if entry is None or entry.source != recording.source or not is_whole(self.folder, entry):
            return False
        try:
            stat = recording.path.stat()
        except OSError:
            return False
        return (entry.size, entry.mtime_ns) == (stat.st_size, stat.st_mtime_ns)

    def _make(self, pending: list[Recording], workers: int) -> Iterator[bool | Skipped]:
        """Do the recordings; True for each that was written, False for each that had only moved."""
        work = [(recording, self.utterances.get((recording.speaker, recording.utterance))) for recording in pending]
        made = parallel_map(partial(make_entry, self.folder), work, workers)
        placed = overlapped_map(self._place, made, FLUSHES_AT_ONCE)
        with open(self.folder / CACHE_INDEX, "a", encoding="utf-8", buffering=1) as index:
            for recording, outcome in zip(pending, tqdm(placed, "cache", len(work), unit="file")):
                if isinstance(outcome, Skipped):
                    _check_source(recording)
                    yield outcome
                    continue
                utterance, staged = outcome
                self.utterances[utterance.key] = utterance
                index.write(index_line(utterance))
                yield staged is not None

    def _place(self, outcome: Skipped | tuple[Utterance, Path | None]) -> Skipped | tuple[Utterance, Path | None]:
        """Give a staged file its name; the outcome itself goes on."""
        if not isinstance(outcome, Skipped):
            utterance, staged = outcome
            if staged is not None:
                path = audio_path(self.folder, utterance.key)
                path.parent.mkdir(exist_ok=True)
                publish(staged, path)
        return outcome

    @contextmanager
    def _staging(self) -> Iterator[None]:
        """Have a staging folder, empty at first, gone afterwards; what a killed run left in it goes too.

        Raises:
            CacheError: a link stands where the cache's own folders should be; it may lead anywhere.
        """
        folders = [self.folder / name for name in (STAGING_FOLDER, AUDIO_FOLDER)]
        for folder in (*folders, *folders[1].glob("*")):
            if folder.is_symlink():
                raise CacheError(f"{folder} is a symbolic link, and the cache writes only inside its own folder")
        for folder in folders:
            folder.mkdir(exist_ok=True)
        try:
            self._unstage()
            yield
        finally:
            self._unstage()
            with suppress(OSError):  # somebody else's file is in it
                folders[0].rmdir()

    def _staged(self) -> Iterator[Path]:
        return (self.folder / STAGING_FOLDER).glob(f"{TEMPORARY_PREFIX}*")

    def _unstage(self) -> None:
        for path in self._staged():
            path.unlink()


def _check_source(recording: Recording) -> None:
    """Tell a recording that can't be used from a corpus that has gone, so that not all of it is skipped.

    Raises:
        FileNotFoundError: the corpus has gone.
    """
    if not recording.root.is_dir():
        raise FileNotFoundError(f"{recording.root} has gone while it was being read; what was cached so far is kept")
