"""Estimates: values with their intervals over speakers.

Trials of one speaker are not independent of each other, so what is drawn anew, with replacement, are the speakers, with
all their utterances. A pair of speakers counts as often as the product of how often both were drawn, and nobody is
compared with himself as with another (Snijders & Borgatti, "Non-parametric standard errors and tests for network
statistics", Connections 22, 1999, where such pairs are filled in; here they are left out).
"""

from collections.abc import Callable

import numpy as np

from evaluation.metrics import CONFIDENCE
from inference.estimate import Estimate

RESAMPLES = 1000  # what percentile intervals want (Efron & Tibshirani, "An Introduction to the Bootstrap", 1993)


def estimates(
    statistic: Callable[[np.ndarray], np.ndarray], speakers: int, seed: int = 0, confidence: float = CONFIDENCE
) -> list[Estimate]:
    """Return each measure's value, and its percentile interval over `RESAMPLES` draws of speakers.

    Args:
        statistic: takes how often each speaker was drawn, int64, shape = (speakers,); gives (measures,), NaN for one
            that such a draw does not have, as a single speaker has no distance to others. Those are left out.
        speakers: how many there are.
    """
    rng = np.random.default_rng(seed)
    draws = (rng.integers(0, speakers, speakers) for _ in range(RESAMPLES))
    drawn = np.array([statistic(np.bincount(draw, minlength=speakers)) for draw in draws])  # (resamples, measures)
    values = statistic(np.ones(speakers, np.int64))
    return [Estimate(float(value), *_interval(column, confidence)) for value, column in zip(values, drawn.T)]


def _interval(values: np.ndarray, confidence: float) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
