"""Decide: are these two recordings of one speaker, and which of these speakers is it?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inference.calibration import Calibration, CalibrationError, log_odds, probability
from inference.similarity import cosine_distance

EVEN_PRIOR = 0.5
SAME, DIFFERENT, UNKNOWN = "same", "different", "unknown"
NOT_CALIBRATED = (
    "the network is not calibrated, so its distances tell no probability: "
    "cli.py --export_model writes one that is, where the cache has speakers that it never heard"
)


@dataclass(frozen=True)
class Policy:
    """How to decide."""

    prior: float = EVEN_PRIOR  # how probable one speaker (or: an enrolled one) is before listening
    max_false_accept: float | None = None  # if given, decides instead of the prior


@dataclass(frozen=True)
class Comparison:
    """Two voices compared; without a calibration there is only a distance."""

    cosine_distance: float  # from 0 to 2
    log_likelihood_ratio: float | None = None  # natural; above 0 for one speaker
    probability: float | None = None  # of one speaker, at the prior
    threshold: float | None = None  # the log-likelihood ratio from which on the verdict is `SAME`
    verdict: str | None = None


@dataclass(frozen=True)
class Identification:
    """Who it may be, the likeliest first."""

    verdict: str | None  # a name, or `UNKNOWN`
    ranking: tuple[tuple[str, Comparison], ...]  # each comparison's probability is that of the name


def compare(
    cosine: float, seconds: tuple[float, float], calibration: Calibration | None, policy: Policy = Policy()
) -> Comparison:
    """Whether two recordings, or speakers, are one.

    Args:
        cosine: of their embeddings.
        seconds: speech in each.
        calibration: the network's.

    Raises:
        CalibrationError: a rate of false acceptance was asked for that the calibration, or its absence, does not allow.
    """
    if calibration is None:
        _check_policy(policy)
        return Comparison(cosine_distance(cosine))
    ratio = float(calibration.log_likelihood_ratio(cosine, *seconds))
    threshold = -log_odds(policy.prior)
    if policy.max_false_accept is not None:
        threshold = calibration.threshold(policy.max_false_accept, min(seconds))
    verdict = SAME if ratio >= threshold else DIFFERENT
    return Comparison(cosine_distance(cosine), ratio, float(probability(ratio, policy.prior)), threshold, verdict)


def identify(
    cosines: np.ndarray,
    names: Sequence[str],
    seconds: tuple[np.ndarray, float],
    calibration: Calibration | None,
    policy: Policy = Policy(),
    ranked: int = 5,
) -> Identification:
    """Which of the enrolled speakers it is, if any.

    The prior is shared out evenly among them, and `max_false_accept` is that of the whole search, shared out too:
    among ten thousand strangers one is always similar.

    Args:
        cosines: of the recording's embedding and each speaker's, (speakers,).
        seconds: speech behind each speaker's embedding, (speakers,), and in the recording.
        calibration: the network's.
        ranked: how many names to tell.

    Raises:
        CalibrationError: as for `compare`.
    """
    if calibration is None:
        _check_policy(policy)
        order = _highest(cosines, ranked)
        return Identification(None, tuple((names[row], Comparison(cosine_distance(cosines[row]))) for row in order))
    ratios = calibration.log_likelihood_ratio(cosines, *seconds)
    order = _highest(ratios, ranked)
    own_prior = policy.prior / len(names)
    threshold = float(np.log((1 - policy.prior) / own_prior))  # from there on, likelier than nobody of them
    if policy.max_false_accept is not None:
        shorter = min(seconds[0][order[0]], seconds[1])
        threshold = calibration.threshold(policy.max_false_accept / len(names), shorter)
    shares = _shares(ratios, own_prior, policy.prior)
    ranking = (
        (names[row], Comparison(cosine_distance(cosines[row]), float(ratios[row]), float(shares[row]), threshold))
        for row in order
    )
    return Identification(names[order[0]] if ratios[order[0]] >= threshold else UNKNOWN, tuple(ranking))


def _shares(ratios: np.ndarray, own_prior: float, prior: float) -> np.ndarray:
    """How probable each of the enrolled is, (speakers,); what is missing to 1 is the probability of nobody of them."""
    weights = np.append(ratios + np.log(own_prior), np.log(1 - prior))
    shares = np.exp(weights - weights.max())
    return shares[:-1] / shares.sum()


def _highest(values: np.ndarray, count: int) -> np.ndarray:
    """Rows of the highest values, the highest first."""
    count = min(count, len(values))
    rows = np.argpartition(-values, count - 1)[:count]
    return rows[np.argsort(-values[rows], kind="stable")]


def _check_policy(policy: Policy) -> None:
    if policy.max_false_accept is not None:
        raise CalibrationError(NOT_CALIBRATED)
