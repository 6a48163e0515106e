"""Write files whole or not at all: under a temporary name, flushed to disk, renamed, and their folder flushed."""

import errno
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from storage.places import is_remote

TEMPORARY_PREFIX = ".tmp-"
TEMPORARY_BYTES = 8  # random bytes in a name, two digits each
TEMPORARY_PATTERN = TEMPORARY_PREFIX + "[0-9a-f]" * (2 * TEMPORARY_BYTES)  # of files that a killed run may leave behind
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700  # modes: the owner's alone, whatever the process's mask says
STORED_AT_ONCE = 1 << 24  # bytes
NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF}  # from file systems that flush no folder


@contextmanager
def atomic_file(path: Path, private: bool = False) -> Iterator[BinaryIO]:
    """Open a binary file that takes the name `path` only when the block ends without an exception.

    Missing parent folders are made. (An object on a store appears as a whole when all of it is stored, at the end.)

    Args:
        private: whether only the owner may read it, and enter the folders that are made.

    Raises:
        OSError: the folder can't be written to, or the disk is full; an earlier file at `path` stays as it was. (Only
            where the disk fails as the folder itself is flushed, the new one may be there already.)
    """
    if is_remote(path):
        with tempfile.TemporaryFile() as file:
            yield file
            file.seek(0)
            _store(file, path)
        return
    make_folders(path.parent, private)
    temporary = temporary_name(path.parent)
    try:
        with open(temporary, "xb", opener=_private_opener if private else None) as file:
            yield file
        publish(temporary, path)
        sync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def move_to(temporary: Path, path: Path) -> None:
    """Flush a finished file of this machine, and give it its name; or store it, if that is a URL's.

    Raises:
        OSError: as `publish`; or the store can't be written to.
    """
    if is_remote(path):
        with open(temporary, "rb") as file:
            _store(file, path)
    else:
        publish(temporary, path)


def _store(file: BinaryIO, path: Path) -> None:
    with path.open("wb") as stored:
        while block := file.read(STORED_AT_ONCE):
            stored.write(block)


def make_folders(folder: Path, private: bool = False) -> None:
    """Make a folder and those above it, as far as they are missing; if `private`, for the owner alone.

    Raises:
        OSError: a folder can't be made, or a file stands in its place.
    """
    if is_remote(folder):
        return
    missing = [path for path in (folder, *folder.parents) if not path.exists()] if private else []
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        path.chmod(PRIVATE_FOLDER)


def _private_opener(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, PRIVATE_FILE)
    if hasattr(os, "fchmod"):  # a mask may take the owner's own rights away
        os.fchmod(descriptor, PRIVATE_FILE)
    return descriptor


def remove_if_empty(folder: Path) -> None:
    """Remove a folder in which nothing is; one in which something is stays, and so does one that can't be removed.

    (A store has no folders; to remove one there would mean all that is in it.)
    """
    if not is_remote(folder):
        with suppress(OSError):
            folder.rmdir()


def temporary_name(folder: Path) -> Path:
    """A path in `folder` that no other call gets, in any process."""
    return folder / f"{TEMPORARY_PREFIX}{secrets.token_hex(TEMPORARY_BYTES)}"


def publish(temporary: Path, path: Path) -> None:
    """Flush a finished file to the disk, then give it its name; both are on one file system.

    The name is sure to survive a power cut once `sync_folder` has flushed the folder too, once for all files in it.

    Raises:
        OSError: the disk is full or failing; nothing has changed at `path`.
    """
    with open(temporary, "rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def sync_folder(path: Path) -> None:
    """Flush a folder to the disk: the names that files got or lost in it survive a power cut from then on.

    Nothing happens where that can't be asked for: on Windows, in a folder that may be written to but not listed, and on
    file systems that flush no folders.

    Raises:
        OSError: the disk is failing, or there is no such folder.
    """
    if is_remote(path):
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    except PermissionError:
        return
    try:
        with naming(path):
            os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add the name `path` to an error that names no file, as when a disk is full.

    Raises:
        OSError: the error that was raised inside, with a name.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def write_atomically(path: Path, content: bytes | str, private: bool = False) -> None:
    """Replace `path` with `content` (text is written as UTF-8), or leave it alone; `private` as for `atomic_file`."""
    with atomic_file(path, private) as file:
        file.write(content.encode() if isinstance(content, str) else content)
