"""What a log-likelihood ratio is made of, and what it becomes with a prior."""

import numpy as np
from numpy.typing import NDArray

Numbers = float | NDArray[np.floating]  # one, or an array of them

COLUMNS = 5  # that `side_by_side` gives


def side_by_side(score: Numbers, seconds: Numbers, other_seconds: Numbers) -> NDArray[np.floating]:
    """Return what the regression looks at: score, products of score and lengths, lengths; lengths as logarithms.

    The lengths are ordered, so that it does not matter which recording comes first.

    Args:
        score: any shape.
        seconds, other_seconds: speech in both recordings, of a shape that fits.

    Returns:
        (..., `COLUMNS`).
    """
    short, long = np.log(np.minimum(seconds, other_seconds)), np.log(np.maximum(seconds, other_seconds))
    return np.stack(np.broadcast_arrays(score, score * short, score * long, short, long), axis=-1)


def probability(log_likelihood_ratio: Numbers, prior: float) -> NDArray[np.floating]:
    """Return how probable one speaker is, given how probable it was before listening (Bayes' rule)."""
    return 1 / (1 + np.exp(-(log_likelihood_ratio + log_odds(prior))))


def log_odds(prior: float) -> float:
    """Return the logarithm of the odds of a probability between 0 and 1."""
    return float(np.log(prior / (1 - prior)))
