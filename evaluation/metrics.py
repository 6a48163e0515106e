"""Verification and classification metrics, numpy only.

Scores are similarities: higher means "the same speaker". Target trials compare a speaker with itself, non-target trials
with someone else. A threshold misses the targets below it, and gives a false alarm for each non-target at or above it.
Rates and intervals are fractions in [0, 1].
"""

from statistics import NormalDist

import numpy as np

CONFIDENCE = 0.95


class ErrorCurve:
    """Misses and false alarms at every threshold that matters, from accepting all trials to refusing all.

    Misses only change at a target's score, so the thresholds are each target's score and what comes right above it.
    Scores are sorted once; after that, weighing the trials anew takes no more than sums.
    """

    def __init__(self, target: np.ndarray, nontarget: np.ndarray):
        """Sort scores, each shape = (trials,).

        Raises:
            ValueError: either is empty, or a score is not a number.
        """
        if not len(target) or not len(nontarget):
            raise ValueError(f"expected target and non-target scores. Received {len(target)} and {len(nontarget)}")
        if np.isnan(target).any() or np.isnan(nontarget).any():
            raise ValueError("expected numbers as scores. Received NaN; did an embedding have length 0?")
        self._orders = tuple(np.argsort(scores, kind="stable") for scores in (target, nontarget))
        thresholds = np.unique(target)
        self._below = tuple(
            _below(scores[order], thresholds) for scores, order in zip((target, nontarget), self._orders)
        )

    def rates(
        self, target_weights: np.ndarray | None = None, nontarget_weights: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the miss rates and the false alarm rates, each shape = (thresholds,), as the threshold rises.

        Args:
            target_weights, nontarget_weights: how often each trial counts, (trials,) integers; None for once. If all
                of either are 0 there are no rates, and both results are NaN.
        """
        weights = (target_weights, nontarget_weights)
        miss, refused = (_share(w, order, below) for w, order, below in zip(weights, self._orders, self._below))
        if np.isnan(miss[-1] + refused[-1]):
            return np.full_like(miss, np.nan), np.full_like(miss, np.nan)
        return miss, 1 - refused


def equal_error_rate(target: np.ndarray, nontarget: np.ndarray) -> float:
    """Return the rate at which misses and false alarms are equally frequent.

    Args:
        target, nontarget: scores, shape = (trials,).

    Raises:
        ValueError: either is empty, or a score is not a number.
    """
    return crossing(*ErrorCurve(target, nontarget).rates())


def minimum_detection_cost(
    target: np.ndarray, nontarget: np.ndarray, prior: float, miss_cost: float = 1, false_alarm_cost: float = 1
) -> float:
    """Return minDCF: what errors cost at the best threshold, where 1 is the cost of never listening.

    NIST's speaker recognition evaluations (2016 Evaluation Plan) weigh errors as `miss_cost * prior *
    miss + false_alarm_cost * (1 - prior) * false alarm`, and divide by the cost of the better of two machines that
    accept, or refuse, everything. The threshold is chosen with the answers at hand, hence "minimum".

    Args:
        target, nontarget: scores, shape = (trials,).
        prior: how often trials are targets where the system is used, in (0, 1); not how often they are here.
        miss_cost, false_alarm_cost: of one error, above 0.

    Returns:
        a number in [0, 1].

    Raises:
        ValueError: scores as for `equal_error_rate`; or prior or costs out of range.
    """
    return lowest_cost(*ErrorCurve(target, nontarget).rates(), prior, miss_cost, false_alarm_cost)


def crossing(miss: np.ndarray, false_alarm: np.ndarray) -> float:
    """Return the rate where those of an `ErrorCurve` are equal; between two thresholds the curve is a line."""
    excess = miss - false_alarm  # never falls
    after = int(np.argmax(excess >= 0))
    if after == 0:
        return float(miss[0])
    share = -excess[after - 1] / (excess[after] - excess[after - 1])
    return float(miss[after - 1] + share * (miss[after] - miss[after - 1]))


def lowest_cost(
    miss: np.ndarray, false_alarm: np.ndarray, prior: float, miss_cost: float = 1, false_alarm_cost: float = 1
) -> float:
    """Return `minimum_detection_cost` from the rates of an `ErrorCurve`."""
    if not 0 < prior < 1:
        raise ValueError(f"expected a prior between 0 and 1. Received {prior}; did you supply per cent?")
    if not (miss_cost > 0 and false_alarm_cost > 0):
        raise ValueError(f"expected costs above 0. Received {miss_cost} and {false_alarm_cost}")
    for_miss, for_false_alarm = miss_cost * prior, false_alarm_cost * (1 - prior)
    cost = (for_miss * miss + for_false_alarm * false_alarm).min()
    return float(cost / min(for_miss, for_false_alarm))


def wilson_interval(hits: int, trials: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the interval of a proportion (Wilson, JASA 1927), which keeps its coverage near 0 and 1.

    Raises:
        ValueError: there are no trials.
    """
    if trials < 1:
        raise ValueError("expected at least one trial. Received none")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = hits / trials, z * z / trials
    centre = (share + weight / 2) / (1 + weight)
    reach = z * np.sqrt(share * (1 - share) / trials + weight / (4 * trials)) / (1 + weight)
    return float(centre - reach), float(centre + reach)


def describe_accuracy(accuracy: float, utterances: int) -> str:
    """Write the accuracy over `utterances` and its interval in a line."""
    low, high = wilson_interval(round(accuracy * utterances), utterances)
    return (
        f"{100 * accuracy:.1f} % of {utterances} test utterances are given to their speaker "
        f"(95 % interval {100 * low:.1f} to {100 * high:.1f} %)"
    )


def _below(ordered: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Count the scores below each threshold, and those up to it; in front stands 0, at the end the number of all."""
    at, above = (np.searchsorted(ordered, thresholds, side) for side in ("left", "right"))
    return np.concatenate([[0], np.stack([at, above], axis=1).ravel(), [len(ordered)]])


def _share(weights: np.ndarray | None, order: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Return the share of the weight that lies below each threshold; NaN if there is no weight at all."""
    if weights is None:
        return below / len(order)
    sums = np.concatenate([[0], np.cumsum(weights[order])])
    return sums[below] / (sums[-1] or np.nan)
