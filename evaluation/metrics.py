"""Verification and classification metrics.

Scores are similarities: higher means "the same speaker". Target trials compare a speaker with itself, non-target trials
with someone else. A threshold misses the targets below it, and gives a false alarm for each non-target at or above it.
Rates and intervals are fractions in [0, 1]. Ratios are natural logarithms of likelihood ratios.
"""

from statistics import NormalDist
from typing import TypeVar

import numpy as np
from sklearn.isotonic import isotonic_regression

CONFIDENCE = 0.95

Rates = TypeVar("Rates", float, np.ndarray)


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
        _check_scores(target, nontarget)
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


def actual_detection_cost(
    target: np.ndarray, nontarget: np.ndarray, prior: float, miss_cost: float = 1, false_alarm_cost: float = 1
) -> float:
    """Return actDCF: what errors cost at the threshold that the ratios themselves call for (Bayes' decisions).

    The cost is that of `minimum_detection_cost`; the threshold is chosen without the answers, by the prior and the
    costs alone, so that ratios that are wrong by a factor cost more than the minimum (NIST 2016 Evaluation Plan, 3.1).

    Args:
        target, nontarget: ratios, shape = (trials,).
        prior, miss_cost, false_alarm_cost: as for `minimum_detection_cost`.

    Returns:
        a number from 0 on; 1 is the cost of never listening, and bad ratios can cost more.

    Raises:
        ValueError: as for `minimum_detection_cost`.
    """
    _check_scores(target, nontarget)
    threshold = bayes_threshold(prior, miss_cost, false_alarm_cost)
    miss, false_alarm = float(np.mean(target < threshold)), float(np.mean(nontarget >= threshold))
    return float(detection_cost(miss, false_alarm, prior, miss_cost, false_alarm_cost))


def bayes_threshold(prior: float, miss_cost: float = 1, false_alarm_cost: float = 1) -> float:
    """Return the ratio from which on accepting costs less than refusing.

    Raises:
        ValueError: prior or costs out of range.
    """
    for_miss, for_false_alarm = _weights(prior, miss_cost, false_alarm_cost)
    return float(np.log(for_false_alarm / for_miss))


def log_ratio_cost(target: np.ndarray, nontarget: np.ndarray) -> float:
    """Return Cllr: what ratios cost in bits, over all priors and costs; 1 is the cost of no information.

    (Brümmer & du Preez, "Application-independent evaluation of speaker detection", Computer Speech and Language 20,
    2006.)

    Args:
        target, nontarget: ratios, shape = (trials,).

    Raises:
        ValueError: scores as for `equal_error_rate`.
    """
    _check_scores(target, nontarget)
    return float((surprise(target, True).mean() + surprise(nontarget, False).mean()) / 2)


def surprise(ratios: np.ndarray, same: np.ndarray | bool) -> np.ndarray:
    """Return the bits that each ratio costs at even odds, given who spoke: any shape."""
    return np.logaddexp(0, np.where(same, -1, 1) * ratios) / np.log(2)


def lowest_log_ratio_cost(target: np.ndarray, nontarget: np.ndarray) -> float:
    """Return minCllr: the Cllr that is left after the best rising calibration, chosen with the answers at hand.

    (The pool-adjacent-violators algorithm gives that calibration: Brümmer & du Preez, 2006, section 4.)

    Args:
        target, nontarget: scores, shape = (trials,).

    Returns:
        a number in [0, 1].

    Raises:
        ValueError: scores as for `equal_error_rate`.
    """
    return least_cost(*ErrorCurve(target, nontarget).rates())


def least_cost(miss: np.ndarray, false_alarm: np.ndarray) -> float:
    """Return `lowest_log_ratio_cost` from the rates of an `ErrorCurve`; NaN where there are none.

    Trials between two thresholds of the curve share a probability whatever they are, so pooling them loses nothing.
    """
    targets, nontargets = np.diff(miss), -np.diff(false_alarm)
    weights = targets + nontargets
    if np.isnan(weights).any():
        return np.nan
    some = weights > 0
    targets, nontargets, weights = targets[some], nontargets[some], weights[some]
    probability = np.clip(isotonic_regression(targets / weights, sample_weight=weights), 0, 1)
    with np.errstate(divide="ignore", invalid="ignore"):  # nothing of one side where the other's probability is 1
        bits = np.where(targets > 0, -targets * np.log2(probability), 0)
        bits += np.where(nontargets > 0, -nontargets * np.log2(1 - probability), 0)
    return float(bits.sum() / 2)


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
    return float(detection_cost(miss, false_alarm, prior, miss_cost, false_alarm_cost).min())


def detection_cost(
    miss: Rates, false_alarm: Rates, prior: float, miss_cost: float = 1, false_alarm_cost: float = 1
) -> Rates:
    """Return what errors of these rates cost, where 1 is the cost of never listening: any shape."""
    for_miss, for_false_alarm = _weights(prior, miss_cost, false_alarm_cost)
    return (for_miss * miss + for_false_alarm * false_alarm) / min(for_miss, for_false_alarm)


def _weights(prior: float, miss_cost: float, false_alarm_cost: float) -> tuple[float, float]:
    if not 0 < prior < 1:
        raise ValueError(f"expected a prior between 0 and 1. Received {prior}; did you supply per cent?")
    if not (miss_cost > 0 and false_alarm_cost > 0):
        raise ValueError(f"expected costs above 0. Received {miss_cost} and {false_alarm_cost}")
    return miss_cost * prior, false_alarm_cost * (1 - prior)


def _check_scores(target: np.ndarray, nontarget: np.ndarray) -> None:
    if not len(target) or not len(nontarget):
        raise ValueError(f"expected target and non-target scores. Received {len(target)} and {len(nontarget)}")
    if np.isnan(target).any() or np.isnan(nontarget).any():
        raise ValueError("expected numbers as scores. Received NaN; did an embedding have length 0?")


def wilson_interval(hits: int, trials: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the interval of a proportion (Wilson, JASA 1927), which keeps its coverage near 0 and 1.

    Raises:
        ValueError: there are no trials.
    """
    if trials < 1:
        raise ValueError("expected at least one trial. Received none")
    return wilson(hits / trials, trials, NormalDist().inv_cdf((1 + confidence) / 2))


def wilson(share: float, trials: float, quantile: float) -> tuple[float, float]:
    """Return Wilson's interval of a share among so many trials, a whole number or not.

    Args:
        quantile: how many standard errors an interval reaches to either side.
    """
    weight = quantile**2 / trials
    centre = (share + weight / 2) / (1 + weight)
    reach = quantile * np.sqrt(share * (1 - share) / trials + weight / (4 * trials)) / (1 + weight)
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
