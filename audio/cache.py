"""The utterance cache: each recording once, decoded, at 8 kHz, without its outer silence.

<cache>/cache.json                      the mark of a folder that this tool wrote, and its settings
<cache>/index.jsonl                     one line per utterance, see `index`
<cache>/audio/<speaker>/<utterance>.wav the voiced part, 16-bit mono
<cache>/staging/                        WAV files on their way there, see `fill`; gone between runs
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from audio.entries import AUDIO_FOLDER, STAGING_FOLDER, CacheError, Skipped, Utterance, audio_path, is_whole
from audio.fill import fill, left_over
from audio.index import index_line, read_index, write_index
from audio.mark import SETTINGS, adopt, check_ownership, settings_of
from audio.scan import CACHE_INDEX, Recording
from storage.atomic import naming
from storage.lock import folder_lock

INPUTS_NAME = "full_inputs.pkl"  # written by batcher/


@dataclass(frozen=True)
class CacheReport:
    """What a run did."""

    added: int
    unchanged: int
    deleted: int
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
            CacheError: nothing is cached in `folder`, or it was made with other settings.
        """
        cache = cls(folder)
        if not cache.utterances:
            raise CacheError(f"no cached utterances in {folder}; run cli.py --regenerate_full_cache first")
        if settings_of(folder) != SETTINGS:
            raise CacheError(f"{folder} was made with other settings; cli.py --update_cache makes it again")
        return cache

    def speakers(self) -> list[str]:
        """Names in order."""
        return sorted({speaker for speaker, _ in self.utterances})

    def known_speakers(self) -> set[tuple[str, str]]:
        """(speaker, corpus) pairs."""
        return {(entry.speaker, entry.corpus) for entry in self.utterances.values()}

    def of_speaker(self, speaker: str) -> list[Utterance]:
        """A speaker's utterances in order of name, of all corpora; empty for an unknown speaker."""
        return [entry for _, entry in sorted(self.utterances.items()) if entry.speaker == speaker]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder, which is known to be ours, as its last holder left it, but for the leavings of a killed run.

        Raises:
            CacheError: a link stands where the cache's own folders or index should be; it may lead anywhere.
            OSError: the folder can't be written to; also for what is raised while it is held, the error names a path.
        """
        with naming(self.folder), folder_lock(self.folder):
            _refuse_links(self.folder)
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
            written, skipped = self._fill([(one, self.utterances.get(one.key)) for one in pending], workers)
            write_index(self.folder, self.utterances.values())
        return CacheReport(len(written), len(recordings) - len(written) - len(skipped), 0, skipped)

    def regenerate(self, recordings: list[Recording], workers: int = 1) -> CacheReport:
        """Make everything anew from `recordings`, then delete the entries that are not among them.

        What was cached is replaced piece by piece, so that a run that fails or is killed has cost nothing.

        Raises:
            CacheError: the folder holds other files and is not a cache, or none of the recordings can be used.
            OSError: it can't be written to, or the disk is full.
        """
        check_ownership(self.folder)
        with self.locked():
            adopt(self.folder, {str(recording.root) for recording in recordings})
            earlier = set(self.utterances)
            written, skipped = self._fill([(recording, None) for recording in recordings], workers)
            if not written:
                raise CacheError(f"none of the {len(recordings)} recordings can be used: {skipped[0].reason}")
            lost = earlier.difference(written)
            for key in lost:
                self._delete(key)
            write_index(self.folder, self.utterances.values())
        return CacheReport(len(written), 0, len(lost), skipped)

    def _is_current(self, recording: Recording) -> bool:
        entry = self.utterances.get(recording.key)
        if entry is None or entry.source != recording.source or not is_whole(self.folder, entry):
            return False
        try:
            stat = recording.path.stat()
        except OSError:
            return False
        return (entry.size, entry.mtime_ns) == (stat.st_size, stat.st_mtime_ns)

    def _fill(
        self, work: list[tuple[Recording, Utterance | None]], workers: int
    ) -> tuple[list[tuple[str, str]], tuple[Skipped, ...]]:
        """Do the recordings; returns the keys of what was written, and what could not be used. (The rest had moved.)"""
        written, skipped = [], []
        with open(self.folder / CACHE_INDEX, "a", encoding="utf-8", buffering=1) as index:
            for outcome in fill(self.folder, work, workers):
                if isinstance(outcome, Skipped):
                    skipped.append(outcome)
                    continue
                self.utterances[outcome.utterance.key] = outcome.utterance
                index.write(index_line(outcome.utterance))
                if outcome.staged is not None:
                    written.append(outcome.utterance.key)
        return written, tuple(skipped)

    def _delete(self, key: tuple[str, str]) -> None:
        """Forget an entry and its file, but for a link in the file's place, and the speaker's folder if it is empty."""
        del self.utterances[key]
        path = audio_path(self.folder, key)
        if path.is_file() and not path.is_symlink():
            path.unlink()
        with suppress(OSError):  # others are in it
            path.parent.rmdir()


def _refuse_links(folder: Path) -> None:
    audio = folder / AUDIO_FOLDER
    for own in (folder / CACHE_INDEX, folder / STAGING_FOLDER, audio, *audio.glob("*")):
        if own.is_symlink():
            raise CacheError(f"{own} is a symbolic link, and the cache writes only inside its own folder")
