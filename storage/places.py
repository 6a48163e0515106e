"""Paths of files here, and of files on an object store or another file system that fsspec knows by URL.

A URL becomes a `upath.UPath`, which has pathlib's methods; whatever is typed as `Path` may be one. Where it matters
that there are no locks, no links and nothing to flush, `is_remote` tells them apart.
"""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

SCHEME = "://"
LOCAL = "file://"


def path_of(text: str, *parts: str) -> Path:
    """The path that a text names, with further parts below it.

    Raises:
        ModuleNotFoundError, ImportError: it is a URL, and the packages for that, or for its kind, are not installed.
    """
    if parts and SCHEME in parts[-1]:  # as an absolute path stands for itself
        text, parts = parts[-1], ()
    if text.startswith(LOCAL):
        return Path(unquote(text.removeprefix(LOCAL)), *parts)
    if SCHEME not in text:
        return Path(text, *parts)
    for client in ("aiobotocore", "botocore"):  # which tell where they found credentials
        logging.getLogger(client).setLevel(logging.WARNING)
    from upath import UPath

    return cast(Path, UPath(text).joinpath(*parts))


def is_remote(path: Path) -> bool:
    """Whether a path is a URL's."""
    return not isinstance(path, Path)


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
        copy = Path(folder, f"copy{path.suffix}")
        copy.write_bytes(path.read_bytes())
        yield copy


def objects_below(folder: Path) -> Iterator[tuple[Path, int]]:
    """The objects below a URL, at any depth, each with its size in bytes."""
    for name, about in cast(Any, folder).fs.find(str(folder), detail=True).items():
        yield folder.joinpath(name.removeprefix(cast(Any, folder).path).lstrip("/")), about["size"]
