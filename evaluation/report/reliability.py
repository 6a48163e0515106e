"""Whether probabilities come true: of the trials that were given 80 %, are 80 % of one speaker?

Probabilities are those at even odds, which verdicts assume unless told otherwise. So trials of one speaker weigh as
much in all as those of two.
"""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from scipy.special import expit
from sklearn.calibration import CalibrationDisplay

from evaluation.report.picture import Picture, Table
from evaluation.report.shown import shown
from evaluation.report.style import BLUE, SQUARE, figure_with_axes
from evaluation.scored_set import ScoredSet

BINS = 10  # of probabilities


class Bin(NamedTuple):
    """Trials that were given about the same probability."""

    low: float
    high: float
    trials: int
    weight: float  # of these, as a share of that of all
    given: float  # their mean probability
    observed: float  # the share of their weight that is of one speaker


def reliability_picture(scored: ScoredSet, ratios: np.ndarray) -> Picture:
    """Draw which share of the trials is of one speaker, against the probability that they were given.

    Args:
        scored: with trials of both kinds.
        ratios: log-likelihood ratios of these, natural logarithms, (trials,).
    """
    bins = reliability(expit(ratios), scored.same)
    error = sum(part.weight * abs(part.given - part.observed) for part in bins)
    return Picture(
        kind="calibration",
        about=scored.source,
        title=f"Calibration, {shown(scored.source)}",
        text="On the dotted line, probabilities come true; below it, one speaker is claimed too often. At even odds, "
        f"they are {100 * error:.1f} percentage points off on average.",
        figure=_figure(bins),
        table=Table(
            ("given", "trials", "mean of these", "are of one speaker"),
            [
                (
                    f"{100 * part.low:.0f} to {100 * part.high:.0f} %",
                    part.trials,
                    _percent(part.given),
                    _percent(part.observed),
                )
                for part in bins
            ],
        ),
        numbers=Table(Bin._fields, bins),
    )


def reliability(probability: np.ndarray, same: np.ndarray) -> list[Bin]:
    """Return the bins that have trials, by the probability and the truth of each, (trials,)."""
    weights = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())
    numbers = np.minimum((probability * BINS).astype(int), BINS - 1)
    trials = np.bincount(numbers, minlength=BINS)
    weight, given, of_one = (
        np.bincount(numbers, weights * values, BINS) for values in (np.ones(len(same)), probability, same)
    )
    return [
        Bin(
            n / BINS,
            (n + 1) / BINS,
            int(trials[n]),
            *map(float, (weight[n], given[n] / weight[n], of_one[n] / weight[n])),
        )
        for n in np.flatnonzero(trials)
    ]


def _figure(bins: list[Bin]) -> Figure:
    figure, axes = figure_with_axes(SQUARE)
    observed, given = (np.array(values) for values in ([b.observed for b in bins], [b.given for b in bins]))
    CalibrationDisplay(observed, given, given).plot(ax=axes, name="these trials", color=BLUE, marker="o")
    axes.set(xlabel="probability of one speaker, as given", ylabel="share that is of one speaker")
    axes.legend(loc="upper left", labels=["as it should be", "these trials"])
    axes.grid(alpha=0.6)
    return figure


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
