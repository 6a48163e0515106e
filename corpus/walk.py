"""The audio files below a folder."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from storage.counting import counted
from storage.places import is_remote, objects_below

CACHE_FILES = {"cache.json", "index.jsonl"}  # of a cache's folder, which is no corpus
OTHER_NAMES = {"AIF", "AIFC", "OGA", "OPUS", "SND", "SPH", "WAVE"}  # of libsndfile's formats
BY_FFMPEG = {"3GP", "AAC", "AC3", "AMR", "ASF", "EC3", "M4A", "M4B", "MKA", "MKV", "MOV", "MP4", "WEBM", "WMA", "WV"}
NOT_READ = (".ape", ".avi", ".dsf", ".dss", ".ra", ".rm", ".tta")


@cache
def readable_suffixes() -> tuple[str, ...]:
    """What the names of recordings end in, in lower case: libsndfile's formats, other names of these, and FFmpeg's."""
    import soundfile

    formats = set(soundfile.available_formats()) - {"RAW"}  # which states neither rate nor width
    return tuple(sorted(f".{name.lower()}" for name in formats | OTHER_NAMES | BY_FFMPEG))


@cache
def _readable() -> frozenset[str]:
    return frozenset(readable_suffixes())


@dataclass
class Walk:
    """A walk through all folders below a root, which collects what it could not use.

    Every folder is entered once, even where links lead in circles, and if possible by its own name and not a link's.
    Hidden files and folders are left out.
    """

    root: Path
    unreadable: list[Path] = field(default_factory=list)  # folders that could not be listed
    not_read: Counter[str] = field(default_factory=Counter)  # files of sound formats that are not read

    def __iter__(self) -> Iterator[tuple[Path, list[str]]]:
        """Yield folders and the names of the recordings in them."""
        if is_remote(self.root):
            yield from self._objects()
            return
        seen: set[str] = set()
        waiting = [(str(self.root), os.path.realpath(self.root))]  # the next one last, and where it really is
        while waiting:
            folder, real = waiting.pop()
            folders, names = self._inside(folder)
            if real in seen or CACHE_FILES.issubset(names):
                continue
            seen.add(real)
            if recordings := self._recordings(names):
                yield Path(folder), recordings
            before, real_before = (os.path.join(path, "") for path in (folder, real))  # noqa: PTH118, for many names
            for is_link, name in sorted(folders, reverse=True):
                path = before + name
                waiting.append((path, os.path.realpath(path) if is_link else real_before + name))

    def _objects(self) -> Iterator[tuple[Path, list[str]]]:
        """The same of a store, which has no links: all objects below a prefix, at once."""
        folders: dict[Path, list[str]] = {}
        for path, _ in objects_below(self.root):
            folders.setdefault(path.parent, []).append(path.name)
        caches = [folder for folder, names in folders.items() if CACHE_FILES.issubset(names)]
        for folder, names in sorted(folders.items(), key=lambda item: item[0].parts):
            is_hidden = any(part.startswith(".") for part in folder.relative_to(self.root).parts)
            if is_hidden or any(folder.is_relative_to(one) for one in caches):
                continue
            if recordings := self._recordings(names):
                yield folder, recordings

    def _inside(self, folder: str) -> tuple[list[tuple[bool, str]], list[str]]:
        """The folders in a folder that are not hidden, each with whether it is a link; and the names of the files."""
        folders: list[tuple[bool, str]] = []
        names: list[str] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False) or not _is_folder(entry):
                        names.append(entry.name)
                    elif not entry.name.startswith("."):
                        folders.append((entry.is_symlink(), entry.name))
        except OSError as error:
            self.unreadable.append(Path(error.filename))
            return [], []
        return folders, names

    def _recordings(self, names: list[str]) -> list[str]:
        readable = _readable()
        visible = [name for name in names if not name.startswith(".")]
        recordings = [name for name in visible if name[name.rfind(".") :].lower() in readable]
        if len(recordings) < len(visible):
            suffixes = (Path(name).suffix.lower() for name in visible)
            self.not_read.update(suffix for suffix in suffixes if suffix in NOT_READ)
        return sorted(recordings)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that can't be followed
        return False


def describe_not_read(not_read: Counter[str]) -> str:
    """Count the files of formats that are not read, by suffix; an empty text if there are none."""
    suffixes = ", ".join(f"{count} {suffix}" for suffix, count in not_read.most_common())
    return f"{counted(not_read.total(), 'file')} of formats that are not read ({suffixes})" if suffixes else ""


def audio_files(folder: Path) -> list[Path]:
    """List the recordings in a folder, at any depth, in order of their paths, whoever speaks in them."""
    return sorted(Path(place, name) for place, names in Walk(folder) for name in names)


def absolute(folder: Path) -> Path:
    """Make a path absolute, without a "." or ".." in it.

    A link keeps its own name, which may be the speaker's; only "link/.." can't be understood without following it.
    """
    if is_remote(folder):
        return folder
    return folder.resolve() if ".." in folder.parts else folder.absolute()
