"""An epoch in one line, and plain words for a run that has gone wrong."""

import logging
import math

from storage.errors import UserError

SAME = 0.95  # mean cosine above which different speakers' embeddings all but coincide
NO_GAIN = 0.9  # share of the margin; a loss above it tells positives from negatives no better than equal ones would
LONG = 180  # s, from which on minutes are told

_PERCENT = ("accuracy", "share")

logger = logging.getLogger(__name__)


class TrainingError(UserError):
    """The run can't go on; the message says what to change."""


def describe(row: dict[str, float], total_steps: int) -> str:
    """Format an epoch's figures: shares and accuracies in percent, the rest to four digits; and how far that is."""
    figures = {name: value for name, value in row.items() if name not in ("epoch", "step", "seconds")}
    left = row["seconds"] / row["step"] * (total_steps - row["step"])
    so_far = f"step {row['step']:.0f} of {total_steps}, {_duration(row['seconds'])}, {_duration(left)} left"
    return f"epoch {row['epoch']:g} ({so_far}): {format_metrics(figures)}"


def format_metrics(metrics: dict[str, float]) -> str:
    """Names and values in a line."""
    return ", ".join(f"{name.replace('_', ' ')} {_format(name, value)}" for name, value in metrics.items())


def check_health(row: dict[str, float], margin: float) -> None:
    """Warn of collapsed embeddings and say what to try.

    Raises:
        TrainingError: the loss is not a number any more.
    """
    if not math.isfinite(row["train_loss"]):
        raise TrainingError(
            "the loss is no longer a number, so the run ends at its last checkpoint; try a smaller --learning_rate"
        )
    if any(_collapsed(row, side, margin) for side in ("train", "test")):
        logger.warning(
            "collapsed: the loss stands at the margin of %s and all cosines near 1, so every voice has nearly the same "
            "embedding; try --triplet_selection semi-hard or random, a smaller --learning_rate, or a start from the "
            "softmax stage",
            margin,
        )


def _collapsed(row: dict[str, float], side: str, margin: float) -> bool:
    """Whether the triplets of one side, mined or random, are all alike, as far as the margin sees."""
    cosines = row.get(f"{side}_positive_cosine", 0), row.get(f"{side}_negative_cosine", 0)
    return min(cosines) > SAME and row[f"{side}_loss"] > NO_GAIN * margin


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < LONG else f"{seconds / 60:.0f} min"


def _format(name: str, value: float) -> str:
    return f"{100 * value:.1f} %" if name.endswith(_PERCENT) else f"{value:.4g}"
