"""Order, errors and memory of the parallel map."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from storage.parallel import CHUNK, CHUNKS_AHEAD, parallel_map, worker_count

ROOT = Path(__file__).resolve().parents[1]
ENDLESS_WORK = """
import os
import signal
from storage.parallel import parallel_map

def work(item):
    os.write(1, b"up\\n")  # in one piece: both workers write to the pipe
    signal.pause()

if __name__ == "__main__":
    list(parallel_map(work, range(64), 2))
"""


def square(number: int) -> int:
    return number * number


def refuse_40(number: int) -> int:
    if number == 40:
        raise LookupError("forty")
    return number


def die_at_20(number: int) -> int:
    if number == 20:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def process_id(_: int) -> int:
    return os.getpid()


def library_threads(_: int) -> list[int]:
    """How many threads each numeric library of this process would use."""
    np.ones((2, 2)) @ np.ones((2, 2))
    return [library["num_threads"] for library in threadpool_info()]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("count", [0, 1, CHUNK - 1, CHUNK, 2 * CHUNKS_AHEAD * CHUNK + 5])
def test_results_come_in_the_order_of_the_items(workers, count):
    assert list(parallel_map(square, range(count), workers)) == [number * number for number in range(count)]


def test_one_worker_is_this_process_and_two_are_others():
    assert set(parallel_map(process_id, range(3), 1)) == {os.getpid()}
    assert os.getpid() not in set(parallel_map(process_id, range(3 * CHUNK), 2))


@pytest.mark.parametrize("count", [0, 1, CHUNK])
def test_what_makes_one_chunk_is_done_in_this_process(count):
    assert set(parallel_map(process_id, iter(range(count)), 40)) <= {os.getpid()}


@pytest.mark.parametrize("chunks, started", [(2, 2), (3, 3), (9, 5)])
def test_no_more_workers_are_started_than_there_are_chunks(monkeypatch, chunks, started):
    pools = []

    class Watched(ProcessPoolExecutor):
        def shutdown(self, *args, **kwargs):
            pools.append(len(self._processes))
            super().shutdown(*args, **kwargs)

    monkeypatch.setattr("storage.parallel.ProcessPoolExecutor", Watched)
    assert list(parallel_map(square, (number for number in range(chunks)), 5, chunk=1)) == [
        n * n for n in range(chunks)
    ]
    assert pools == [started]


def test_no_more_workers_are_started_than_the_system_can_wait_for(monkeypatch):
    monkeypatch.setattr("storage.parallel.MOST_WORKERS", 2)
    assert len(set(parallel_map(process_id, range(64), 5, chunk=1))) <= 2


@pytest.mark.parametrize("workers, chunk", [(1, 1), (2, 1), (2, CHUNK)])
def test_numeric_libraries_keep_to_one_thread_and_have_theirs_again_afterwards(workers, chunk):
    """The other cores have workers of their own. (Four items: a worker for each of two chunks, or one chunk here.)"""
    with threadpool_limits(2):
        before = library_threads(0)
        assert max(before) > 1
        for threads in parallel_map(library_threads, range(4), workers, chunk):
            assert threads
            assert set(threads) == {1}
        assert library_threads(0) == before


@pytest.mark.parametrize("workers, most", [(1, 1), (2, 2 * CHUNKS_AHEAD * CHUNK)])
def test_items_are_taken_as_they_are_needed(workers, most):
    items = itertools.count()
    results = parallel_map(square, items, workers)
    assert next(results) == 0
    assert next(items) <= most
    results.close()


@pytest.mark.parametrize("workers, before", [(1, 40), (2, 2 * CHUNK)])
def test_an_error_reaches_the_caller_after_the_results_before_it(workers, before):
    outcomes = parallel_map(refuse_40, range(100), workers)
    assert list(itertools.islice(outcomes, before)) == list(range(before))
    with pytest.raises(LookupError, match="forty"):
        next(outcomes)


def test_a_killed_worker_is_an_error_and_not_a_wait_for_ever():
    with pytest.raises(BrokenProcessPool):
        list(parallel_map(die_at_20, range(100), 2))


def test_workers_end_when_their_parent_is_killed(tmp_path):
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS_WORK)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, script]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, start_new_session=True)
    try:
        assert process.stdout.readline() == b"up\n"
        process.kill()
        process.communicate(timeout=20)  # the pipe's end comes when the last worker has gone
    finally:
        with contextlib.suppress(ProcessLookupError):  # none of the group is left when all is well
            os.killpg(process.pid, signal.SIGKILL)


def test_worker_count():
    assert worker_count(multi_threading=False, num_workers=None) == 1
    assert worker_count(multi_threading=True, num_workers=3) == 3
    assert worker_count(multi_threading=False, num_workers=3) == 3


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_worker_count_is_that_of_the_cores_this_process_may_use():
    allowed = os.sched_getaffinity(0)
    assert worker_count(True, None) == len(allowed)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert worker_count(True, None) == 1
    finally:
        os.sched_setaffinity(0, allowed)
