#!/usr/bin/env python3
"""Deep Speaker: train the network, one stage a call: softmax, then triplets, then softmax on frozen embeddings.

Between the first two, --loss_on_softmax --fine_tune goes on with a larger margin and longer windows. With --adapt, a
network that is trained already learns one's own speakers.
"""

if __name__ == "__main__":  # before all that takes time to load
    from storage.interrupt import exit_quietly

    exit_quietly()

import argparse
import sys

import entry_point
from flags import new_parser, path, positive_float, positive_int, seed, share
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


def main() -> int:
    """Parse the command line and run a stage; returns the exit status."""
    parser = build_parser()
    args = entry_point.parse(parser)
    check_flags(parser, args)
    return entry_point.run(lambda: _train(args), "the same command goes on from what is saved")


def _train(args: argparse.Namespace) -> None:
    from commands.train import train

    train(args)


def check_flags(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with status 2 where flags contradict each other."""
    if not (args.loss_on_softmax or args.loss_on_embeddings or args.adapt):
        parser.error("expected a stage: --loss_on_softmax, --loss_on_embeddings or --adapt")
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


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = new_parser(__doc__, "--STAGE [options]")
    flag = parser.add_argument_group("stages, one at a time").add_mutually_exclusive_group().add_argument
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


def _defaults(name: str, *stages: str) -> str:
    return "; ".join(f"{stage} {_text(getattr(DEFAULTS[stage], name))}" for stage in stages or DEFAULTS)


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


if __name__ == "__main__":
    sys.exit(main())
