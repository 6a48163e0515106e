"""The operating system's lock on a small file of its own: of one writer, or of several readers.

`flock` ends with its holder, even one that was killed. It is the call that `filelock` makes too, so it excludes earlier
versions of ours, which used that. But filelock empties the file of the lock before version 4, and before 3.20.1 even
what a link in its place leads to.
"""

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from storage.errors import UserError

try:
    import fcntl

    AVAILABLE = True
except ImportError:  # on Windows, where storage/lock.py does without
    AVAILABLE = False

IN_USE = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES}  # what `flock` says of a lock that another process holds
NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # nor wait for the other end of a pipe
CREATION_MODE = 0o666  # less the process's mask, as of any new file


class LockError(UserError):
    """Something else stands where a lock's file belongs."""


class NoLocksError(Exception):
    """The file system has no locks; the message is what it says instead."""


def acquire(lock: Path, shared: bool, before_waiting: Callable[[bool], None]) -> int:
    """Lock the file `lock`, which is made if need be and never written to; Ctrl-C ends the wait for it.

    Args:
        shared: whether others may hold it with us, if they share it too.
        before_waiting: called when the lock is held, with whether its holders are such.

    Returns:
        the descriptor that `release` takes.

    Raises:
        LockError: `lock` is a link, a folder or a pipe.
        NoLocksError: as said.
        OSError: the file can't be made or opened.
    """
    while True:
        descriptor = _open(lock, shared)
        try:
            _wait(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, before_waiting)
            if _is_still(lock, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # of a file that was deleted meanwhile, and excludes nobody


def is_held(lock: Path) -> bool:
    """Whether a writer holds the lock now. Nothing is made, and nobody is waited for.

    Raises:
        LockError: `lock` is a link, a folder or a pipe.
        NoLocksError: the file system has no locks.
        OSError: the file is there and can't be opened.
    """
    try:
        descriptor = _open_file(lock, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError:
        refuse_other(lock)
        raise
    try:
        return not _is_locked(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)


def release(descriptor: int) -> None:
    """Unlock what `acquire` locked."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing is not enough while a worker has inherited it
    finally:
        os.close(descriptor)


def refuse_other(lock: Path) -> None:
    """Refuse anything but a file, or nothing, in the place of a lock.

    Raises:
        LockError: as said.
    """
    with suppress(FileNotFoundError):
        _refuse_mode(lock, os.lstat(lock).st_mode)


def _open(lock: Path, shared: bool) -> int:
    try:
        if not shared:
            return _open_for_writer(lock)
        with suppress(FileNotFoundError):
            return _open_file(lock, os.O_RDONLY)
        return _open_file(lock, os.O_RDONLY | os.O_CREAT)
    except OSError:
        refuse_other(lock)
        raise


def _open_for_writer(lock: Path) -> int:
    try:
        return _open_file(lock, os.O_RDWR | os.O_CREAT)  # NFS locks for writers only what is open for writing
    except PermissionError:  # another user made it as a reader
        with suppress(FileNotFoundError):
            return _open_file(lock, os.O_RDONLY)
        raise


def _open_file(lock: Path, flags: int) -> int:
    descriptor = os.open(lock, flags | NO_LINKS, CREATION_MODE)
    try:
        _refuse_mode(lock, os.fstat(descriptor).st_mode)
    except LockError:
        os.close(descriptor)
        raise
    return descriptor


def _refuse_mode(lock: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = "a symbolic link" if stat.S_ISLNK(mode) else "a folder" if stat.S_ISDIR(mode) else "not a regular file"
        raise LockError(f"{lock} is {kind}, and a lock's file belongs there; move it away and run the command again")


def _wait(descriptor: int, how: int, before_waiting: Callable[[bool], None]) -> None:
    if _is_locked(descriptor, how | fcntl.LOCK_NB):
        return
    readers = _is_locked(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    if readers:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    before_waiting(readers)
    if not _is_locked(descriptor, how):
        raise NoLocksError("it does not wait")


def _is_locked(descriptor: int, how: int) -> bool:
    """Lock it so, unless others hold it otherwise."""
    try:
        fcntl.flock(descriptor, how)
    except OSError as error:
        if error.errno in IN_USE:
            return False
        raise NoLocksError(error.strerror) from error
    return True


def _is_still(lock: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.lstat(lock), os.fstat(descriptor))
    except FileNotFoundError:
        return False
