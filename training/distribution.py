"""Several replicas of the network that take each step together: on several GPUs, on several machines, or just one.

Each replica embeds its part of the batch. Embeddings and labels are then gathered, so that every replica computes the
loss of the whole batch, and what it is minimised by covers all of it: the softmax's weights, the search for triplets.
The gradients of the replicas' parts are summed. With the moments of batch normalisation over all replicas
(`models.layers`), a step is that of one process with the same batch, but for the order in which numbers are added.

Here is TensorFlow's side of it; `cluster` reads which machines there are.
"""

import hashlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from batcher.sampling.sampler import Batch
from models.replicas import gathered
from storage.errors import UserError
from training.cluster import ALONE, Cluster
from training.options import MIRRORED, MULTI_WORKER, TrainingOptions
from training.position import Metrics

START_SECONDS = 600  # for which a worker waits for all the others before the first step
DIGEST_WORDS = 8  # of 32 bits, in a SHA-256
LOST = (  # what TensorFlow raises in the workers that are left, and no mistake of theirs
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
)
HEADINGS = ("Graph execution error", "Detected at node", "File ")  # of TensorFlow's errors, above what went wrong

logger = logging.getLogger(__name__)


class DistributionError(UserError):
    """The run can't be spread as asked; the message says what to change."""


class WorkerLostError(OSError):
    """Another worker is gone, so this one can't go on; the run stands at its last checkpoint.

    Args:
        had_begun: whether all workers had found together before.
    """

    def __init__(self, message: str, had_begun: bool):
        super().__init__(message)
        self.had_begun = had_begun


class Distribution:
    """The replicas of a run, those of this process and of the others.

    Args:
        strategy: TensorFlow's; its default one is a single replica, in which nothing is exchanged.
        cluster: the workers, of which this process is one.
    """

    def __init__(self, strategy: tf.distribute.Strategy, cluster: Cluster = ALONE):
        self.strategy, self.cluster = strategy, cluster
        self.replicas = strategy.num_replicas_in_sync
        self._here = self.replicas // len(cluster.workers)  # replicas of this process

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run's files and says how far it is."""
        return self.cluster.is_chief

    def own_shares(self, shares: int) -> range:
        """The numbers of a batch's shares that this process draws."""
        each = shares // len(self.cluster.workers)
        return range(self.cluster.index * each, (self.cluster.index + 1) * each)

    def run(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """Run a step on every replica, inside a `tf.function`; the result is that of this process's first."""
        return tf.nest.map_structure(
            lambda value: self.strategy.experimental_local_results(value)[0], self.strategy.run(step, arguments)
        )

    def feed(self, batch: Batch) -> Batch:
        """A batch of this process as arguments of a step: cut into equal parts for its replicas."""
        if self._here == 1:
            return batch
        parts = [np.split(array, self._here) for array in batch]
        first = self.cluster.index * self._here

        def part_of(context: tf.distribute.experimental.ValueContext) -> tuple[np.ndarray, ...]:
            return tuple(part[context.replica_id_in_sync_group - first] for part in parts)

        return Batch(*self.strategy.experimental_distribute_values_from_function(part_of))

    def gathered(self, *parts: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Tensors of this replica's part of the batch to those of the whole batch, in the order of the shares."""
        return tuple(gathered(part) for part in parts)

    def part_of(self, loss: tf.Tensor) -> tf.Tensor:
        """What of the whole batch's loss a replica steps on, so that all of them together step on the loss."""
        return loss if self.replicas == 1 else loss / self.replicas

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any worker; every worker has to ask, and all get one answer.

        Raises:
            WorkerLostError: another worker is gone.
        """
        return flag if len(self.cluster.workers) == 1 else bool(self._everyones(np.array([flag], np.int32)).any())

    def agree(self, text: str) -> bool:
        """Whether all workers come with the same text.

        Raises:
            WorkerLostError: another worker is gone.
        """
        if len(self.cluster.workers) == 1:
            return True
        words = self._everyones(np.frombuffer(hashlib.sha256(text.encode()).digest(), np.int32))
        return bool((words.reshape(-1, DIGEST_WORDS) == words[:DIGEST_WORDS]).all())

    def of_chief(self, figures: Metrics) -> Metrics:
        """The chief's figures in the place of this worker's, which have the same names; every worker has to ask.

        (Each computes the same, but on a GPU the last bits may differ, and with them what follows from a threshold.)

        Raises:
            WorkerLostError: another worker is gone.
        """
        if len(self.cluster.workers) == 1 or not figures:
            return figures
        words = np.array(list(figures.values()), np.float64).view(np.int32)
        return dict(zip(figures, self._everyones(words)[: len(words)].view(np.float64).tolist(), strict=True))

    @contextmanager
    def together(self) -> Iterator[None]:
        """What may fail in one worker and not in the others: these then end too instead of waiting for it.

        Raises:
            DistributionError: another worker failed, and has said why.
            WorkerLostError: another worker is gone.
        """
        try:
            yield
        except Exception:
            self.any(True)
            raise
        if self.any(False):
            raise DistributionError("another worker could not go on, and has said why; this one ends with it")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Say of what TensorFlow raises inside, when another worker is gone, that it is.

        Raises:
            WorkerLostError: as said.
        """
        try:
            yield
        except LOST as error:
            if len(self.cluster.workers) == 1:
                raise
            raise WorkerLostError(
                f"worker {self.cluster.index} has lost another one ({_cause(error)}); the run stands at its last "
                "checkpoint",
                had_begun=True,
            ) from error

    def _everyones(self, values: np.ndarray) -> np.ndarray:
        """The int32 values (n,) of every replica, one after the other."""
        with self.watching():
            return self._gather(tf.constant(values)).numpy()

    @tf.function
    def _gather(self, values: tf.Tensor) -> tf.Tensor:
        return self.run(gathered, values)


ONE_REPLICA = Distribution(tf.distribute.get_strategy())


def distribution_of(options: TrainingOptions, cluster: Cluster = ALONE) -> Distribution:
    """The replicas that a run asks for; with several workers, it waits for all of them.

    Raises:
        DistributionError: there are no GPUs to spread over, or for mixed precision.
        WorkerLostError: not all workers came.
    """
    if options.mixed_precision and not has_gpu():
        raise DistributionError("--mixed_precision needs a GPU, and TensorFlow sees none")
    if options.distribute:
        tf.get_logger().setLevel(logging.ERROR)  # it tells of every exchange
    if options.distribute == MIRRORED:
        return Distribution(_mirrored())
    if options.distribute == MULTI_WORKER:
        return Distribution(_multi_worker(cluster), cluster)
    return ONE_REPLICA


def has_gpu() -> bool:
    """Whether TensorFlow sees a GPU, on which it then computes."""
    return bool(tf.config.list_physical_devices("GPU"))


def _mirrored() -> tf.distribute.Strategy:
    gpus = tf.config.list_logical_devices("GPU")
    devices = gpus or tf.config.list_logical_devices("CPU")  # of which there is one, unless a test divides it
    if len(devices) < 2:
        raise DistributionError(f"--distribute mirrored needs several GPUs, and TensorFlow sees {len(gpus)}")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def _multi_worker(cluster: Cluster) -> tf.distribute.Strategy:
    logger.info("worker %d of %d waits for the others", cluster.index, len(cluster.workers))
    with _bounded(cluster):
        try:
            return tf.distribute.MultiWorkerMirroredStrategy()
        except (tf.errors.OpError, RuntimeError) as error:
            raise WorkerLostError(f"not all workers came ({_cause(error)})", had_begun=False) from error


def _cause(error: Exception) -> str:
    """The first line of what TensorFlow says that is no heading, nor of the stack of calls that it puts first."""
    lines = map(str.strip, str(error.message if isinstance(error, tf.errors.OpError) else error).splitlines())
    told = [line for line in lines if line and not line.startswith(HEADINGS)]
    return told[0] if told else type(error).__name__


@contextmanager
def _bounded(cluster: Cluster) -> Iterator[None]:
    """End the process, in one line and with status 1, if the block takes `START_SECONDS`: TensorFlow would wait on.

    Nor would it hear Ctrl-C, which ends the process at once, as there is nothing yet to be tidied up.
    """

    def give_up() -> None:
        os.write(2, f"error: not all of {', '.join(cluster.workers)} came within {START_SECONDS} s\n".encode())
        os._exit(1)

    timer = threading.Timer(START_SECONDS, give_up)
    timer.daemon = True
    timer.start()
    earlier = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, earlier)
        timer.cancel()
