#!/usr/bin/env python3
"""Deep Speaker: train the network, one stage a call: softmax, then triplets, then softmax on frozen embeddings.

Between the first two, --loss_on_softmax --fine_tune goes on with a larger margin and longer windows. With --adapt, a
network that is trained already learns one's own speakers.
"""

if __name__ == "__main__":  # before all that takes time to load
    from storage.interrupt import exit_quietly

    exit_quietly()

import argparse
import dataclasses
import logging
import sys

import entry_point
from entry_point import path, positive_float, positive_int, seed, share
from training.options import (
    ADAPTED,
    DEFAULTS,
    FINE,
    FROZEN,
    RANDOM_BATCH,
    SMALLEST_TRIPLET_BATCH,
    SOFTMAX,
    TRIPLET,
    TrainingOptions,
)

WINDOW_SECONDS_ALLOWED = 0.2, 20
SPEEDS_ALLOWED = 0.5, 2

logger = logging.getLogger("train_cli")


def main() -> int:
    """Parse the command line and run a stage; returns the exit status."""
    parser = build_parser()
    args = entry_point.parse(parser)
    if args.freeze_embedding_weights and not args.loss_on_softmax:
        parser.error("--freeze_embedding_weights goes with --loss_on_softmax")
    if args.fine_tune and (not args.loss_on_softmax or args.freeze_embedding_weights or args.from_scratch):
        parser.error("--fine_tune goes with --loss_on_softmax, on weights that are trained already")
    if args.teacher is not None and (not args.loss_on_softmax or args.freeze_embedding_weights or args.fine_tune):
        parser.error("--teacher goes with --loss_on_softmax, while the embeddings are trained from the beginning")
    if args.from_scratch and args.checkpoint is not None:
        parser.error("--from_scratch and --checkpoint contradict each other")
    if args.from_scratch and args.adapt:
        parser.error("--adapt starts from trained weights, so --from_scratch makes no sense with it")
    if args.from_scratch and args.freeze_embedding_weights:
        parser.error("--freeze_embedding_weights needs trained weights, so --from_scratch makes no sense with it")
    if args.loss_on_embeddings and args.batch_size is not None and args.batch_size < SMALLEST_TRIPLET_BATCH:
        parser.error(f"triplets need a --batch_size of {SMALLEST_TRIPLET_BATCH} or more. Received {args.batch_size}")
    return entry_point.run(lambda: train(args), "the same command goes on from what is saved")


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=entry_point.HelpFormatter)
    flag = parser.add_argument_group("stages, one at a time").add_mutually_exclusive_group(required=True).add_argument
    flag("--loss_on_softmax", action="store_true", help="classify the training speakers")
    flag("--loss_on_embeddings", action="store_true", help="triplet loss, from the softmax stage's last checkpoint")
    flag("--adapt", action="store_true", help="fit the bundled network, or --checkpoint, to the inputs' speakers, in "
         "minutes")  # fmt: skip

    flag = parser.add_argument_group("network").add_argument
    flag("--fine_tune", action="store_true", help="go on from the softmax stage, its head included, with a larger "
         "margin, longer windows and a smaller rate")  # fmt: skip
    flag("--freeze_embedding_weights", action="store_true", help="train the softmax layer only, on finished embeddings")
    flag("--normalize_embeddings", action="store_true", help="scale embeddings to length 1")
    flag("--embedding_activation", choices=("linear", "tanh", "sigmoid"), help="of the embedding layer "
         "(default: that of the checkpoint, else linear)")  # fmt: skip

    flag = parser.add_argument_group("files").add_argument
    flag("--data_filename", type=path, metavar="FILE", help="training inputs (default: full_inputs.pkl in the cache: "
         "$CACHE_DIR, else $DS_DIR/cache; DS_DIR is ~/deep-speaker-data unless set)")  # fmt: skip
    flag("--run_dir", type=path, metavar="DIR", help="holds a folder for each stage (default: runs/ beside the inputs)")
    flag("--checkpoint", type=path, metavar="FILE", help="start from it (default: the stage before's last one)")
    flag("--teacher", type=path, metavar="FILE", help="with --loss_on_softmax: learn also from what another network "
         "makes of the utterances: .npz with utterances, as corpus/speaker/utterance, and embeddings")  # fmt: skip
    flag("--from_scratch", action="store_true", help="start from random weights; a finished run is set aside")

    flag = parser.add_argument_group("training").add_argument
    flag("--batch_size", type=positive_int, metavar="N", help="windows a step "
         f"(default: {_defaults('batch_size')}; random triplets {RANDOM_BATCH})")  # fmt: skip
    flag("--learning_rate", type=positive_float, metavar="X", help="of the first step "
         f"(default: {_defaults('learning_rate')})")  # fmt: skip
    flag("--max_epochs", type=positive_int, metavar="N", help="of 100 steps each "
         f"(default: {_defaults('max_epochs')})")  # fmt: skip
    flag("--max_steps", type=positive_int, metavar="N", help="end the stage there (default: after --max_epochs)")
    flag("--window_seconds", type=window_seconds, metavar="S,S", help="lengths of speech to train on, one a batch "
         f"(default: {_defaults('window_seconds')})")  # fmt: skip
    flag("--patience", type=positive_int, default=TrainingOptions.patience, metavar="N", help="epochs without "
         "progress to stop after")  # fmt: skip
    flag("--triplet_selection", choices=("semi-hard", "hard", "random"), default=TrainingOptions.triplet_selection,
         help="triplets to learn from; random is v1's")  # fmt: skip
    flag("--margin", type=positive_float, default=TrainingOptions.margin, help="of the triplet loss, in cosine")
    flag("--softmax_margin", type=share, help="off the right speaker's cosine "
         f"(default: {_defaults('softmax_margin', SOFTMAX, FINE, FROZEN, ADAPTED)})")  # fmt: skip
    flag("--speeds", type=speeds, metavar="1,X,...", help="at which every speaker makes another one "
         f"(default: {_defaults('speeds', SOFTMAX, FINE, TRIPLET, ADAPTED)})")  # fmt: skip
    flag("--copied", type=share, metavar="X", help="share of windows from disturbed copies, where the inputs have any "
         f"(default: {_defaults('copied', SOFTMAX, FINE, TRIPLET, ADAPTED)})")  # fmt: skip
    flag("--no_augmentation", dest="augmentation", action="store_false", help="train on windows as they are and keep "
         "embeddings whole (default: other speeds, rooms, noises, channels; dropout before the softmax)")  # fmt: skip
    flag("--no_weight_averaging", dest="weight_averaging", action="store_false", help="keep the last weights (default: "
         "a moving average of them)")  # fmt: skip
    flag("--seed", type=seed, default=TrainingOptions.seed, help="of the first weights and of everything drawn")
    return parser


def window_seconds(text: str) -> tuple[float, ...]:
    """Lengths between commas, for argparse; one that is named twice is drawn twice as often."""
    return _between(text, *WINDOW_SECONDS_ALLOWED, "seconds")


def speeds(text: str) -> tuple[float, ...]:
    """Speeds between commas, for argparse: that of the recordings, and others."""
    named = _between(text, *SPEEDS_ALLOWED, "speeds")
    if 1 not in named or len(set(named)) < len(named):
        raise argparse.ArgumentTypeError(f"expected 1 and other speeds, each once. Received {text!r}")
    return 1.0, *(speed for speed in named if speed != 1)


def _between(text: str, low: float, high: float, what: str) -> tuple[float, ...]:
    numbers = tuple(positive_float(part) for part in text.split(","))
    if not all(low <= number <= high for number in numbers):
        raise argparse.ArgumentTypeError(f"expected {what} from {low} to {high}, between commas. Received {text!r}")
    return numbers


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
            "cli.py --generate_training_inputs makes it again", options.data_filename
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


def _defaults(name: str, *stages: str) -> str:
    return "; ".join(f"{stage} {_text(getattr(DEFAULTS[stage], name))}" for stage in stages or DEFAULTS)


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


if __name__ == "__main__":
    sys.exit(main())
