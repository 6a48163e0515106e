"""Verification and classification metrics, numpy only.

Scores are similarities: higher means "the same speaker". Target trials compare a speaker with itself, non-target trials
with someone else. Rates and intervals are fractions in [0, 1].
"""

from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 500


def equal_error_rate(target: np.ndarray, nontarget: np.ndarray) -> float:
    """Where misses (targets below the threshold) and false alarms (non-targets at or above it) are equally frequent.

    Args:
        target, nontarget: scores, shape = (trials,).

    Raises:
        ValueError: either is empty.
    """
    if not len(target) or not len(nontarget):
        raise ValueError(f"expected target and non-target scores. Received {len(target)} and {len(nontarget)}")
    target, nontarget = np.sort(target), np.sort(nontarget)
    thresholds = np.concatenate([np.unique(np.concatenate([target, nontarget])), [np.inf]])
    miss = np.searchsorted(target, thresholds) / len(target)
    excess = miss + np.searchsorted(nontarget, thresholds) / len(nontarget) - 1  # miss - false alarm, never falls
    after = int(np.argmax(excess >= 0))
    if after == 0:
        return float(miss[0])
    share = -excess[after - 1] / (excess[after] - excess[after - 1])  # the curve is a line between two thresholds
    return float(miss[after - 1] + share * (miss[after] - miss[after - 1]))


def wilson_interval(hits: int, trials: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Interval of a proportion (Wilson, JASA 1927); holds its coverage near 0 and 1, where the normal one does not.

    Raises:
        ValueError: no trials.
    """
    if trials < 1:
        raise ValueError("expected at least one trial. Received none")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = hits / trials, z * z / trials
    centre = (share + weight / 2) / (1 + weight)
    reach = z * np.sqrt(share * (1 - share) / trials + weight / (4 * trials)) / (1 + weight)
    return float(centre - reach), float(centre + reach)


def describe_accuracy(accuracy: float, utterances: int) -> str:
    """The accuracy over `utterances` and its interval, in a line."""
    low, high = wilson_interval(round(accuracy * utterances), utterances)
    return (
        f"{100 * accuracy:.1f} % of {utterances} test utterances are given to their speaker "
        f"(95 % interval {100 * low:.1f} to {100 * high:.1f} %)"
    )


def bootstrap_interval(
    statistic: Callable[[np.ndarray], float], speakers: int, seed: int = 0, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Percentile interval over speakers, who are drawn with replacement: trials of one speaker are not independent.

    Args:
        statistic: takes the drawn speakers' indices, shape = (speakers,).
    """
    rng = np.random.default_rng(seed)
    values = [statistic(rng.integers(0, speakers, speakers)) for _ in range(RESAMPLES)]
    low, high = np.nanquantile(  # a draw of one speaker alone has no value
        values, [(1 - confidence) / 2, (1 + confidence) / 2]
    )
    return float(low), float(high)


def pairwise_scores(embeddings: np.ndarray, speakers: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of all pairs of utterances.

    Args:
        embeddings: (utterances, d), rows of length 1.
        speakers: who speaks in each.

    Returns:
        (target, nontarget) scores.
    """
    scores = embeddings @ embeddings.T
    first, second = np.triu_indices(len(embeddings), k=1)
    same = np.asarray(speakers)[first] == np.asarray(speakers)[second]
    values = scores[first, second]
    return values[same], values[~same]
