"""The cache in one folder, as those see it who read utterances from it.

<cache>/cache.json            the mark of a folder that this tool wrote, see `mark`
<cache>/index.jsonl           one line per utterance, see `index`
<cache>/audio/ab/abcd….wav    voiced parts, 16-bit mono, named by the SHA-256 of their samples, see `entries`
<cache>/staging/              files on their way there; gone between runs
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from cache.entries import AUDIO_FOLDER
from cache.index import INDEX, Key, Utterance, read_index
from cache.mark import SETTINGS_DIGEST, CacheError, read_mark
from cache.staging import STAGING_FOLDER, left_over
from corpus.recording import Speaker
from storage.atomic import naming
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
        """Refuse entries that were made with other settings.

        Raises:
            CacheError: there are such.
        """
        if outdated := [one for one in self.utterances.values() if one.made_with != SETTINGS_DIGEST]:
            places = sorted({one.place for one in outdated})
            raise CacheError(
                f"{len(outdated)} of {len(self.utterances)} utterances in {self.folder} were made with other settings; "
                f"--update_cache --audio_dir makes them again, from {', '.join(places[:PLACES_SHOWN])}"
            )

    @classmethod
    @contextmanager
    def reading(cls, folder: Path) -> Iterator["UtteranceCache"]:
        """Open a cache that must exist, and have nobody change it meanwhile; wait while somebody does.

        Raises:
            CacheError: as `open`.
        """
        if read_mark(folder) is None:  # nobody's lock is to stand in another program's folder
            cls.open(folder)
        with shared_folder_lock(folder):
            yield cls.open(folder)

    def speakers(self) -> list[Speaker]:
        """All of them, in order."""
        return sorted({entry.whose for entry in self.utterances.values()})

    def of_speaker(self, speaker: Speaker) -> list[Utterance]:
        """A speaker's utterances in order of name; empty for an unknown speaker."""
        return [entry for _, entry in sorted(self.utterances.items()) if entry.whose == speaker]

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


def _refuse_links(folder: Path) -> None:
    audio = folder / AUDIO_FOLDER
    for own in (folder / INDEX, folder / STAGING_FOLDER, audio, *audio.glob("*")):
        if own.is_symlink():
            raise CacheError(f"{own} is a symbolic link, and the cache writes only inside its own folder")
