"""One writer at a time in a folder of an object store, which has no locks: a small object that one process can make.

Its holder renews it while it lives, which those who wait for it see. The lock of a holder that was killed stays, and is
not taken from it, as two who waited could both believe to have it: whoever waits is told what to delete.
"""

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

RENEWED = 15.0  # s
POLLED = 1.0  # s
SILENT = 90.0  # s without a renewal, after which its holder is taken for dead


@contextmanager
def lease(lock: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """Hold the object `lock`; wait while another process does.

    A process whose lock is taken from it all the same (somebody deleted it, taking it for dead) ends at once, as if it
    was killed, for it would delete what the other one writes.

    Args:
        tell: called once with who that is, before waiting.

    Raises:
        OSError: its holder has not been heard of for `SILENT` seconds; or the store can't be written to.
    """
    name = f"process {os.getpid()} on {socket.gethostname()} ({secrets.token_hex(8)})"
    while not _made(lock, name):
        wait(lock, tell)
    _store_of(lock).invalidate_cache()  # of listings, which may be of before
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(lock, name, ended), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        ended.set()
        renewing.join()
        if _is_of(name, holder(lock)):
            lock.unlink()


def wait(lock: Path, tell: Callable[[str], None] = lambda _: None) -> None:
    """Wait until nobody holds the object `lock`.

    Raises:
        OSError: its holder has not been heard of for `SILENT` seconds.
    """
    seen, since, told = None, time.monotonic(), False
    while (held := holder(lock)) is not None:
        if held != seen:
            seen, since = held, time.monotonic()
        elif time.monotonic() - since > SILENT:
            raise OSError(
                f"{lock.parent} is in use by {held.rpartition(' ')[0]}, which has given no sign of life for "
                f"{SILENT:.0f} s; if it has ended, delete {lock} with your store's own tool"
            )
        if not told:
            tell(held.rpartition(" ")[0])
            told = True
        time.sleep(POLLED)


def holder(lock: Path) -> str | None:
    """What the holder of the object `lock` wrote into it, last the number of the renewal; None if nobody holds it."""
    try:
        return _store_of(lock).cat_file(str(lock)).decode(errors="replace")
    except FileNotFoundError:
        return None


def _made(lock: Path, name: str) -> bool:
    try:
        with lock.open("xb") as file:
            file.write(f"{name} 0".encode())
    except FileExistsError:
        return False
    return True


def _renew(lock: Path, name: str, ended: threading.Event) -> None:
    number = 0
    while not ended.wait(RENEWED):
        number += 1
        with suppress(Exception):  # of any class of a store's client; it may answer the next time
            if not _is_of(name, holder(lock)):
                os.write(2, f"error: the lock {lock} was taken from this run, which ends here\n".encode())
                os._exit(1)
            lock.write_bytes(f"{name} {number}".encode())


def _is_of(name: str, held: str | None) -> bool:
    return held is not None and held.rpartition(" ")[0] == name


def _store_of(path: Path) -> Any:
    """The file system that fsspec reaches a path of a URL by."""
    return cast(Any, path).fs
