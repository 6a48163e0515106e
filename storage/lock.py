"""One writer at a time in a folder, or of a file, that several processes may use."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

LOCK_NAME = ".lock"
HOLDER_NAME = ".lock-holder"
LOCK_FILES = {LOCK_NAME, HOLDER_NAME}

logger = logging.getLogger(__name__)


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold `folder` for writing; wait, and say for whom, while another process holds it.

    The lock is the operating system's, so it ends with its holder, even one that was killed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK_NAME)
    _acquire(lock, folder, lambda: _holder(folder))
    note = folder / HOLDER_NAME
    try:
        note.unlink(missing_ok=True)  # a killed holder's, or a link to somebody's file
        with open(note, "x") as file:
            file.write(f"process {os.getpid()}\n")
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold the file `path`, which need not exist, for replacing; wait while another process holds it.

    What is locked is `.<name>.lock` beside it, as `path` itself becomes another file when it is replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f".{path.name}{LOCK_NAME}"))
    _acquire(lock, path, lambda: "another process")
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: FileLock, path: Path, holder: Callable[[], str]) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.warning("%s is in use by %s; waiting for it to finish", path, holder())
        lock.acquire()


def _holder(folder: Path) -> str:
    """Who holds the folder, as far as the note says; it may come or go at any moment."""
    try:
        return (folder / HOLDER_NAME).read_text(errors="replace").strip() or "another process"
    except OSError:
        return "another process"
