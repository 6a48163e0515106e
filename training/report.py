"""Report an epoch in one line, and say in plain words when a run has gone wrong."""

import logging
import math

from storage.errors import UserError

SAME = 0.95  # mean cosine above which different speakers' embeddings all but coincide
NO_GAP = 0.02  # by which the cosines within speakers exceed those, where speakers are not told apart any more
LONG = 180  # s, from which on durations are given in minutes

_PERCENT = ("accuracy", "share")

logger = logging.getLogger(__name__)


class TrainingError(UserError):
    """The run can't go on; the message says what to change."""


def describe(row: dict[str, float], total_steps: int) -> str:
    """Format how far a run is, and an epoch's figures: shares and accuracies in percent, the rest to four digits."""
    figures = {name: value for name, value in row.items() if name not in ("epoch", "step", "seconds")}
    left = time_left(row["seconds"], row["step"], total_steps)
    so_far = f"step {row['step']:.0f} of {total_steps}, {_duration(row['seconds'])}, {left}"
    return f"epoch {row['epoch']:g} ({so_far}): {format_metrics(figures)}"


def time_left(seconds: float, step: float, total_steps: int) -> str:
    """How long the remaining steps take if they are as fast as those so far; there has to be one or more."""
    return f"{_duration(seconds / step * (total_steps - step))} left"


def format_metrics(metrics: dict[str, float]) -> str:
    """Format measurements in a line, each as its name and its value."""
    return ", ".join(f"{name.replace('_', ' ')} {_format(name, value)}" for name, value in metrics.items())


def check_health(row: dict[str, float]) -> None:
    """Warn if the embeddings have collapsed, and say what to try.

    Raises:
        TrainingError: the loss is not a number any more.
    """
    check_finite(row["train_loss"])
    for side in ("train", "test"):
        positive, negative = (row.get(f"{side}_{kind}_cosine") for kind in ("positive", "negative"))
        if positive is not None and negative is not None and _collapsed(positive, negative):
            logger.warning(
                "collapsed: in %s, windows of one speaker have a cosine of %.3f and those of two speakers %.3f, so "
                "all speakers have nearly the same embedding; try --triplet_selection semi-hard or random, a smaller "
                "--learning_rate, or a start from the softmax stage",
                "training" if side == "train" else "the test utterances", positive, negative,
            )  # fmt: skip
            return


def check_finite(loss: float) -> None:
    """Refuse a loss that is not a finite number.

    Raises:
        TrainingError: the loss is infinite or not a number.
    """
    if not math.isfinite(loss):
        raise TrainingError(
            "the loss is no longer a number, so the run ends at its last checkpoint; try a smaller --learning_rate"
        )


def _collapsed(positive: float, negative: float) -> bool:
    """Whether the mean cosine between speakers is near 1, and that within speakers hardly above it or even below."""
    return negative > SAME and positive - negative < NO_GAP


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < LONG else f"{seconds / 60:.0f} min"


def _format(name: str, value: float) -> str:
    return f"{100 * value:.1f} %" if name.endswith(_PERCENT) else f"{value:.4g}"
