"""A Dask cluster as workers: what `storage.parallel` shares out among processes here, it shares out on other machines.

Dask moves the shares of workers that are lost to others. What is added here is what a user has to know: which workers
were lost and what is done again, that nobody is left to work, and before anything begins, that all of them run the same
version of this tool and see the same folders.
"""

import itertools
import logging
import secrets
import socket
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import CancelledError, Executor, Future
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from distributed import Client, KilledWorker
from distributed.cfexecutor import ClientExecutor
from distributed.client import FutureCancelledError

from storage.counting import counted
from storage.errors import UserError, first_few
from storage.parallel import mapped, prepare_worker
from storage.places import size_and_time

CONNECTING = 10.0  # s to wait for the scheduler, and then for a first worker
SHOWN = 3  # addresses in a message
SCHEMES = ("tcp://", "tls://", "ucx://", "ws://", "wss://", "inproc://")  # of Dask's addresses

Result = TypeVar("Result")

logger = logging.getLogger(__name__)


class ClusterError(UserError):
    """The cluster can't be used as asked; the message says why and what to do."""


class Here(NamedTuple):
    """What workers have to have in common with this process; a new one may join at any time."""

    identity: Callable[[], object]
    found: object  # by it, here
    files: dict[Path, tuple[int, int] | None]  # as they are seen here, by `seen_at`


class Cluster:
    """The workers of a Dask scheduler.

    Args:
        address: of the scheduler, as `tcp://host:8786`.
        identity: gives what this process and every worker have to agree in, such as the version of this tool.

    Raises:
        ClusterError: it is no address; or a worker lacks this tool, or has another version of it.
        OSError: nobody answers there, or no worker does.
    """

    def __init__(self, address: str, identity: Callable[[], object]):
        if not address.startswith(SCHEMES):
            raise ClusterError(f"expected a scheduler as tcp://host:8786. Received {address!r}")
        for name in ("distributed", "distributed.client"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters of it is said here
        try:
            self._client = Client(address, timeout=CONNECTING, set_as_default=False)
        except (OSError, ValueError) as error:
            raise OSError(f"no Dask scheduler answers at {address}; `dask scheduler` starts one") from error
        try:
            self._client.wait_for_workers(1, timeout=CONNECTING)
        except TimeoutError as error:
            raise OSError(
                f"no worker has joined the scheduler at {address}; `dask worker {address} --nthreads 1` starts one"
            ) from error
        self._here = Here(identity, identity(), {})
        self._check_identity()
        logger.info("working on %s of %s", counted(len(self._client.nthreads()), "worker"), address)

    def check_shared(self, path: Path) -> None:
        """Refuse to go on if some worker does not see a file as it is seen here.

        Raises:
            ClusterError: there is such a worker.
            OSError: there is no such file.
        """
        here, seen = seen_at(path), self._client.run(seen_at, path)
        self._here.files[path] = here  # for workers that join later
        if here is None:
            raise FileNotFoundError(f"{path} has gone")
        if blind := [worker for worker, there in seen.items() if there != here]:
            raise ClusterError(
                f"{path.parent} is not on a path that all machines share: {first_few(sorted(blind), SHOWN)} sees "
                "something else there"
            )

    def map(self, function: Callable[[Any], Result], chunks: Iterable[tuple]) -> Generator[Result]:
        """Yield `function(item)` for each item of each chunk, in order, as `storage.parallel.parallel_map` does.

        Raises:
            OSError: the scheduler has gone, or a chunk was lost with one worker after another.
        """
        executor = _Shares(self._client, self._here)
        try:
            yield from mapped(executor, function, chunks, executor.size)
        except (ModuleNotFoundError, AttributeError) as error:
            raise ClusterError(f"a worker does not have this tool, in this version ({error})") from error
        except KilledWorker as error:
            raise OSError(f"{error.allowed_failures + 1} workers were lost with the same share (memory?)") from error
        except (CancelledError, FutureCancelledError) as error:
            raise OSError("the scheduler has gone, and with it what was under way; run the command again") from error

    def _check_identity(self) -> None:
        try:
            found = self._client.run(self._here.identity)
        except (ModuleNotFoundError, AttributeError) as error:
            raise ClusterError(
                f"the workers do not have this tool ({error}); install it there, or start them in its folder by "
                "`python -m distributed.cli.dask_worker`"
            ) from error
        if others := [worker for worker, there in found.items() if there != self._here.found]:
            raise ClusterError(f"another version of this tool, or other settings: {first_few(sorted(others), SHOWN)}")


class _Shares(Executor):
    """Runs chunks as tasks of Dask, and says which of them are done again as a worker was lost."""

    def __init__(self, client: Client, here: Here):
        self._here = here
        self._client, self._executor = client, ClientExecutor(client, pure=False)
        self._name = f"deep-speaker-{secrets.token_hex(8)}-"
        self._given = itertools.count()
        self._workers = set(client.nthreads())
        self._again = 0  # shares
        client.subscribe_topic("all", self._heed)

    def size(self) -> int:
        """How many workers there are now; one if there is none, as some may come."""
        return max(len(self._workers), 1)

    def submit(self, function: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """Hand over a chunk."""
        return self._executor.submit(on_worker, self._here, function, *args, key=f"{self._name}{next(self._given)}")

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Drop what is not finished, and stop listening; the cluster stays."""
        self._executor.shutdown(wait=wait and not cancel_futures)
        self._client.unsubscribe_topic("all")
        if self._again:
            again, given = counted(self._again, "share"), next(self._given)
            logger.warning("done again, as workers were lost: %s of %d", again, given)

    def _heed(self, event: tuple[float, dict[str, Any]]) -> None:
        """Take note of a worker that came or went; called in a thread of Dask's."""
        _, message = event
        if message.get("action") == "add-worker":
            self._workers.add(message["worker"])
        elif message.get("action") == "remove-worker":
            self._workers.discard(message["worker"])
            keys = (*message["processing-tasks"], *message["lost-computed-tasks"])
            lost = sum(str(key).startswith(self._name) for key in keys)
            self._again += lost
            logger.warning(
                "worker %s is lost, with %s under way, to be done again",
                message["worker"], counted(lost, "share"),
            )  # fmt: skip
            if not self._workers:
                logger.warning("no worker is left; waiting for one to come")


def seen_at(path: Path) -> tuple[int, int] | None:
    """The size and the time of a file, by which it is known again; None if there is none."""
    try:
        return size_and_time(path)
    except OSError:
        return None


def on_worker(here: Here, function: Callable, *args: Any) -> Any:
    """Call a function on a worker, if that has what it has to have in common with the process that asks for it.

    Raises:
        ClusterError: it has another version of this tool, or sees other files.
    """
    prepare_worker()
    if here.identity() != here.found:
        raise ClusterError(f"a worker that joined, on {socket.gethostname()}, has another version of this tool")
    if other := next((path for path, seen in here.files.items() if seen_at(path) != seen), None):
        raise ClusterError(f"a worker that joined, on {socket.gethostname()}, sees something else at {other}")
    return function(*args)
