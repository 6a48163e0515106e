"""Training inputs to a trained network: one stage of its training."""

import argparse
import dataclasses
import logging

import entry_point
from training.options import ADAPTED, DEFAULTS, FINE, FROZEN, RANDOM_BATCH, SOFTMAX, TRIPLET, TrainingOptions

logger = logging.getLogger("train_cli")


def train(args: argparse.Namespace) -> None:
    """Run the stage that was asked for, draw its curves, and print what it reached."""
    from batcher.inputs import load_inputs
    from batcher.selection import is_stale
    from models.backend import load_tensorflow

    options = training_options(args)
    inputs = load_inputs(options.data_filename)  # a mistake shows before the seconds that TensorFlow takes to load
    if is_stale(inputs, options.data_filename.parent):
        logger.warning(
            "%s was made of other recordings than the cache beside it holds now; "
            "--generate_training_inputs makes it again", options.data_filename
        )  # fmt: skip
    load_tensorflow()
    from evaluation.metrics import describe_accuracy
    from evaluation.plots import plot_curves
    from training.run import run_stage

    folder = options.run_dir / options.stage
    try:
        result = run_stage(options, inputs)
    finally:
        plot_curves(folder / "history.csv", folder / "curves.png")
    print(f"{options.stage}, {result.step} steps: {result.summary}")
    if "test_utterance_accuracy" in result.metrics:
        print(describe_accuracy(result.metrics["test_utterance_accuracy"], len(inputs.test.labels)))
    logger.info("kept in %s", folder)


def training_options(args: argparse.Namespace) -> TrainingOptions:
    """What the command line asks for, defaults filled in."""
    from cache.utterances import INPUTS_NAME

    softmax = FROZEN if args.freeze_embedding_weights else FINE if args.fine_tune else SOFTMAX
    stage = ADAPTED if args.adapt else TRIPLET if args.loss_on_embeddings else softmax
    data_filename = args.data_filename or entry_point.default_cache_dir() / INPUTS_NAME
    given = {name: value for name, value in vars(args).items() if name in TrainingOptions.__dataclass_fields__}
    defaults = dataclasses.asdict(DEFAULTS[stage])
    if stage == TRIPLET and args.triplet_selection == "random":
        defaults["batch_size"] = RANDOM_BATCH
    chosen = {name: value for name, value in given.items() if value is not None}
    run_dir = args.run_dir or entry_point.run_dir_of(data_filename.parent)
    return TrainingOptions(**{**defaults, **chosen, "stage": stage, "data_filename": data_filename, "run_dir": run_dir})
