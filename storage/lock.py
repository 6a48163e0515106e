"""One writer at a time in a folder, or of a file, that several processes may use; and readers whom no writer disturbs.

The locks are the operating system's (flock), so they end with their holders, even those that were killed.
"""

import errno
import logging
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCK_NAME = ".lock"
HOLDER_NAME = ".lock-holder"
LOCK_FILES = {LOCK_NAME, HOLDER_NAME}
WITHOUT_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}  # what a file system says that has none

logger = logging.getLogger(__name__)


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold `folder` for writing; wait, and say for whom, while another process writes there or reads.

    Raises:
        OSError: the folder can't be written to, its file system has no locks, or something else stands in the lock's
            place, say a link.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _held(folder / LOCK_NAME, folder, lambda: _holder(folder)):
        note = folder / HOLDER_NAME
        try:
            note.unlink(missing_ok=True)  # a killed holder's, or a link to somebody's file
            with open(note, "x") as file:
                file.write(f"process {os.getpid()}\n")
            yield
        finally:
            note.unlink(missing_ok=True)


@contextmanager
def shared_folder_lock(folder: Path) -> Iterator[None]:
    """Hold `folder` for reading, together with other readers; wait, and say for whom, while a process writes there.

    Nothing is made in a folder that can't be written to, and no folder either: then nobody else is writing there.

    Raises:
        OSError: the folder's file system has no locks, or something else stands in the lock's place, say a link.
    """
    lock = folder / LOCK_NAME
    if fcntl is None or not folder.is_dir() or not (lock.exists() or os.access(folder, os.W_OK)):
        yield
        return
    with _held(lock, folder, lambda: _holder(folder), shared=True):
        yield


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold the file `path`, which need not exist, for replacing; wait while another process holds it.

    What is locked is `.<name>.lock` beside it, as `path` itself becomes another file when it is replaced.

    Raises:
        OSError: as for `folder_lock`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _held(path.with_name(f".{path.name}{LOCK_NAME}"), path, lambda: "another process"):
        yield


@contextmanager
def _held(lock: Path, path: Path, holder: Callable[[], str], shared: bool = False) -> Iterator[None]:
    if fcntl is None:
        with _held_without_flock(lock, path, holder):
            yield
        return
    descriptor = _opened(lock, shared)
    try:
        how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.warning("%s is in use by %s; waiting for it to finish", path, holder())
            fcntl.flock(descriptor, how)
        except OSError as error:
            if error.errno not in WITHOUT_LOCKS:
                raise
            reason = "its file system has no locks, without which two runs could spoil each other's work"
            raise OSError(error.errno, reason, str(path)) from error
        yield
    finally:
        os.close(descriptor)  # and with it the lock


def _opened(lock: Path, shared: bool) -> int:
    """The lock's file, empty and our own: a link is not followed, and nothing is written or cut short."""
    flags = os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a FIFO would be waited for
    try:
        descriptor = os.open(lock, flags | os.O_RDWR, 0o666)
    except OSError:
        if not shared:
            raise
        descriptor = os.open(lock, (flags | os.O_RDONLY) & ~os.O_CREAT)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a file, where a lock should be", str(lock))
    return descriptor


@contextmanager
def _held_without_flock(lock: Path, path: Path, holder: Callable[[], str]) -> Iterator[None]:
    from filelock import FileLock, Timeout

    held = FileLock(lock)
    try:
        held.acquire(timeout=0)
    except Timeout:
        logger.warning("%s is in use by %s; waiting for it to finish", path, holder())
        held.acquire()
    try:
        yield
    finally:
        held.release()


def _holder(folder: Path) -> str:
    """Who writes in the folder, as far as the note says; it may come or go at any moment."""
    with suppress(OSError):
        if said := (folder / HOLDER_NAME).read_text(errors="replace").strip():
            return said
    return "another process"
