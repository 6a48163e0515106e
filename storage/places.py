"""Paths of files here, and of files on an object store or another file system that fsspec knows by URL.

A URL becomes a `upath.UPath`, which has pathlib's methods; whatever is typed as `Path` may be one. Where it matters
that there are no locks, no links and nothing to flush, `is_remote` tells them apart.
"""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

SCHEME = "://"
LOCAL = "file://"
SECOND = 1_000_000_000  # ns
FETCHED_AT_ONCE = 1 << 22  # bytes


def path_of(text: str, *parts: str) -> Path:
    """The path that a text names, with further parts below it.

    Raises:
        ModuleNotFoundError, ImportError: it is a URL, and the packages for that, or for its kind, are not installed.
    """
    if parts and SCHEME in parts[-1]:  # as an absolute path stands for itself
        text, parts = parts[-1], ()
    if text.startswith(LOCAL):
        return Path("/", unquote(text.removeprefix(LOCAL).removeprefix("localhost")), *parts)
    if SCHEME not in text:
        return Path(text, *parts)
    for client in ("aiobotocore", "botocore"):  # which tell where they found credentials
        logging.getLogger(client).setLevel(logging.WARNING)
    from upath import UPath

    return cast(Path, UPath(text).joinpath(*parts))


def is_remote(path: Path) -> bool:
    """Whether a path is a URL's."""
    return hasattr(path, "fs")


def is_below(path: Path, folder: Path) -> bool:
    """Whether a path is that of a folder or of something in it; what is here is never below a URL, nor vice versa."""
    return is_remote(path) == is_remote(folder) and path.is_relative_to(folder)


def size_and_time(path: Path) -> tuple[int, int]:
    """A file's size in bytes and when it was changed last, in ns, by which it is known to be the one of before.

    Of an object whole seconds count: some stores tell parts of them in a listing, and none when they are asked for one.

    Raises:
        OSError: there is no such file, or it can't be looked at.
    """
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns // SECOND * SECOND if is_remote(path) else stat.st_mtime_ns


def joined(folder: str, name: str) -> str:
    """A folder's name and that of something in it as one text, as `os.path.join` makes it; a URL keeps its slashes."""
    return name if SCHEME in name or name.startswith("/") else f"{folder.rstrip('/')}/{name}"


@contextmanager
def local_copy(path: Path) -> Iterator[Path]:
    """A file where libraries can open it: itself, or for a while a copy of the one at a URL, with its suffix.

    Raises:
        OSError: it can't be read.
    """
    if not is_remote(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="deep-speaker-") as folder:
        yield fetched(path, Path(folder))


def fetched(path: Path, folder: Path) -> Path:
    """Copy an object into a folder here, and name the copy; it does not exist where the object does not.

    Raises:
        OSError: the object can't be read.
    """
    copy = folder / f"copy{path.suffix}"
    with suppress(FileNotFoundError), path.open("rb") as stored, open(copy, "wb") as file:
        shutil.copyfileobj(stored, file, FETCHED_AT_ONCE)
    return copy


def objects_below(folder: Path) -> Iterator[tuple[Path, int]]:
    """The objects below a URL, at any depth, each with its size in bytes."""
    for name, about in cast(Any, folder).fs.find(str(folder), detail=True).items():
        yield folder.joinpath(name.removeprefix(cast(Any, folder).path).lstrip("/")), about["size"]
