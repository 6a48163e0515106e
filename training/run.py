"""The training loop, the same for all stages: draw, step, measure, report, save."""

import dataclasses
import logging
import time
from contextlib import closing
from dataclasses import dataclass, field

import tensorflow as tf
from tqdm import tqdm

from batcher.inputs import load_inputs
from batcher.windows import Batch, batches
from models.checkpoint import VERSION, Checkpoint
from storage.lock import folder_lock
from training.interrupt import Interruption, interruption
from training.options import STEPS_PER_EPOCH, TrainingOptions
from training.report import describe, format_metrics, trouble
from training.run_folder import RunFolder
from training.schedule import Progress, learning_rate
from training.stages import STAGES, Metrics, Stage
from training.start import build_start, find_origin, load_origin, run_identity, trained_speakers

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
    sums: Metrics = field(default_factory=dict)  # reports of the unfinished epoch's steps, added up
    seconds: float = 0.0  # of training, earlier sessions included
    progress: Progress = field(default_factory=Progress)
    metrics: Metrics = field(default_factory=dict)  # of the last whole epoch
    planned_steps: int = 0
    finished: bool = False

    @classmethod
    def from_json(cls, fields: dict) -> "Position":
        """Rebuild from `dataclasses.asdict`."""
        return cls(**{**fields, "progress": Progress(**fields["progress"])})


def run_stage(options: TrainingOptions) -> StageResult:
    """Run a stage from wherever it stands to its end.

    Random numbers are a function of `options.seed` and the step, so a run that was interrupted and continued ends with
    the weights of one that was not.

    Raises:
        InputsError, CheckpointError, StartError: it can't begin; each says why.
        KeyboardInterrupt: it was interrupted, after saving where it stands.
        OSError: the run folder can't be written to.
    """
    inputs = load_inputs(options.data_filename)
    with folder_lock(options.run_dir):
        origin_path = find_origin(options)
        identity = run_identity(options, origin_path)
        folder = RunFolder(options.run_dir / options.stage)
        earlier = _earlier_checkpoint(folder, identity, options)
        origin = load_origin(origin_path)
        state = build_start(options, inputs, origin)
        description = {
            "stage": options.stage,
            "network": dataclasses.asdict(state.options),
            "features": dataclasses.asdict(inputs.feature_settings),
            "speakers": list(inputs.speakers),
            "held_out": list(inputs.held_out),
            "trained_on": trained_speakers(inputs, origin),
            "run": identity,
            "version": VERSION,
        }
        run = _Run(options, folder, STAGES[options.stage](options, inputs, state), description, earlier)
        run.train()
        return StageResult(folder, run.position.step, run.position.metrics)


def _earlier_checkpoint(folder: RunFolder, identity: dict, options: TrainingOptions) -> Checkpoint | None:
    """Where this very run stands; another run that is in its place is set aside first."""
    earlier = folder.last_checkpoint()
    if earlier is not None and earlier.description["run"] == identity and not options.from_scratch:
        return earlier
    if folder.path.exists():
        logger.info("another run stood in %s; it is kept as %s", folder.path, folder.set_aside().name)
    return None


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
        if self.position.planned_steps < options.total_steps:
            self.position.finished = False
        self.position.planned_steps = max(self.position.planned_steps, options.total_steps)
        self.history = folder.history(up_to_step=self.position.step)

    def train(self) -> None:
        """Take all steps that are left; save and raise KeyboardInterrupt when asked to stop."""
        if self.position.finished:
            logger.info("this run is finished; raise --max_epochs or --max_steps to prolong it, or use --from_scratch")
            return
        self.folder.write_options(self.options.as_json())
        writer = tf.summary.create_file_writer(str(self.folder.tensorboard))
        drawn = batches(self.stage.draw, self.options.seed, self.position.step)
        with closing(writer), closing(drawn), interruption() as asked:
            while not self.position.finished:
                row = self._epoch(drawn, asked)
                self._report(row, writer)

    def _epoch(self, drawn, asked: Interruption) -> dict[str, float]:
        """Steps up to the next multiple of `STEPS_PER_EPOCH`, or the last one; then the epoch's figures."""
        position, began = self.position, time.monotonic()
        epoch = position.step // STEPS_PER_EPOCH + 1
        end = min(epoch * STEPS_PER_EPOCH, self.options.total_steps)
        with tqdm(
            total=STEPS_PER_EPOCH, initial=position.step % STEPS_PER_EPOCH, desc=f"epoch {epoch}", leave=False
        ) as bar:
            while position.step < end:
                self._step(next(drawn))
                bar.update()
                if asked.requested:
                    position.seconds += time.monotonic() - began
                    self._save()
                    raise KeyboardInterrupt
        count = (position.step - 1) % STEPS_PER_EPOCH + 1
        means = {f"train_{name}": total / count for name, total in position.sums.items()}
        position.metrics, position.sums = {**means, **self.stage.measure()}, {}
        position.seconds += time.monotonic() - began
        rate = float(self.stage.state.optimizer.learning_rate)
        return {"epoch": epoch, "step": end, "seconds": position.seconds, "learning_rate": rate, **position.metrics}

    def _step(self, batch: Batch) -> None:
        position = self.position
        rate = learning_rate(position.step, self.options.total_steps, self.options.learning_rate)
        self.stage.state.optimizer.learning_rate = rate
        report = self.stage.step(batch.windows, batch.labels)
        position.sums = {name: position.sums.get(name, 0.0) + float(value) for name, value in report.items()}
        position.step += 1

    def _report(self, row: dict[str, float], writer: tf.summary.SummaryWriter) -> None:
        """Print, log and save an epoch, and decide whether it was the last."""
        position = self.position
        logger.info(describe(row))
        problem = trouble(row, self.options.margin)
        if problem:
            logger.warning(problem)
        is_best = position.progress.update(row["train_loss"])
        stalled = position.progress.epochs_without >= self.options.patience
        if stalled:
            logger.info("no progress in %d epochs: stopping early", self.options.patience)
        position.finished = stalled or position.step >= self.options.total_steps
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
            "finished": self.position.finished,
            "position": dataclasses.asdict(self.position),
        }
        self.folder.save(Checkpoint(description, self.stage.state.arrays()), is_best)
