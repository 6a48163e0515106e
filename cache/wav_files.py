"""The WAV files in a cache folder: which are there, and deleting those that no entry names."""

import json
import os
import re
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from cache.digests import Raw, contained, equal, find, from_bytes, heads, hexadecimal, ordering, raw
from cache.entries import AUDIO_FOLDER, audio_path, wav_size
from cache.index import INDEX, Utterance
from storage.atomic import remove_if_empty
from storage.places import is_remote, objects_below

_OURS = re.compile(r"([0-9a-f]{64})\.wav")
_FOLDER = re.compile("[0-9a-f]{2}")
LONGEST_NAME_2 = 120  # characters of a file's name in format 2


class WavFiles(Mapping[str, int]):
    """Files of ours: their sizes in bytes, by the digests that name them."""

    def __init__(self, digests: bytes | bytearray, sizes: array):
        """Take digests of 32 bytes, one after another, and sizes, in any order."""
        unordered = from_bytes(digests)
        order = ordering(unordered)
        self.digests: Raw = unordered[order]  # in order
        self._heads = heads(self.digests)
        self._sizes = np.frombuffer(sizes, np.int64)[order]

    def are_whole(self, utterances: Collection[Utterance], digests: Raw | None = None) -> NDArray[np.bool_]:
        """Whether the file of each utterance is there in its full length; bool, (n,).

        Args:
            digests: those of the utterances, if they are at hand.
        """
        wanted = raw(utterance.sha256 for utterance in utterances) if digests is None else digests
        if not len(self):
            return np.zeros(len(wanted), bool)
        rows = find(wanted, self.digests, self._heads)
        lengths = np.fromiter((wav_size(utterance.samples) for utterance in utterances), np.int64, len(wanted))
        return equal(self.digests[rows], wanted) & (self._sizes[rows] == lengths)

    def __len__(self) -> int:
        return len(self.digests)

    def __iter__(self) -> Iterator[str]:
        return hexadecimal(self.digests)

    def __getitem__(self, digest: str) -> int:
        wanted = raw([digest])
        if not contained(wanted, self.digests)[0]:
            raise KeyError(digest)
        return int(self._sizes[np.searchsorted(self.digests, wanted)[0]])


def wav_files(folder: Path) -> WavFiles:
    """Find the files of ours in a cache. Links are none of them."""
    digests, sizes = bytearray(), array("q")
    found = _stored_files if is_remote(folder) else _files_here
    for place, file, size in found(folder / AUDIO_FOLDER):
        name = _OURS.fullmatch(file)
        if name is not None and name[1].startswith(place):
            digests += bytes.fromhex(name[1])
            sizes.append(size)
    return WavFiles(digests, sizes)


def _files_here(folder: Path) -> Iterator[tuple[str, str, int]]:
    """The names of the folders that may be ours and of the files in them, and their sizes in bytes."""
    for place in _scan(folder):
        if _FOLDER.fullmatch(place.name) is None or not place.is_dir(follow_symlinks=False):
            continue
        for file in _scan(Path(place.path)):
            if file.is_file(follow_symlinks=False):
                yield place.name, file.name, file.stat(follow_symlinks=False).st_size


def _stored_files(folder: Path) -> Iterator[tuple[str, str, int]]:
    """The same of a store."""
    for path, size in objects_below(folder):
        if path.parent.parent == folder:
            yield path.parent.name, path.name, size


def delete_files(folder: Path, digests: Iterable[str]) -> None:
    """Delete the files of these digests, and their folders where nothing else is in them."""
    for digest in digests:
        path = audio_path(folder, digest)
        path.unlink(missing_ok=True)
        remove_if_empty(path.parent)


def delete_outdated(paths: Iterable[Path]) -> None:
    """Delete files of an earlier version, but no links, and their folders where nothing else is in them."""
    for path in paths:
        if path.is_file() and not path.is_symlink():
            path.unlink()
        remove_if_empty(path.parent)


def files_of_format_2(folder: Path) -> list[Path]:
    """Find the files that an index of format 2 names, in which files were named by speaker and utterance."""
    paths: list[Path] = []
    with suppress(OSError), (folder / INDEX).open(encoding="utf-8", errors="replace", newline="\n") as lines:
        for line in lines:
            with suppress(ValueError, TypeError, KeyError, RecursionError):
                fields = json.loads(line)
                names = [_name_of_format_2(fields[name]) for name in ("speaker", "utterance")]
                paths.append(Path(folder, AUDIO_FOLDER, names[0], f"{names[1]}.wav"))
    return paths


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []


def _name_of_format_2(name: str) -> str:
    quoted = quote(name, safe="").replace(".", "%2E")
    short = f"{quoted[:LONGEST_NAME_2]}-{sha256(name.encode()).hexdigest()[:16]}"
    return quoted if len(quoted) <= LONGEST_NAME_2 else short
