"""The WAV files in a cache folder: which are there, and deleting those that no entry names."""

import json
import os
import re
from collections.abc import Iterable, Set
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from cache.entries import AUDIO_FOLDER, audio_path
from cache.index import INDEX

_OURS = re.compile(r"([0-9a-f]{64})\.wav")
_FOLDER = re.compile("[0-9a-f]{2}")
LONGEST_NAME_2 = 120  # characters of a file's name in format 2


def wav_files(folder: Path) -> dict[str, int]:
    """Find the files of ours: their sizes in bytes, by the digests that name them. Links are none of them."""
    sizes = {}
    for place in _scan(folder / AUDIO_FOLDER):
        if _FOLDER.fullmatch(place.name) is None or not place.is_dir(follow_symlinks=False):
            continue
        for file in _scan(Path(place.path)):
            name = _OURS.fullmatch(file.name)
            if name is not None and name[1].startswith(place.name) and file.is_file(follow_symlinks=False):
                sizes[name[1]] = file.stat(follow_symlinks=False).st_size
    return sizes


def delete_files(folder: Path, digests: Set[str]) -> None:
    """Delete the files of these digests, and their folders where nothing else is in them."""
    for digest in digests:
        path = audio_path(folder, digest)
        path.unlink(missing_ok=True)
        with suppress(OSError):  # others are in it
            path.parent.rmdir()


def delete_outdated(paths: Iterable[Path]) -> None:
    """Delete files of an earlier version, but no links, and their folders where nothing else is in them."""
    for path in paths:
        if path.is_file() and not path.is_symlink():
            path.unlink()
        with suppress(OSError):
            path.parent.rmdir()


def files_of_format_2(folder: Path) -> list[Path]:
    """Find the files that an index of format 2 names, in which files were named by speaker and utterance."""
    paths: list[Path] = []
    with suppress(OSError), open(folder / INDEX, encoding="utf-8", errors="replace", newline="\n") as lines:
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
