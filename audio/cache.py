"""The utterance cache: each recording once, decoded, at 8 kHz, without its outer silence.

<cache>/cache.json                      the mark of a folder that this tool wrote, and its settings
<cache>/index.jsonl                     one line per utterance, see `index`
<cache>/audio/<speaker>/<utterance>.wav the voiced part, 16-bit mono
<cache>/staging/                        WAV files on their way there, see `fill`; gone between runs
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from audio.entries import AUDIO_FOLDER, STAGING_FOLDER, CacheError, Skipped, Utterance, audio_path, is_whole
from audio.fill import fill, left_over
from audio.index import index_line, read_index, write_index
from audio.mark import adopt, check_ownership, is_marked
from audio.scan import CACHE_INDEX, Recording
from storage.atomic import naming
from storage.lock import folder_lock

INPUTS_NAME = "full_inputs.pkl"  # written by batcher/, deleted with the cache it came from


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
        """Hold the folder for writing, as whoever held it before has left it, but for the leavings of a killed run.

        Raises:
            CacheError: a link stands where the cache's own folders or index should be; it may lead anywhere.
            OSError: the folder can't be written to; also for what is raised while it is held, the error names a path.
        """
        with naming(self.folder), folder_lock(self.folder):
            _refuse_links(self.folder)
            if is_marked(self.folder):
                for path in left_over(self.folder):
                    path.unlink()
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
            added, skipped = self._fill(pending, workers)
            write_index(self.folder, self.utterances.values())
        return CacheReport(added, len(recordings) - added - len(skipped), tuple(skipped))

    def owned_files(self) -> list[Path]:
        """Every file in the folder that this tool wrote for the cache; trained models are not among them."""
        if not is_marked(self.folder):
            return []
        named = [self.folder / name for name in (CACHE_INDEX, INPUTS_NAME)]
        files = (*(audio_path(self.folder, key) for key in self.utterances), *left_over(self.folder), *named)
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

    def _fill(self, pending: list[Recording], workers: int) -> tuple[int, list[Skipped]]:
        """Do the recordings; returns how many were written, and which could not be used. (The rest had only moved.)"""
        added, skipped = 0, []
        work = [(recording, self.utterances.get((recording.speaker, recording.utterance))) for recording in pending]
        with open(self.folder / CACHE_INDEX, "a", encoding="utf-8", buffering=1) as index:
            for outcome in fill(self.folder, work, workers):
                if isinstance(outcome, Skipped):
                    skipped.append(outcome)
                    continue
                self.utterances[outcome.utterance.key] = outcome.utterance
                index.write(index_line(outcome.utterance))
                added += outcome.staged is not None
        return added, skipped


def _refuse_links(folder: Path) -> None:
    audio = folder / AUDIO_FOLDER
    for own in (folder / CACHE_INDEX, folder / STAGING_FOLDER, audio, *audio.glob("*")):
        if own.is_symlink():
            raise CacheError(f"{own} is a symbolic link, and the cache writes only inside its own folder")
