"""The cache in one folder, from which utterances are read.

<cache>/cache.json            the mark of a folder that this tool wrote, see `mark`
<cache>/index.jsonl           one line per utterance, see `index`
<cache>/index/00.jsonl …      the same of a large cache, see `parts`
<cache>/audio/ab/abcd….wav    speech, 16-bit mono, named by the SHA-256 of their samples, see `entries`
<cache>/staging/              files on their way there; gone between runs
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from cache.entries import AUDIO_FOLDER
from cache.index import INDEX, Utterance
from cache.mark import SHARDED, CacheError, read_mark
from cache.parts import PARTS_FOLDER, Index, delete_parts
from cache.staging import STAGING_FOLDER, left_over
from corpus.recording import Key, Speaker
from storage.atomic import naming
from storage.counting import counted
from storage.lock import folder_lock, shared_folder_lock
from storage.places import is_remote

INPUTS_NAME = "full_inputs.pkl"  # written by batcher/
PLACES_SHOWN = 3


class UtteranceCache:
    """The cache in one folder; nothing is created before something is put in."""

    def __init__(self, folder: Path):
        self.folder = folder

    @cached_property
    def index(self) -> Index:
        """The index, as it was when it was asked for first."""
        return Index(self.folder)

    @cached_property
    def utterances(self) -> dict[Key, Utterance]:
        """All entries at once, by corpus, speaker and utterance; a large cache is better read by `parts`."""
        return {key: entry for part in self.parts() for key, entry in part.items()}

    def parts(self) -> Iterator[dict[Key, Utterance]]:
        """Read the entries part by part, each in order of key; a speaker is in one part."""
        return (part.entries for part in self.index.parts())

    def __iter__(self) -> Iterator[Utterance]:
        """Read all entries, part by part."""
        return (entry for part in self.parts() for entry in part.values())

    def __len__(self) -> int:
        return self.index.summary.count

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
        if mark is None or not len(cache):
            raise CacheError(f"no cached utterances in {folder}; run --regenerate_full_cache first")
        cache.check_current()
        return cache

    def check_current(self) -> None:
        """Refuse a cache with entries that were made with other settings.

        Raises:
            CacheError: there are such entries.
        """
        outdated = self.index.summary.outdated
        if outdated:
            verb = "was" if outdated.total() == 1 else "were"
            raise CacheError(
                f"{outdated.total()} of {counted(len(self), 'utterance')} in {self.folder} {verb} made with "
                "other settings; --update_cache --audio_dir makes them again, from "
                f"{', '.join(sorted(outdated)[:PLACES_SHOWN])}"
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
        return sorted(self.index.summary.speakers)

    def of_speaker(self, speaker: Speaker) -> list[Utterance]:
        """List a speaker's utterances in order of name; an unknown speaker has none."""
        part = self.index.part(self.index.number_of(speaker))
        return [entry for entry in part.entries.values() if entry.whose == speaker]

    def of_speakers(self, speakers: Collection[Speaker]) -> list[Utterance]:
        """List the utterances of speakers in order of corpus, speaker and name."""
        numbers = sorted({self.index.number_of(speaker) for speaker in speakers})
        entries = (entry for number in numbers for entry in self.index.part(number).entries.values())
        return sorted((entry for entry in entries if entry.whose in speakers), key=lambda entry: entry.key)

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
            if not self.is_sharded:
                delete_parts(self.folder)
            self.forget()
            yield

    @property
    def is_sharded(self) -> bool:
        """Whether the index on the disk has parts."""
        mark = read_mark(self.folder)
        return mark is not None and mark.format == SHARDED

    def forget(self) -> None:
        """Read the index again when it is asked for next."""
        for name in ("index", "utterances"):  # what `cached_property` keeps
            self.__dict__.pop(name, None)


def refuse_links(folder: Path) -> None:
    """Refuse a cache in whose own folders, or index, a link stands.

    Raises:
        CacheError: there is one; it may lead anywhere.
    """
    if is_remote(folder):
        return
    audio = folder / AUDIO_FOLDER
    parts = folder / PARTS_FOLDER
    for path in (folder / INDEX, folder / STAGING_FOLDER, parts, *parts.glob("*"), audio, *audio.glob("*")):
        if path.is_symlink():
            raise CacheError(f"{path} is a symbolic link, and the cache writes only inside its own folder")
