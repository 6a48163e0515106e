"""Map a function over many files with every core, or every machine of a cluster, in order, in bounded memory."""

import gc
import itertools
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache
from multiprocessing import connection, parent_process
from pathlib import Path
from typing import Any, Protocol, TypeVar

from threadpoolctl import threadpool_limits

from storage.interrupt import ignore_interrupts, interrupts_held_back

CHUNK = 16  # items per task, so that hand-over costs little beside the work
CHUNKS_AHEAD = 4  # tasks under way per worker: enough to keep it busy, few enough to hold their results

MOST_WORKERS = 61 if sys.platform == "win32" else 1 << 10  # Windows waits for no more processes at once

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

KEPT_MEMORY = 1 << 24  # bytes, see `_keep_freed_memory`

Item = TypeVar("Item")
Result = TypeVar("Result")


class MappingCluster(Protocol):
    """Worker processes on any machines, as `storage.dask_cluster.Cluster` has them."""

    def map(self, function: Callable[[Any], Result], chunks: Iterable[tuple]) -> Generator[Result]:
        """Yield `function(item)` for each item of each chunk, in order."""

    def check_shared(self, path: Path) -> None:
        """Refuse to go on if a worker does not see a file as it is seen here."""


Workers = int | MappingCluster  # processes of this machine, or a cluster


def parallel_map(
    function: Callable[[Item], Result], items: Iterable[Item], workers: Workers, chunk: int = CHUNK
) -> Generator[Result]:
    """Yield `function(item)` for each item, in the items' order.

    Args:
        function: must be picklable; it runs in worker processes unless `workers` is 1 or all items make one chunk.
            What it returns should be small, a few hundred bytes: all workers share a pipe, and one that is killed in
            the middle of a message of more than that holds would leave the others waiting for its end.
        items: of any number, also unknown; the chunks that give every worker one are taken before any starts.
        workers: number of processes, at most; never more are started than there are chunks. Or a cluster, whose
            workers get all of the chunks.
        chunk: items handed over at once.

    Raises:
        concurrent.futures.process.BrokenProcessPool: a worker process of this machine was killed.
        OSError: a cluster can't go on.
    """
    if not isinstance(workers, int):
        yield from workers.map(function, _chunks(items, chunk))
        return
    if workers == 1:
        yield from _map_here(function, items)
        return
    chunks, workers = _chunks(items, chunk), min(workers, MOST_WORKERS)
    first = list(itertools.islice(chunks, workers))  # since an executor that forks starts all its workers at once
    if len(first) <= 1:
        yield from _map_here(function, itertools.chain(*first))
        return
    executor = ProcessPoolExecutor(len(first), initializer=_start_worker)
    yield from mapped(executor, function, itertools.chain(first, chunks), lambda: len(first))


def check_shared(path: Path, workers: Workers) -> None:
    """Make sure that all workers see a file as it is seen here, as processes of this machine always do.

    Raises:
        UserError: a worker of a cluster does not.
    """
    if not isinstance(workers, int):
        workers.check_shared(path.absolute())


def overlapped_map(function: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Generator[Result]:
    """Yield `function(item)` for each item, in the items' order, for a function that waits more than it computes."""
    yield from mapped(ThreadPoolExecutor(threads), function, _chunks(items, CHUNK), lambda: threads, ahead=1)


def _map_here(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Map in this process, on one core as a worker would; libraries have all their threads again afterwards."""
    _keep_freed_memory()
    with threadpool_limits(1):
        yield from map(function, items)


def mapped(
    executor: Executor, function: Callable, chunks: Iterable[tuple], size: Callable[[], int], ahead: int = CHUNKS_AHEAD
) -> Generator:
    """Yield `function(item)` for each item of each chunk, in order, and shut the executor down.

    Args:
        size: how many workers the executor has at the moment.
        ahead: chunks under way for each of them.
    """
    try:
        under_way: deque[Future] = deque()
        for chunk in chunks:
            with interrupts_held_back():  # a worker may be started
                under_way.append(executor.submit(_apply, function, chunk))
            if len(under_way) >= size() * ahead:
                yield from under_way.popleft().result()
        while under_way:
            yield from under_way.popleft().result()
    finally:
        executor.shutdown(cancel_futures=True)


def worker_count(multi_threading: bool, num_workers: int | None) -> int:
    """Processes to use: the number asked for, else every core this process may run on, else one."""
    if num_workers is not None:
        return num_workers
    if not multi_threading:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _apply(function: Callable[[Item], Result], chunk: tuple[Item, ...]) -> list[Result]:
    return [function(item) for item in chunk]


def _chunks(items: Iterable[Item], size: int) -> Iterator[tuple[Item, ...]]:
    iterator = iter(items)
    while chunk := tuple(itertools.islice(iterator, size)):
        yield chunk


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, end when the parent has ended, however it did, keep to one core and little memory."""
    ignore_interrupts()
    threading.Thread(target=_exit_after_parent, daemon=True).start()
    gc.freeze()  # to look through what a fork has of its parent's would make copies of it
    prepare_worker()


@cache
def prepare_worker() -> None:
    """Keep this process, which others share the machine's cores with, to one of them; once is enough."""
    threadpool_limits(1)
    os.environ.update(dict.fromkeys(THREADS, "1"))  # for what is not loaded yet, as in a worker that was not forked
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Free a large block once: from then on glibc reuses blocks up to that size instead of giving them back.

    (Each recording would otherwise be decoded into pages fresh from the system, which takes as long as decoding.)
    """
    bytearray(KEPT_MEMORY)


def _exit_after_parent() -> None:
    if (parent := parent_process()) is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
