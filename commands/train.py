"""One stage of training, from what was asked for to what it reached."""

import argparse
import dataclasses
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import entry_point
from commands.rejoin import start_again
from models.run_names import CURVES, HISTORY, LAST
from storage.counting import counted
from storage.errors import UserError
from storage.places import is_remote
from training.cluster import ALONE, VARIABLE, read_cluster
from training.options import (
    ADAPTED,
    DEFAULTS,
    FINE,
    FROZEN,
    MULTI_WORKER,
    RANDOM_BATCH,
    SOFTMAX,
    TRIPLET,
    TrainingOptions,
)

if TYPE_CHECKING:
    from batcher.inputs import TrainingInputs
    from training.run import StageResult

EXPORTED = ".onnx"

logger = logging.getLogger("train_cli")


def train(args: argparse.Namespace) -> None:
    """Run the stage that was asked for, draw its curves, and print what it reached.

    Raises:
        UserError: it can't begin, or its loss is no longer a number.
        KeyboardInterrupt: it was interrupted, after saving where it stands.
        OSError: the run folder can't be written to.
    """
    from batcher.inputs import load_inputs
    from batcher.selection import is_stale
    from models.backend import load_tensorflow

    options = training_options(args)
    cluster = read_cluster(os.environ) if options.distribute == MULTI_WORKER else ALONE
    if cluster is ALONE and os.environ.get(VARIABLE):
        logger.warning("%s is set, but without --distribute multi_worker each machine trains alone", VARIABLE)
    check_files(options)
    inputs = load_inputs(options.data_filename)  # a mistake shows before the seconds that TensorFlow takes to load
    if is_stale(inputs, options.data_filename.parent):
        logger.warning(
            "%s was made of other recordings than the cache beside it holds now; "
            "--generate_training_inputs makes it again", options.data_filename
        )  # fmt: skip
    load_tensorflow()
    from training.distribution import WorkerLostError
    from training.run import run_stage

    folder = options.run_dir / options.stage
    if not cluster.is_chief:
        logging.getLogger().setLevel(logging.WARNING)  # the chief says how far the run is
    try:
        result = run_stage(options, inputs, cluster)
    except WorkerLostError as lost:
        start_again(lost, _saved_step(folder))
    finally:
        if cluster.is_chief:
            _plot(folder)
    if cluster.is_chief:
        _say(options, inputs, result)


def _plot(folder: Path) -> None:
    from evaluation.plots import plot_curves

    plot_curves(folder / HISTORY, folder / CURVES)


def _saved_step(folder: Path) -> int:
    from models.checkpoint import CheckpointError, load_description

    try:
        return load_description(folder / LAST).step
    except (CheckpointError, OSError):
        return 0


def _say(options: TrainingOptions, inputs: "TrainingInputs", result: "StageResult") -> None:
    from evaluation.metrics import describe_accuracy
    from training.stages import MOST_TESTED

    print(f"{options.stage}, {counted(result.step, 'step')}: {result.summary}")
    if "test_utterance_accuracy" in result.metrics:
        print(describe_accuracy(result.metrics["test_utterance_accuracy"], min(len(inputs.test.labels), MOST_TESTED)))
    logger.info("kept in %s", result.folder.path)


def training_options(args: argparse.Namespace) -> TrainingOptions:
    """What the command line asks for, defaults filled in."""
    stage = _stage(args)
    data_filename = _inputs_file(args.data_filename)
    fields = {field.name for field in dataclasses.fields(TrainingOptions)}
    given = {name: value for name, value in vars(args).items() if name in fields and value is not None}
    defaults = dataclasses.asdict(DEFAULTS[stage])
    if stage == TRIPLET and args.triplet_selection == "random":
        defaults["batch_size"] = RANDOM_BATCH
    run_dir = args.run_dir or entry_point.run_dir_of(data_filename.parent)
    return TrainingOptions(**{**defaults, **given, "stage": stage, "data_filename": data_filename, "run_dir": run_dir})


def check_files(options: TrainingOptions) -> None:
    """Refuse files that can't serve, before TensorFlow and gigabytes of inputs are loaded.

    Raises:
        UserError: the checkpoint or the teacher's file is missing or of another kind, or the run folder is a file.
    """
    if options.run_dir.exists() and not options.run_dir.is_dir():
        raise UserError(f"expected --run_dir to be a folder. {options.run_dir} is a file")
    if options.teacher is not None and not options.teacher.is_file():
        raise UserError(f"expected --teacher to be an .npz file of embeddings. There is none at {options.teacher}")
    if options.checkpoint is not None:
        _check_checkpoint(options.checkpoint)


def _check_checkpoint(path: Path) -> None:
    from models.checkpoint import load_checkpoint

    if path.suffix.lower() == EXPORTED:
        raise UserError(
            f"expected --checkpoint to be a checkpoint, an .npz file. Received the exported network {path}, which can "
            "be used but not trained: name the .npz that it was exported from, or drop --checkpoint (with --adapt, "
            "training then starts from the bundled network)"
        )
    load_checkpoint(path)


def _stage(args: argparse.Namespace) -> str:
    if args.adapt:
        return ADAPTED
    if args.loss_on_embeddings:
        return TRIPLET
    return FROZEN if args.freeze_embedding_weights else FINE if args.fine_tune else SOFTMAX


def _inputs_file(named: Path | None) -> Path:
    """The file of inputs that was named, or the one in the folder that was, or in the default cache."""
    from cache.utterances import INPUTS_NAME

    path = entry_point.default_cache_dir() if named is None else named
    if is_remote(path):
        raise UserError(
            f"training maps its inputs into memory: copy {INPUTS_NAME}, and the folder of its shards if any, from "
            f"{path} to a disk of this machine, and name them with --data_filename"
        )
    return path / INPUTS_NAME if named is None or path.is_dir() else path
