"""The cache in one folder, from which utterances are read.

<cache>/cache.json            the mark of a folder that this tool wrote, see `mark`
<cache>/index.jsonl           one line per utterance, see `index`
<cache>/audio/ab/abcd….wav    speech, 16-bit mono, named by the SHA-256 of their samples, see `entries`
<cache>/staging/              files on their way there; gone between runs
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from cache.entries import AUDIO_FOLDER
from cache.index import INDEX, Utterance, read_index
from cache.mark import SETTINGS_DIGEST, CacheError, read_mark
from cache.staging import STAGING_FOLDER, left_over
from corpus.recording import Key, Speaker
from storage.atomic import naming
from storage.counting import counted
from storage.lock import folder_lock, shared_folder_lock

INPUTS_NAME = "full_inputs.pkl"  # written by batcher/
PLACES_SHOWN = 3


class UtteranceCache:
    """The cache in one folder; nothing is created before something is put in."""

    def __init__(self, folder: Path):
        self.folder = folder

    @cached_property
    def utterances(self) -> dict[Key, Utterance]:
        """The index, by corpus, speaker and utterance."""
        return read_index(self.folder)

    @classmethod
    def open(cls, folder: Path) -> "UtteranceCache":
        """Open a cache that must exist.

        Raises:
            CacheError: nothing is cached in `folder`, or some of it was made with other settings.
        """
        mark = read_mark(folder)
        if mark is not None and not mark.is_current:
            raise CacheError(f"{folder} was made by another version of this tool; --update_cache makes it again")
        cache = cls(folder)
        if mark is None or not cache.utterances:
            raise CacheError(f"no cached utterances in {folder}; run --regenerate_full_cache first")
        cache.check_current()
        return cache

    def check_current(self) -> None:
        """Refuse a cache with entries that were made with other settings.

        Raises:
            CacheError: there are such entries.
        """
        outdated = [entry for entry in self.utterances.values() if entry.made_with != SETTINGS_DIGEST]
        if outdated:
            places = sorted({entry.place for entry in outdated})
            verb = "was" if len(outdated) == 1 else "were"
            raise CacheError(
                f"{len(outdated)} of {counted(len(self.utterances), 'utterance')} in {self.folder} {verb} made with "
                "other settings; --update_cache --audio_dir makes them again, from "
                f"{', '.join(places[:PLACES_SHOWN])}"
            )

    @classmethod
    @contextmanager
    def reading(cls, folder: Path) -> Iterator["UtteranceCache"]:
        """Open a cache that must exist, and keep other processes from changing it meanwhile; wait while one does.

        Raises:
            CacheError: as `open`.
        """
        if read_mark(folder) is None:  # no lock is put in another program's folder
            cls.open(folder)
        with shared_folder_lock(folder):
            yield cls.open(folder)

    def speakers(self) -> list[Speaker]:
        """List all speakers, in order."""
        return sorted({entry.whose for entry in self.utterances.values()})

    def of_speaker(self, speaker: Speaker) -> list[Utterance]:
        """List a speaker's utterances in order of name; an unknown speaker has none."""
        return [entry for _, entry in sorted(self.utterances.items()) if entry.whose == speaker]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder, which is known to be ours, for writing; what a killed run left behind is deleted first.

        Raises:
            CacheError: a link stands where the cache's own folders or index should be; it may lead anywhere.
            OSError: the folder can't be written to; also for what is raised while it is held, the error names a path.
        """
        with naming(self.folder), folder_lock(self.folder):
            refuse_links(self.folder)
            for path in left_over(self.folder):
                path.unlink()
            self.__dict__.pop("utterances", None)  # what `cached_property` keeps
            yield


def refuse_links(folder: Path) -> None:
    """Refuse a cache in whose own folders, or index, a link stands.

    Raises:
        CacheError: there is one; it may lead anywhere.
    """
    audio = folder / AUDIO_FOLDER
    for path in (folder / INDEX, folder / STAGING_FOLDER, audio, *audio.glob("*")):
        if path.is_symlink():
            raise CacheError(f"{path} is a symbolic link, and the cache writes only inside its own folder")
