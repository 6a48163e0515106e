"""The training loop, the same for all stages: draw, step, measure, report, save."""

import dataclasses
import logging
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

import tensorflow as tf

from batcher.inputs import TrainingInputs
from batcher.sampling.windows import Batch, batches
from deep_speaker import __version__
from models.checkpoint import Checkpoint
from storage.lock import folder_lock
from storage.progress import progress
from training.initialization import build_start, find_origin, load_origin, run_identity, trained_speakers
from training.interrupt import Interruption, interruption
from training.options import STEPS_PER_EPOCH, TrainingOptions
from training.report import check_health, describe, format_metrics
from training.run_folder import RunFolder
from training.schedule import Progress, learning_rate
from training.stages import Metrics, Stage, build_stage
from training.teacher import read_lessons

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StageResult:
    """How a run ended: where it is kept, after how many steps, and what the last epoch measured."""

    folder: RunFolder
    step: int
    metrics: Metrics

    @property
    def summary(self) -> str:
        """The measurements in a line."""
        return format_metrics(self.metrics)


@dataclass
class Position:
    """How far a run has come. It is part of the checkpoint, so that a run can go on from there."""

    step: int = 0
    sums: Metrics = field(default_factory=dict)  # reports of the steps since the last epoch's end, added up
    summed: int = 0  # how many of them
    seconds: float = 0.0  # of training, earlier sessions included
    progress: Progress = field(default_factory=Progress)
    metrics: Metrics = field(default_factory=dict)  # of the last whole epoch
    planned_steps: int = 0

    @classmethod
    def from_json(cls, fields: dict) -> "Position":
        """Rebuild from `dataclasses.asdict`."""
        return cls(**{**fields, "progress": Progress(**fields["progress"])})


def run_stage(options: TrainingOptions, inputs: TrainingInputs) -> StageResult:
    """Run a stage from wherever it stands to its end.

    Random numbers are a function of `options.seed` and the step, so a run that was interrupted and continued ends with
    the weights of one that was not.

    Raises:
        CheckpointError, StartError, TeacherError: it can't begin; each says why.
        TrainingError: the loss is no longer a number.
        KeyboardInterrupt: it was interrupted, after saving where it stands.
        OSError: the run folder can't be written to.
    """
    with folder_lock(options.run_dir):
        lessons = None if options.teacher is None else read_lessons(options.teacher, inputs.train.names)
        origin_path = find_origin(options)
        identity = run_identity(options, origin_path)
        folder = RunFolder(options.run_dir / options.stage)
        earlier = _earlier_checkpoint(folder, identity, options)
        origin = load_origin(origin_path)
        state = build_start(options, inputs, origin, lessons)
        if earlier is None and folder.path.exists():
            logger.info("another run stood in %s; it is kept as %s", folder.path, folder.set_aside().name)
        description = {
            "stage": options.stage,
            "network": dataclasses.asdict(state.options),
            "features": dataclasses.asdict(inputs.feature_settings),
            "speakers": list(inputs.speakers),
            "speeds": list(options.speeds_used),  # at which each of them has an output of the head
            "held_out": list(inputs.held_out),
            "trained_on": trained_speakers(inputs, origin),
            "run": identity,
            "version": __version__,
        }
        run = _Run(options, folder, build_stage(options, inputs, state, lessons), description, earlier)
        run.train()
        return StageResult(folder, run.position.step, run.position.metrics)


def _earlier_checkpoint(folder: RunFolder, identity: dict, options: TrainingOptions) -> Checkpoint | None:
    """Where this very run stands. A finished one that is to start from scratch again is another run."""
    earlier = folder.last_checkpoint()
    if earlier is None or earlier.description["run"] != identity:
        return None
    return None if options.from_scratch and earlier.description["finished"] else earlier


class _Run:
    def __init__(
        self, options: TrainingOptions, folder: RunFolder, stage: Stage, description: dict, earlier: Checkpoint | None
    ):
        self.options, self.folder, self.stage, self.description = options, folder, stage, description
        self.position = Position()
        if earlier is not None:
            stage.state.restore(earlier)
            self.position = Position.from_json(earlier.description["position"])
            logger.info("continuing %s at step %d", folder.path, self.position.step)
        if options.total_steps > self.position.planned_steps:  # new or prolonged: patience begins anew
            self.position.planned_steps, self.position.progress.epochs_without = options.total_steps, 0
        self.history = folder.history(up_to_step=self.position.step)

    @property
    def stalled(self) -> bool:
        """Whether the training loss has stood for too long."""
        return self.position.progress.epochs_without >= self.options.patience

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do."""
        return self.stalled or self.position.progress.learned or self.position.step >= self.options.total_steps

    def train(self) -> None:
        """Take all steps that are left; save and raise KeyboardInterrupt when asked to stop."""
        if self.finished:
            longer = "" if self.position.progress.learned else "raise --max_epochs or --max_steps to prolong it, or "
            logger.info("this run is finished; %suse --from_scratch to begin anew", longer)
            return
        self.folder.write_options(self.options.as_json())
        writer = tf.summary.create_file_writer(str(self.folder.tensorboard))
        drawn = batches(self.stage.draw, self.options.seed, self.position.step)
        with closing(writer), closing(drawn), interruption() as asked:
            while not self.finished:
                end = min((self.position.step // STEPS_PER_EPOCH + 1) * STEPS_PER_EPOCH, self.options.total_steps)
                self._steps(end, drawn, asked)
                if self.position.step < end:
                    self._save()
                    raise KeyboardInterrupt
                self._end_epoch(writer)
                if asked.requested and not self.finished:
                    raise KeyboardInterrupt

    def _steps(self, end: int, drawn: Iterator[Batch], asked: Interruption) -> None:
        """Step until `end`, or until asked to stop."""
        position, began = self.position, time.monotonic()
        epoch, done = divmod(position.step, STEPS_PER_EPOCH)
        with progress(f"epoch {epoch + 1}", STEPS_PER_EPOCH, "step", done) as bar:
            while position.step < end and not asked.requested:
                self._step(next(drawn))
                bar.update()
        position.seconds += time.monotonic() - began

    def _step(self, batch: Batch) -> None:
        position = self.position
        rate = learning_rate(position.step, self.options.total_steps, self.options.learning_rate)
        self.stage.state.optimizer.learning_rate = rate
        report = self.stage.step(*batch)
        position.sums = {name: position.sums.get(name, 0.0) + float(value) for name, value in report.items()}
        position.summed += 1
        position.step += 1

    def _end_epoch(self, writer: tf.summary.SummaryWriter) -> None:
        """Measure, log and save.

        Raises:
            TrainingError: the loss is no longer a number; the last checkpoint stays as it was.
        """
        position, began = self.position, time.monotonic()
        means = {f"train_{name}": total / position.summed for name, total in position.sums.items()}
        position.metrics, position.sums, position.summed = {**means, **self.stage.measure()}, {}, 0
        position.seconds += time.monotonic() - began
        row = {
            "epoch": position.step / STEPS_PER_EPOCH,
            "step": position.step,
            "seconds": position.seconds,
            "learning_rate": float(self.stage.state.optimizer.learning_rate),
            **position.metrics,
        }
        logger.info(describe(row, self.options.total_steps))
        check_health(row, self.options.margin)
        is_best = position.progress.update(row["train_loss"])
        position.progress.learned = self.stage.learned(row)
        if position.progress.learned:
            logger.info("nothing is left to learn (%s): stopping early", self.stage.LEARNED)
        elif self.stalled:
            logger.info("no progress in %d epochs: stopping early", self.options.patience)
        self.history.append(row)
        self.folder.write_history(self.history)
        self._save(is_best)
        with writer.as_default(step=position.step):
            for name, value in row.items():
                tf.summary.scalar(name, value)
        writer.flush()

    def _save(self, is_best: bool = False) -> None:
        description = {
            **self.description,
            "step": self.position.step,
            "finished": self.finished,
            "position": dataclasses.asdict(self.position),
        }
        self.folder.save(Checkpoint(description, self.stage.state.arrays()), is_best)
