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
from commands.flags import MOST_SEED, numbers_between, path, positive, share, whole
from commands.parser import Parser, parse
from training.options import (
    ADAPTED,
    DEFAULTS,
    FINE,
    FROZEN,
    MIRRORED,
    MULTI_WORKER,
    RANDOM_BATCH,
    SMALLEST_TRIPLET_BATCH,
    SOFTMAX,
    TRIPLET,
    TrainingOptions,
)

WINDOW_SECONDS_ALLOWED = 0.2, 20
SPEEDS_ALLOWED = 0.5, 2
MOST_WINDOWS = 100_000  # in a batch
MOST_EPOCHS, MOST_STEPS = 1_000_000, 100_000_000
HIGHEST_RATE = 1.0  # of Adam, whose steps are about as long as the rate; the defaults are below 0.01
WIDEST_MARGIN = 2.0  # between two cosines


def main() -> int:
    """Parse the command line and run a stage; returns the exit status."""
    parser = build_parser()
    args = parse(parser)
    check_flags(parser, args)
    return entry_point.run(lambda: _train(args), "the same command goes on from what is saved")


def check_flags(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with status 2 where flags contradict each other."""
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
    parser = Parser(__doc__, "STAGE")
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
    flag("--data_filename", type=path, metavar="FILE|DIR", help="training inputs, or the folder that holds "
         "full_inputs.pkl (default: that in the cache: $CACHE_DIR, else $DS_DIR/cache; DS_DIR is ~/deep-speaker-data "
         "unless set)")  # fmt: skip
    flag("--run_dir", type=path, metavar="DIR", help="holds a folder for each stage (default: runs/ beside the inputs)")
    flag("--checkpoint", type=path, metavar="FILE", help="start from it (default: the stage before's last one)")
    flag("--teacher", type=path, metavar="FILE", help="with --loss_on_softmax: learn also from what another network "
         "makes of the utterances: .npz with utterances, as corpus/speaker/utterance, and embeddings")  # fmt: skip
    flag("--from_scratch", action="store_true", help="start from random weights; a finished run is set aside")

    flag = parser.add_argument_group("training").add_argument
    flag("--batch_size", type=whole(1, MOST_WINDOWS), metavar="N", help="windows a step "
         f"(default: {_defaults('batch_size')}; random triplets {RANDOM_BATCH})")  # fmt: skip
    flag("--learning_rate", type=positive(HIGHEST_RATE), metavar="X", help="of the first step "
         f"(default: {_defaults('learning_rate')})")  # fmt: skip
    flag("--max_epochs", type=whole(1, MOST_EPOCHS), metavar="N", help="of 100 steps each "
         f"(default: {_defaults('max_epochs')})")  # fmt: skip
    flag("--max_steps", type=whole(1, MOST_STEPS), metavar="N",
         help="end the stage there (default: after --max_epochs)")  # fmt: skip
    flag("--window_seconds", type=numbers_between(*WINDOW_SECONDS_ALLOWED, "seconds"), metavar="S,S",
         help="lengths of speech to train on, one a batch "
         f"(default: {_defaults('window_seconds')})")  # fmt: skip
    flag("--patience", type=whole(1, MOST_EPOCHS), default=TrainingOptions.patience, metavar="N", help="epochs without "
         "progress to stop after")  # fmt: skip
    flag("--triplet_selection", choices=("semi-hard", "hard", "random"), default=TrainingOptions.triplet_selection,
         help="triplets to learn from; random is v1's")  # fmt: skip
    flag("--margin", type=positive(WIDEST_MARGIN), default=TrainingOptions.margin, help="of the triplet loss, in "
         "cosine")  # fmt: skip
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
    flag("--seed", type=whole(0, MOST_SEED), default=TrainingOptions.seed, help="of the first weights and of "
         "everything drawn")  # fmt: skip
    flag("--mixed_precision", action="store_true", help="convolutions and GRU in 16 bits, on a GPU (default: 32 "
         "bits; a GPU is used when TensorFlow sees one)")  # fmt: skip

    flag = parser.add_argument_group("several machines or GPUs").add_argument
    flag("--distribute", choices=(MIRRORED, MULTI_WORKER), help="spread each batch over the GPUs of this machine, or "
         "over the machines that TF_CONFIG names, on each of which the same command runs")  # fmt: skip
    flag("--shares", type=whole(1, MOST_WINDOWS), metavar="N", help="in which each batch is drawn (default: one for "
         "each GPU or machine); a run that began on N goes on by it on fewer")  # fmt: skip
    return parser


def speeds(text: str) -> tuple[float, ...]:
    """Speeds between commas, for argparse: that of the recordings, and others."""
    named = numbers_between(*SPEEDS_ALLOWED, "speeds")(text)
    if 1 not in named or len(set(named)) < len(named):
        raise argparse.ArgumentTypeError(f"expected 1 and other speeds, each once. Received {text!r}")
    return 1.0, *(speed for speed in named if speed != 1)


def _train(args: argparse.Namespace) -> None:
    from commands.train import train

    train(args)


def _defaults(name: str, *stages: str) -> str:
    return "; ".join(f"{stage} {_text(getattr(DEFAULTS[stage], name))}" for stage in stages or DEFAULTS)


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


if __name__ == "__main__":
    sys.exit(main())
