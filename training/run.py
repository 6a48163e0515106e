"""The training loop, the same for all stages: draw, step, measure, report, save."""

import dataclasses
import logging
import math
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

from batcher.inputs import TrainingInputs
from batcher.sampling.sampler import Batch, batches
from models.checkpoint import Checkpoint, CheckpointDescription
from storage.lock import folder_lock
from storage.progress import progress
from training.charts import Charts, write_map
from training.initialization import StartError, build_start, find_origin, load_origin, run_identity, trained_speakers
from training.interrupt import Interruption, interruption
from training.options import STEPS_PER_EPOCH, TrainingOptions
from training.position import Metrics, Position
from training.report import check_finite, check_health, describe, format_metrics, time_left
from training.run_folder import RunFolder
from training.stages import Stage, build_stage
from training.teacher import read_lessons

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


def run_stage(options: TrainingOptions, inputs: TrainingInputs) -> StageResult:
    """Run a stage from wherever it stands to its end.

    Random numbers are a function of `options.seed` and the step, so a run that was interrupted and continued ends with
    the weights of one that was not.

    Raises:
        CheckpointError, StartError, TeacherError: the run can't begin; the message says why.
        TrainingError: the loss is no longer a number.
        KeyboardInterrupt: the run was interrupted, and has saved where it stands.
        OSError: the run folder can't be written to.
    """
    with folder_lock(options.run_dir):
        run = _begin(options, inputs)
        run.train()
        return StageResult(run.folder, run.position.step, run.position.metrics)


def _begin(options: TrainingOptions, inputs: TrainingInputs) -> "_Run":
    """Build the network and the stage; take the folder once nothing can fail any more."""
    lessons = None if options.teacher is None else read_lessons(options.teacher, inputs.train.names)
    origin_path = find_origin(options)
    identity = run_identity(options, origin_path)
    folder = RunFolder(options.run_dir / options.stage)
    earlier = folder.earlier_checkpoint(identity, options.from_scratch)
    origin = load_origin(origin_path)
    state = build_start(options, inputs, origin, lessons)
    if earlier is None and folder.path.exists():
        logger.info("another run stood in %s; it is kept as %s", folder.path, folder.set_aside().name)
    description = CheckpointDescription(
        stage=options.stage,
        step=0,
        finished=False,
        network=state.options,
        features=dataclasses.asdict(inputs.feature_settings),
        speakers=inputs.speakers,
        speeds=options.speeds_used,
        held_out=inputs.held_out,
        trained_on=trained_speakers(inputs, origin),
        run=identity,
    )
    return _Run(options, folder, build_stage(options, inputs, state, lessons), description, earlier)


class _Run:
    """A stage together with its run folder, and how far the run has come."""

    def __init__(
        self,
        options: TrainingOptions,
        folder: RunFolder,
        stage: Stage,
        description: CheckpointDescription,
        earlier: Checkpoint | None,
    ):
        self.options, self.folder, self.stage, self.description = options, folder, stage, description
        self.position = Position()
        if earlier is not None:
            stage.state.restore(earlier)
            self.position = _position_of(earlier)
            logger.info("continuing %s at step %d", folder.path, self.position.step)
        if options.total_steps > self.position.planned_steps:  # new or prolonged: patience begins anew
            self.position.planned_steps, self.position.progress.epochs_without = options.total_steps, 0
        self.history = folder.history(up_to_step=self.position.step)

    def train(self) -> None:
        """Take all steps that are left; save and raise KeyboardInterrupt when asked to stop."""
        if self.finished:
            longer = "" if self.position.progress.learned else "raise --max_epochs or --max_steps to prolong it, or "
            logger.info("this run is finished; %suse --from_scratch to begin anew", longer)
            return
        self.folder.write_options(self.options.as_json())
        charts = Charts(self.folder.path, self.history, self.position.step)
        drawn = batches(self.stage.draw, self.options.seed, self.position.step)
        with closing(charts), closing(drawn), interruption() as asked:
            while not self.finished:
                if not self._run_epoch(drawn, asked):
                    self._save()
                    raise KeyboardInterrupt
                row = self._measure()
                is_best = self._report(row, charts)
                self._write_map_at_the_end()
                self._save(is_best)
                if asked.requested and not self.finished:
                    raise KeyboardInterrupt

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
        with progress(self._epoch_title(epoch + 1), STEPS_PER_EPOCH, "step", done) as bar:
            while position.step < end and not asked.requested:
                self._step(next(drawn))
                bar.update()
        position.seconds += time.monotonic() - began
        return position.step == end

    def _epoch_title(self, epoch: int) -> str:
        """Say which epoch it is, of how many at most, and after the first step how long the rest takes."""
        position, total = self.position, self.options.total_steps
        title = f"epoch {epoch} of {-(-total // STEPS_PER_EPOCH)}"
        return f"{title}, {time_left(position.seconds, position.step, total)}" if position.step else title

    def _step(self, batch: Batch) -> None:
        rate = learning_rate(self.position.step, self.options.total_steps, self.options.learning_rate)
        self.stage.state.optimizer.learning_rate = rate
        report = self.stage.step(*batch)
        self.position.add({name: float(value) for name, value in report.items()})

    def _measure(self) -> Metrics:
        """Measure an epoch: its row of the history, with means over its steps and figures on the test utterances."""
        position, began = self.position, time.monotonic()
        position.metrics = {**position.take_means(), **self.stage.measure()}
        position.seconds += time.monotonic() - began
        return {
            "epoch": position.step / STEPS_PER_EPOCH,
            "step": position.step,
            "seconds": position.seconds,
            "learning_rate": float(self.stage.state.optimizer.learning_rate),
            **position.metrics,
        }

    def _report(self, row: Metrics, charts: Charts) -> bool:
        """Report an epoch, in the log and in files; True if its training loss is the best so far.

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
        self.history.append(row)
        self.folder.write_history(self.history)
        charts.add(row, self.stage.test_cosines)
        return is_best

    def _write_map_at_the_end(self) -> None:
        """Write the embeddings of the test utterances, if there are any, for TensorBoard's projector.

        (Before the last checkpoint: a run that is killed in between takes its last epoch again, and writes them.)
        """
        test = self.stage.test
        if self.finished and len(test.labels):
            speakers = [self.stage.inputs.speakers[label] for label in test.labels]
            write_map(self.folder.path, self.stage.test_embeddings(), list(zip(speakers, test.names)))

    def _save(self, is_best: bool = False) -> None:
        """Save where the run stands.

        Raises:
            TrainingError: the loss is no longer a number.
        """
        check_finite(self.position.sums.get("loss", 0.0))
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
