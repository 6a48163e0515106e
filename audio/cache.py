"""The utterance cache: each recording once, decoded, at 8 kHz, without its outer silence.

<cache>/cache.json                      the mark of a folder that this tool wrote, and its settings
<cache>/index.jsonl                     one line per utterance, see `index`
<cache>/audio/<speaker>/<utterance>.wav the voiced part, 16-bit mono
"""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tqdm import tqdm

from audio.decode import RESAMPLER_QUALITY, SAMPLE_RATE
from audio.entries import AUDIO_FOLDER, CacheError, Skipped, Utterance, audio_path, is_whole, make_entry
from audio.index import index_line, read_index, write_index
from audio.parallel import parallel_map
from audio.scan import CACHE_INDEX, CACHE_MARK, Recording
from audio.silence import SILENCE_PERCENTILE
from storage.atomic import TEMPORARY_PREFIX, write_atomically
from storage.lock import LOCK_FILES, folder_lock

TOOL = "deep-speaker utterance cache"
SETTINGS = {
    "tool": TOOL,
    "format": 1,
    "sample_rate": SAMPLE_RATE,
    "resampler": f"soxr {RESAMPLER_QUALITY}",
    "silence_percentile": SILENCE_PERCENTILE,
}
INPUTS_NAME = "full_inputs.pkl"  # written by batcher/, deleted with the cache it came from

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CacheReport:
    """What a run did."""

    added: int
    unchanged: int
    skipped: tuple[Skipped, ...]


class UtteranceCache:
    """The cache in one folder. To make the object reads the index; nothing is created before `update`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.utterances = read_index(folder)

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

    def update(self, recordings: list[Recording], workers: int = 1) -> CacheReport:
        """Add what is new or changed in `recordings`; keep everything else.

        Raises:
            CacheError: the folder holds other files and is not a cache.
            OSError: it can't be written to, or the disk is full.
        """
        self.check_ownership()
        with folder_lock(self.folder):
            self._adopt_settings()
            self.utterances = read_index(self.folder)  # whoever held the lock before may have added some
            pending = [recording for recording in recordings if not self._is_current(recording)]
            outcomes = list(self._make(pending, workers))
            write_index(self.folder, self.utterances.values())
        skipped = tuple(outcome for outcome in outcomes if isinstance(outcome, Skipped))
        added = outcomes.count(True)
        return CacheReport(added, len(recordings) - added - len(skipped), skipped)

    def owned_files(self) -> list[Path]:
        """Every file in the folder that this tool wrote for the cache; trained models are not among them."""
        if not self._mark():
            return []
        named = [self.folder / name for name in (CACHE_INDEX, INPUTS_NAME)]
        left_over = [
            *self.folder.glob(f"{TEMPORARY_PREFIX}*"),
            *self.folder.glob(f"{AUDIO_FOLDER}/*/{TEMPORARY_PREFIX}*"),
        ]
        files = (*(audio_path(self.folder, key) for key in self.utterances), *left_over, *named)
        return [path for path in files if path.is_file() and not path.is_symlink()]

    def clear(self) -> None:
        """Delete `owned_files` and the folders that this empties.

        Raises:
            CacheError: the folder holds other files and is not a cache.
        """
        self.check_ownership()
        with folder_lock(self.folder):
            self.utterances = read_index(self.folder)
            files = self.owned_files()
            for path in files:
                path.unlink()
            for speaker_folder in {path.parent for path in files} - {self.folder}:
                if not any(speaker_folder.iterdir()):
                    speaker_folder.rmdir()
            self.utterances = {}

    def check_ownership(self) -> None:
        """Refuse a folder with files in it that does not bear our mark.

        Raises:
            CacheError: as said, or `folder` is a file.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise CacheError(f"{self.folder} is a file; name a folder for the cache")
        if self.folder.is_dir() and not self._mark() and {path.name for path in self.folder.iterdir()} - LOCK_FILES:
            raise CacheError(f"{self.folder} holds files but is not a cache of this tool; name an empty or new folder")

    def _mark(self) -> dict | None:
        """The settings in our mark; None where there is none, or another program's file of that name."""
        try:
            settings = json.loads((self.folder / CACHE_MARK).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return settings if isinstance(settings, dict) and settings.get("tool") == TOOL else None

    def _adopt_settings(self) -> None:
        """Write the mark; entries made under other settings leave the index first, so that they are made again."""
        mark = self._mark()
        if mark == SETTINGS:
            return
        if mark is not None:
            logger.warning("the cache in %s was made with other settings; every utterance is done again", self.folder)
            write_index(self.folder, ())
        write_atomically(self.folder / CACHE_MARK, json.dumps(SETTINGS, indent=2) + "\n")

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
        outcomes = parallel_map(partial(make_entry, self.folder), work, workers)
        with open(self.folder / CACHE_INDEX, "a", encoding="utf-8", buffering=1) as index:
            for outcome in tqdm(outcomes, "cache", len(work), unit="file"):
                if isinstance(outcome, Skipped):
                    yield outcome
                    continue
                utterance, written = outcome
                self.utterances[utterance.key] = utterance
                index.write(index_line(utterance))
                yield written
