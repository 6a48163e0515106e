"""The training loop, the same for all stages: draw, step, measure, report, save."""

import dataclasses
import json
import logging
import math
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from batcher.inputs import TrainingInputs
from batcher.sampling.sampler import Batch, batches
from models.checkpoint import Checkpoint, CheckpointDescription
from models.run_names import TRIPLET
from storage.lock import folder_lock
from storage.progress import progress
from training.charts import Charts, write_map
from training.cluster import ALONE, Cluster
from training.distribution import Distribution, distribution_of
from training.exchange import sent_bytes
from training.initialization import StartError, build_start, find_origin, load_origin, run_identity, trained_speakers
from training.interrupt import Interruption, interruption
from training.options import STEPS_PER_EPOCH, WINDOWS_PER_SPEAKER, TrainingOptions
from training.position import Metrics, Position
from training.report import check_finite, check_health, describe, format_metrics, time_left
from training.run_folder import RunFolder
from training.stages import Stage, build_stage
from training.teacher import read_lessons

MEGABYTE = 1e6
FLOOR_SHARE = 0.01  # of the first learning rate, reached at the last step

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StageResult:
    """How a run ended: where it is kept, after how many steps, and what the last epoch measured."""

    folder: RunFolder
    step: int
    metrics: Metrics

    @property
    def summary(self) -> str:
        """The measurements of the last epoch, in a line."""
        return format_metrics(self.metrics)


def run_stage(options: TrainingOptions, inputs: TrainingInputs, cluster: Cluster = ALONE) -> StageResult:
    """Run a stage from wherever it stands to its end.

    Random numbers are a function of `options.seed` and the step, so a run that was interrupted and continued ends with
    the weights of one that was not.

    Args:
        cluster: the workers that take each step together, each in a call of its own; the chief writes all files.

    Raises:
        CheckpointError, DistributionError, StartError, TeacherError: the run can't begin; the message says why.
        TrainingError: the loss is no longer a number.
        WorkerLostError: another worker is gone.
        KeyboardInterrupt: the run was interrupted, and has saved where it stands.
        OSError: the run folder can't be written to.
    """
    distribution = distribution_of(options, cluster)
    with distribution.watching(), ExitStack() as held:
        with distribution.together():
            options = with_shares(options, distribution.replicas)
            check_speakers(options, inputs)
            if distribution.is_chief:
                warn_of_small_hands(options, inputs)
                held.enter_context(folder_lock(options.run_dir))
        run = _begin(options, inputs, distribution)
        run.train()
        return StageResult(run.folder, run.position.step, run.position.metrics)


def with_shares(options: TrainingOptions, replicas: int) -> TrainingOptions:
    """The options with the number of shares that each batch is drawn in, one for each replica unless it is given.

    Raises:
        StartError: the batch can't be shared out so.
    """
    shares, unit = options.shares or replicas, options.windows_together
    if shares % replicas:
        raise StartError(f"expected --shares to be a multiple of the {replicas} replicas. Received {shares}")
    if shares > 1 and options.batch_size % (shares * unit):
        of_what = f" of {unit} windows that belong together" if unit > 1 else ""
        raise StartError(
            f"expected a --batch_size for {shares} equal shares{of_what}, a multiple of {shares * unit}. "
            f"Received {options.batch_size}"
        )
    return dataclasses.replace(options, shares=shares if shares > 1 else None)


def check_speakers(options: TrainingOptions, inputs: TrainingInputs) -> None:
    """Refuse to deal fewer speakers to the shares of a batch than each of them needs.

    Raises:
        StartError: as said.
    """
    each = 2 if options.stage == TRIPLET else 1
    least = each * (options.shares or 1)
    if options.shares and len(np.unique(inputs.train.labels)) < least:
        raise StartError(f"expected {least} speakers or more for {options.shares} shares of a batch. Received fewer")


def warn_of_small_hands(options: TrainingOptions, inputs: TrainingInputs) -> None:
    """Say so where shares get fewer speakers than their P x K windows are of: then batches are smaller than asked."""
    if options.stage != TRIPLET or options.triplet_selection == "random" or not options.shares:
        return
    wanted = options.batch_size // options.shares // WINDOWS_PER_SPEAKER
    dealt = len(np.unique(inputs.train.labels)) // options.shares
    if dealt < wanted:
        logger.warning(
            "each of %d shares of a batch gets %d speakers and has room for %d, so batches have %d windows and not "
            "--batch_size %d",
            options.shares, dealt, wanted, options.shares * dealt * WINDOWS_PER_SPEAKER, options.batch_size,
        )  # fmt: skip


@dataclass(frozen=True)
class _Beginnings:
    """What a run begins with, as the files say."""

    folder: RunFolder
    identity: dict[str, Any]
    lessons: np.ndarray | None
    origin: Checkpoint | None
    earlier: Checkpoint | None  # of this run, where it goes on

    def as_text(self) -> str:
        """What has to be the same in all workers."""
        description = self.earlier and self.earlier.description
        return json.dumps([self.identity, description and [description.step, description.position]], sort_keys=True)


def _begin(options: TrainingOptions, inputs: TrainingInputs, distribution: Distribution) -> "_Run":
    """Build the network and the stage; take the folder once nothing can fail any more."""
    with distribution.together():  # the chief first, as it may put a damaged checkpoint right
        read = _read(options, inputs) if distribution.is_chief else None
    with distribution.together():
        read = read or _read(options, inputs)
    if not distribution.agree(f"{read.as_text()} {options.total_steps} {options.patience}"):
        raise StartError(
            "the workers do not see the same run: they need the same version, flags, inputs and checkpoints, and a "
            "--run_dir that all of them share"
        )
    with distribution.strategy.scope():
        state = build_start(options, inputs, read.origin, read.lessons)
        stage = build_stage(options, inputs, state, read.lessons, distribution)
    if distribution.replicas > 1:
        sent = sent_bytes(state, options.batch_size, distribution.replicas) / MEGABYTE
        logger.info("%d replicas take each step together, and each sends %.2f MB a step", distribution.replicas, sent)
    if read.earlier is None and distribution.is_chief and read.folder.path.exists():
        logger.info("another run stood in %s; it is kept as %s", read.folder.path, read.folder.set_aside().name)
    description = CheckpointDescription(
        stage=options.stage,
        step=0,
        finished=False,
        network=state.options,
        features=dataclasses.asdict(inputs.feature_settings),
        speakers=inputs.speakers,
        speeds=options.speeds_used,
        held_out=inputs.held_out,
        trained_on=trained_speakers(inputs, read.origin),
        run=read.identity,
    )
    return _Run(options, read.folder, stage, description, read.earlier, distribution)


def _read(options: TrainingOptions, inputs: TrainingInputs) -> _Beginnings:
    lessons = None if options.teacher is None else read_lessons(options.teacher, inputs.train.names)
    origin_path = find_origin(options)
    identity = run_identity(options, origin_path)
    folder = RunFolder(options.run_dir / options.stage)
    earlier = folder.earlier_checkpoint(identity, options.from_scratch)
    return _Beginnings(folder, identity, lessons, load_origin(origin_path), earlier)


class _Run:
    """A stage together with its run folder, and how far the run has come."""

    def __init__(
        self,
        options: TrainingOptions,
        folder: RunFolder,
        stage: Stage,
        description: CheckpointDescription,
        earlier: Checkpoint | None,
        distribution: Distribution,
    ):
        self.options, self.folder, self.stage, self.description = options, folder, stage, description
        self.distribution = distribution
        self.position = Position()
        if earlier is not None:
            stage.state.restore(earlier)
            self.position = _position_of(earlier)
            logger.info("continuing %s at step %d", folder.path, self.position.step)
        if options.total_steps > self.position.planned_steps:  # new or prolonged: patience begins anew
            self.position.planned_steps, self.position.progress.epochs_without = options.total_steps, 0
        self.history = folder.history(up_to_step=self.position.step) if distribution.is_chief else []

    def train(self) -> None:
        """Take all steps that are left; save and raise KeyboardInterrupt when asked to stop."""
        if self.finished:
            longer = "" if self.position.progress.learned else "raise --max_epochs or --max_steps to prolong it, or "
            logger.info("this run is finished; %suse --from_scratch to begin anew", longer)
            return
        drawn = batches(self.stage.draw, self.options.seed, self.position.step)
        with self._charts() as charts, closing(drawn), interruption() as asked:
            while not self.finished:
                ended = self._run_epoch(drawn, asked)
                self.position.sums = self.distribution.of_chief(self.position.sums)
                if not ended:
                    self._save()
                    self.distribution.any(False)  # nobody leaves before the chief has saved
                    raise KeyboardInterrupt
                row = self._measure()
                is_best = self._judge(row)
                if charts:
                    self._report(row, charts)
                self._save(is_best)
                if self.distribution.any(asked.requested) and not self.finished:
                    raise KeyboardInterrupt

    @contextmanager
    def _charts(self) -> Iterator[Charts | None]:
        """The run's charts, beside its options; none where another worker writes them."""
        if not self.distribution.is_chief:
            yield None
            return
        self.folder.write_options(self.options.as_json())
        with closing(Charts(self.folder.path, self.history, self.position.step)) as charts:
            yield charts

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do."""
        return self._stalled or self.position.progress.learned or self.position.step >= self.options.total_steps

    @property
    def _stalled(self) -> bool:
        """Whether the training loss has made no progress for too many epochs."""
        return self.position.progress.epochs_without >= self.options.patience

    def _run_epoch(self, drawn: Generator[Batch], asked: Interruption) -> bool:
        """Draw and step until the epoch ends, or until a signal asks the run to stop; True if the epoch ended."""
        position, began = self.position, time.monotonic()
        epoch, done = divmod(position.step, STEPS_PER_EPOCH)
        end = min((epoch + 1) * STEPS_PER_EPOCH, self.options.total_steps)
        with self._progress(epoch + 1, done) as update:
            while position.step < end and not self.distribution.any(asked.requested):
                self._step(next(drawn))
                update()
        position.seconds += time.monotonic() - began
        return position.step == end

    @contextmanager
    def _progress(self, epoch: int, done: int) -> Iterator[Callable[[], object]]:
        """What is to be called after each step, to show progress; the chief alone does."""
        if not self.distribution.is_chief:
            yield lambda: None
            return
        with progress(self._epoch_title(epoch), STEPS_PER_EPOCH, "step", done) as bar:
            yield bar.update

    def _epoch_title(self, epoch: int) -> str:
        """Say which epoch it is, of how many at most, and after the first step how long the rest takes."""
        position, total = self.position, self.options.total_steps
        title = f"epoch {epoch} of {-(-total // STEPS_PER_EPOCH)}"
        return f"{title}, {time_left(position.seconds, position.step, total)}" if position.step else title

    def _step(self, batch: Batch) -> None:
        rate = learning_rate(self.position.step, self.options.total_steps, self.options.learning_rate)
        self.stage.state.optimizer.learning_rate = rate
        report = self.stage.step(*self.distribution.feed(batch))
        self.position.add({name: float(value) for name, value in report.items()})

    def _measure(self) -> Metrics:
        """Measure an epoch: its row of the history, with means over its steps and figures on the test utterances."""
        position, began = self.position, time.monotonic()
        measured = self.stage.measure() if self.distribution.is_chief else {}
        position.metrics = {**position.take_means(), **measured}
        position.seconds += time.monotonic() - began
        return {
            "epoch": position.step / STEPS_PER_EPOCH,
            "step": position.step,
            "seconds": position.seconds,
            "learning_rate": float(ops.convert_to_numpy(self.stage.state.optimizer.learning_rate)),
            **position.metrics,
        }

    def _judge(self, row: Metrics) -> bool:
        """Say what an epoch tells, by the chief's training figures in every worker; True if its loss is the best yet.

        Raises:
            TrainingError: the loss is no longer a number; the last checkpoint stays as it was.
        """
        logger.info(describe(row, self.options.total_steps))
        check_health(row)
        is_best = self.position.progress.update(row["train_loss"])
        self.position.progress.learned = self.stage.learned(row)
        if self.position.progress.learned:
            logger.info("nothing is left to learn (%s): stopping early", self.stage.LEARNED)
        elif self._stalled:
            logger.info("no progress in %d epochs: stopping early", self.options.patience)
        return is_best

    def _report(self, row: Metrics, charts: Charts) -> None:
        """Write an epoch to the history and the charts."""
        self.history.append(row)
        self.folder.write_history(self.history)
        charts.add(row, self.stage.test_cosines)
        self._write_map_at_the_end()

    def _write_map_at_the_end(self) -> None:
        """Write the embeddings of the test utterances, if there are any, for TensorBoard's projector.

        (Before the last checkpoint: a run that is killed in between takes its last epoch again, and writes them.)
        """
        test = self.stage.test
        if self.finished and len(test.labels):
            speakers = [self.stage.inputs.speakers[label] for label in test.labels]
            write_map(self.folder.path, self.stage.test_embeddings(), list(zip(speakers, test.names)))

    def _save(self, is_best: bool = False) -> None:
        """Save where the run stands; the chief does.

        Raises:
            TrainingError: the loss is no longer a number.
        """
        check_finite(self.position.sums.get("loss", 0.0))
        if not self.distribution.is_chief:
            return
        description = dataclasses.replace(
            self.description, step=self.position.step, finished=self.finished, position=self.position.as_json()
        )
        self.folder.save(Checkpoint(description, self.stage.state.arrays()), is_best)


def learning_rate(step: int, total_steps: int, first: float) -> float:
    """Half a cosine from `first` down to a hundredth of it (Loshchilov and Hutter, "SGDR", 2017, without restarts)."""
    done = min(step / max(total_steps, 1), 1.0)
    return first * (FLOOR_SHARE + (1 - FLOOR_SHARE) * 0.5 * (1 + math.cos(math.pi * done)))


def _position_of(checkpoint: Checkpoint) -> Position:
    try:
        return Position.from_json(checkpoint.description.position)
    except ValueError as error:
        raise StartError(
            f"the checkpoint's position is of another version of this tool ({error}); use --from_scratch"
        ) from error
