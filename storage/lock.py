"""One writer at a time in a folder that several processes may use."""

import logging
import os
from collections.abc import Iterator
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
    holder = folder / HOLDER_NAME
    lock = FileLock(folder / LOCK_NAME)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        who = holder.read_text().strip() if holder.is_file() else "another process"
        logger.warning("%s is in use by %s; waiting for it to finish", folder, who)
        lock.acquire()
    try:
        holder.write_text(f"process {os.getpid()}\n")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()
