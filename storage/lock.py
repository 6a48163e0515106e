"""One writer at a time in a folder, or of a file, that several processes may use; or several readers of a folder."""

import errno
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from storage import flock
from storage.atomic import PRIVATE_FILE, make_folders
from storage.flock import NoLocksError
from storage.lease import holder, lease, wait
from storage.places import is_remote

LOCK_NAME = ".lock"
HOLDER_NAME = ".lock-holder"
LOCK_FILES = {LOCK_NAME, HOLDER_NAME}
LONGEST_NOTE = 100  # bytes of a holder's note that are read

UNWRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT}
SOMEBODY, READERS = "another process", "another process, which reads it"

logger = logging.getLogger(__name__)


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold `folder`, which is made if need be, for writing; wait, and say for whom, while another process uses it.

    The lock is the operating system's, so it ends with its holder, even one that was killed.

    Raises:
        LockError: a link, a folder or a pipe stands where the lock's file belongs; nothing was written through it.
        OSError: the folder can't be written to, or its file system has no locks. (There is no going on without: two
            writers at once could damage what is there.)
    """
    if is_remote(folder):
        with lease(folder / LOCK_NAME, partial(_tell_whom, folder)):
            yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with _held(folder / LOCK_NAME, folder, partial(_writer, folder)), _noted(folder / HOLDER_NAME):
        yield


@contextmanager
def shared_folder_lock(folder: Path) -> Iterator[None]:
    """Hold `folder` for reading, as others may too; wait, and say for whom, while another process writes there.

    Nothing is made but the lock's file, and not even that in a folder that does not exist or can't be written to: there
    is no lock then, and no need of one, since nobody can be writing there. The same holds for a file system without
    locks, where `folder_lock` refuses to write. (On Windows, whose locks know no readers, these go on without one.)

    Raises:
        LockError: a link, a folder or a pipe stands where the lock's file belongs.
        OSError: the lock's file is there and can't be read.
    """
    if is_remote(folder):  # where whole objects are read, while others may take their place
        wait(folder / LOCK_NAME, partial(_tell_whom, folder))
        yield
        return
    descriptor = _lock_for_reading(folder) if flock.AVAILABLE else None
    try:
        yield
    finally:
        if descriptor is not None:
            flock.release(descriptor)


def writer_in(folder: Path) -> str | None:
    """Who writes in the folder now, as far as that is known; None if nobody does, or on Windows, which does not tell.

    Raises:
        LockError: a link, a folder or a pipe stands where the lock's file belongs.
        OSError: the lock's file is there and can't be read.
    """
    if is_remote(folder):
        return holder(folder / LOCK_NAME)
    try:
        held = flock.AVAILABLE and flock.is_held(folder / LOCK_NAME)
    except NoLocksError:
        return None
    return _writer(folder) if held else None


def file_lock_path(path: Path) -> Path:
    """The empty file beside `path` that `file_lock` locks, `.<name>.lock`; it stays when nobody holds it."""
    return path.with_name(f".{path.name}{LOCK_NAME}")


@contextmanager
def file_lock(path: Path, private: bool = False) -> Iterator[None]:
    """Hold the file `path`, which need not exist, for replacing; wait while another process holds it.

    What is locked is `file_lock_path`, as `path` itself becomes another file when it is replaced.

    Args:
        private: whether only the owner may open the lock's file, and enter the folders that are made.

    Raises:
        LockError: a link, a folder or a pipe stands where the lock's file belongs; nothing was written through it.
        OSError: the folder can't be written to, or its file system has no locks.
    """
    make_folders(path.parent, private)
    lock = file_lock_path(path)
    with _held(lock, path, lambda: SOMEBODY):
        if private:
            with suppress(PermissionError):  # another user's
                lock.chmod(PRIVATE_FILE)
        yield


@contextmanager
def _held(lock: Path, what: Path, writer: Callable[[], str]) -> Iterator[None]:
    if not flock.AVAILABLE:
        with _held_on_windows(lock, what, writer):
            yield
        return
    try:
        descriptor = flock.acquire(lock, False, partial(_tell, what, writer))
    except NoLocksError as error:
        raise OSError(
            f"{what} can't be locked, and two runs could write there at once: its file system has no locks ({error}); "
            "name a place on another file system"
        ) from error
    try:
        yield
    finally:
        flock.release(descriptor)


def _lock_for_reading(folder: Path) -> int | None:
    """The descriptor of a shared lock; none where none is needed."""
    if not folder.is_dir():
        return None
    lock = folder / LOCK_NAME
    try:
        return flock.acquire(lock, True, partial(_tell, folder, partial(_writer, folder)))
    except (NoLocksError, FileNotFoundError):  # or it has just gone
        return None
    except OSError as error:
        if error.errno in UNWRITABLE and not os.path.lexists(lock):
            return None
        raise


def _tell(what: Path, writer: Callable[[], str], by_readers: bool) -> None:
    """Say whom we wait for. (Readers leave no note, and one of a killed writer would be false.)"""
    _tell_whom(what, READERS if by_readers else writer())


def _tell_whom(what: Path, whom: str) -> None:
    logger.warning("%s is in use by %s; waiting for it to finish", what, whom)


@contextmanager
def _noted(note: Path) -> Iterator[None]:
    """Say in a file who holds the folder."""
    note.unlink(missing_ok=True)  # a killed holder's, or a link to somebody's file
    try:
        with open(note, "x", encoding="ascii") as file:
            file.write(f"process {os.getpid()}\n")
        yield
    finally:
        note.unlink(missing_ok=True)


def _writer(folder: Path) -> str:
    """Who writes in the folder, as far as the note says; it may come or go at any moment, or be another's file."""
    try:
        descriptor = os.open(folder / HOLDER_NAME, os.O_RDONLY | flock.NO_LINKS)
    except OSError:
        return SOMEBODY
    try:
        text = os.read(descriptor, LONGEST_NOTE).decode(errors="replace").strip()
    except OSError:  # a folder
        return SOMEBODY
    finally:
        os.close(descriptor)
    return text if text.isprintable() and text else SOMEBODY


@contextmanager
def _held_on_windows(lock: Path, what: Path, writer: Callable[[], str]) -> Iterator[None]:
    from filelock import FileLock, Timeout

    flock.refuse_other(lock)
    held = FileLock(lock)
    try:
        held.acquire(timeout=0)
    except Timeout:
        _tell_whom(what, writer())
        held.acquire()
    try:
        yield
    finally:
        held.release()
