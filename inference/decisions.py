"""Decide whether two recordings are of one speaker, and which of the enrolled speakers a recording is of."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from inference.calibration import Calibration, CalibrationError
from inference.calibration_source import ErrorRates
from inference.embedding import cosine_distance
from inference.likelihood_ratio import log_odds, probability
from storage.errors import UserError

EVEN_PRIOR = 0.5
LOWEST_PRIOR = 1e-12  # a hundred times less than one in all people; shared out among profiles it is still a number
SAME, DIFFERENT, UNKNOWN = "same", "different", "unknown"
NOT_CALIBRATED = (
    "the network is not calibrated, so its distances tell no probability: "
    "--export_model writes one that is, where the cache has speakers whom it was not trained on"
)


class PolicyError(UserError):
    """The policy can't be used to decide; the message says why."""


@dataclass(frozen=True)
class Policy:
    """The prior, or the rate of false acceptance, to decide by.

    Raises:
        PolicyError: the prior is not between `LOWEST_PRIOR` and 1 - `LOWEST_PRIOR`, or the rate not between 0 and 1.
    """

    prior: float = EVEN_PRIOR  # probability, before listening, of one speaker (or: of an enrolled one)
    max_false_accept: float | None = None  # if given, decides instead of the prior

    def __post_init__(self) -> None:
        if not LOWEST_PRIOR <= self.prior <= 1 - LOWEST_PRIOR:
            raise PolicyError(
                f"expected a prior from {LOWEST_PRIOR:g} to 1 - {LOWEST_PRIOR:g}. Received {self.prior!r}"
            )
        if self.max_false_accept is not None and not 0 < self.max_false_accept < 1:
            raise PolicyError(
                f"expected a rate of false acceptance between 0 and 1, as in 0.01 for 1 %. "
                f"Received {self.max_false_accept!r}"
            )


DEFAULT_POLICY = Policy()  # even odds


@dataclass(frozen=True)
class Comparison:
    """The outcome of comparing two recordings, or speakers; without a calibration it is only a distance."""

    cosine_distance: float  # from 0 to 2
    score: float | None = None  # that the ratio is computed from: the cosine, plain or normalised
    log_likelihood_ratio: float | None = None  # natural; above 0 for one speaker
    log_likelihood_ratio_interval: tuple[float, float] | None = None  # 95 %, over speakers of the calibration
    probability: float | None = None  # of one speaker, at the prior
    probability_interval: tuple[float, float] | None = None  # from that of the ratio
    threshold: float | None = None  # the log-likelihood ratio from which on the verdict is `SAME`
    false_accept_interval: tuple[float, float] | None = None  # 95 % of the rate that was asked for, over speakers
    expected_errors: ErrorRates | None = None  # at even odds and that length
    verdict: str | None = None
    remark: str | None = None  # what makes the verdict doubtful

    def as_json(self) -> dict[str, Any]:
        """The fields, fit for JSON."""
        return {**asdict(self), "expected_errors": self.expected_errors and self.expected_errors.as_json()}


@dataclass(frozen=True)
class Identification:
    """The enrolled speakers whom a recording may be of, the likeliest first, and the verdict."""

    verdict: str | None  # a name, or `UNKNOWN`
    ranking: tuple[tuple[str, Comparison], ...]  # each comparison's probability is that of the name
    reason: str | None = None  # why nobody can be named, whoever speaks
    unknown_probability: float | None = None  # that the speaker is none of the enrolled


def compare(
    cosine: float,
    score: float,
    seconds: tuple[float, float],
    calibration: Calibration | None,
    policy: Policy = DEFAULT_POLICY,
) -> Comparison:
    """Decide whether two recordings, or speakers, are of one person.

    Args:
        cosine: that of their embeddings.
        score: the same, normalised as the calibration's scores are.
        seconds: speech in each, as `SpeakerEncoder.embed` measures it.
        calibration: that of the network, if it has one.

    Raises:
        CalibrationError: a rate of false acceptance was asked for that the calibration, or its absence, does not allow.
    """
    if calibration is None:
        _refuse_a_rate(policy)
        return Comparison(cosine_distance(cosine))
    beyond_bounds = calibration.unbounded(score, *seconds)
    unbounded, ratio = float(beyond_bounds), float(calibration.bounded(beyond_bounds))
    threshold, decides, rate_interval = -log_odds(policy.prior), ratio, None
    if policy.max_false_accept is not None:
        threshold, decides = calibration.threshold(policy.max_false_accept, min(seconds)), unbounded
        rate_interval = calibration.rate_interval(policy.max_false_accept, min(seconds))
    interval = calibration.interval(score, *seconds)
    return Comparison(
        cosine_distance=cosine_distance(cosine),
        score=float(score),
        log_likelihood_ratio=ratio,
        log_likelihood_ratio_interval=interval,
        probability=float(probability(ratio, policy.prior)),
        probability_interval=interval and _probabilities(interval, policy.prior),
        threshold=threshold,
        false_accept_interval=rate_interval,
        expected_errors=calibration.expected_errors(min(seconds)),
        verdict=SAME if decides >= threshold else DIFFERENT,
        remark=_doubt(threshold, interval, calibration, policy),
    )


def _probabilities(ratios: tuple[float, float], prior: float) -> tuple[float, float]:
    low, high = (float(probability(ratio, prior)) for ratio in ratios)
    return low, high


def _doubt(
    threshold: float, interval: tuple[float, float] | None, calibration: Calibration, policy: Policy
) -> str | None:
    """Say what makes the verdict doubtful, if anything does."""
    if policy.max_false_accept is None and calibration.highest is not None and threshold > calibration.highest:
        return (
            f"at a prior of {policy.prior:g} only a ratio above {threshold:+.1f} would be of one speaker, and the "
            f"calibration's speakers tell none above {calibration.highest:+.1f}: no recordings would be"
        )
    if interval is not None and interval[0] < threshold < interval[1]:
        return (
            f"too near to the threshold to be sure: with other speakers to calibrate on, the ratio would be from "
            f"{interval[0]:+.1f} to {interval[1]:+.1f}"
        )
    return None


def identify(
    cosines: np.ndarray,
    scores: np.ndarray,
    names: Sequence[str],
    seconds: tuple[np.ndarray, float],
    calibration: Calibration | None,
    policy: Policy = DEFAULT_POLICY,
    ranked: int = 5,
) -> Identification:
    """Decide which of the enrolled speakers a recording is of, if any.

    The prior is shared out evenly among the speakers. `max_false_accept` is the rate of the whole search, and is shared
    out too, as one among ten thousand strangers is always similar. Where that asks for more than the calibration's
    speakers can tell of one comparison, the verdict is `UNKNOWN` and the reason says so; the ranking stands.

    Args:
        cosines: those of the recording's embedding and each speaker's, (speakers,).
        scores: the same, normalised as the calibration's scores are.
        names: those of the speakers.
        seconds: speech behind each speaker's embedding, (speakers,), and in the recording.
        calibration: that of the network, if it has one.
        ranked: how many names to return.

    Raises:
        CalibrationError: `max_false_accept` was given, but there is no calibration, or none of its rates is as high.
    """
    if calibration is None:
        _refuse_a_rate(policy)
        order = _highest(cosines, ranked)
        return Identification(None, tuple((names[row], Comparison(cosine_distance(cosines[row]))) for row in order))
    of_profiles, of_recording = seconds
    unbounded = calibration.unbounded(scores, of_profiles, of_recording)
    order = _highest(unbounded, ranked)
    ratios, prior_of_each = calibration.bounded(unbounded), policy.prior / len(names)
    shorter = min(of_profiles[order[0]], of_recording)
    threshold, reason = _threshold_among(len(names), shorter, calibration, policy)
    shares = _shares(ratios, prior_of_each, policy.prior)
    ranking = (
        (
            names[row],
            Comparison(
                cosine_distance=cosine_distance(cosines[row]),
                score=float(scores[row]),
                log_likelihood_ratio=float(ratios[row]),
                probability=float(shares[row]),
                threshold=threshold,
            ),
        )
        for row in order
    )
    decides = ratios if policy.max_false_accept is None else unbounded
    named = reason is None and decides[order[0]] >= threshold
    unknown = max(0.0, float(1 - shares.sum()))
    return Identification(names[order[0]] if named else UNKNOWN, tuple(ranking), reason, unknown)


def _threshold_among(
    profiles: int, shorter: float, calibration: Calibration, policy: Policy
) -> tuple[float | None, str | None]:
    """Return the ratio from which on one of the profiles is named, or None and the reason why nobody can be."""
    if policy.max_false_accept is not None:
        rate, lowest = policy.max_false_accept / profiles, calibration.lowest_rate(shorter)
        if rate < lowest:
            return None, _too_strict(policy.max_false_accept, profiles, lowest)
        return calibration.threshold(rate, shorter), None
    threshold = float(np.log((1 - policy.prior) * profiles / policy.prior))  # from there on, likelier than nobody
    if calibration.highest is not None and threshold > calibration.highest:
        return threshold, (
            f"one of {profiles} profiles would have to be {np.exp(threshold):.0f} times likelier than a stranger, and "
            f"the calibration's speakers tell no more than {np.exp(calibration.highest):.0f} times: nobody can be "
            "named that surely"
        )
    return threshold, None


def _too_strict(max_false_accept: float, profiles: int, lowest: float) -> str:
    """Say why nobody can be named at that rate, and which rate is the lowest that can be asked for."""
    asked = (
        f"a share of {max_false_accept:g} for all {profiles} enrolled speakers together is "
        f"{max_false_accept / profiles:.2g} for each comparison"
    )
    least = lowest * profiles
    do = f"ask for {_rounded_up(least):g} or more" if least < 1 else "with so many it can't be asked for"
    return f"{asked}, and the network's calibration can tell no share below {lowest:g}: nobody can be named; {do}"


def _rounded_up(value: float) -> float:
    """Round a positive number up to two significant digits."""
    step = 10.0 ** (np.floor(np.log10(value)) - 1)
    return float(np.ceil(value / step - 1e-9) * step)


def _shares(ratios: np.ndarray, prior_of_each: float, prior: float) -> np.ndarray:
    """Return how probable each of the enrolled is, (speakers,); what is left to 1 is the probability of a stranger."""
    weights = np.append(ratios + np.log(prior_of_each), np.log(1 - prior))
    shares = np.exp(weights - weights.max())
    return shares[:-1] / shares.sum()


def _highest(values: np.ndarray, count: int) -> np.ndarray:
    """Return the rows of the highest values, the highest first."""
    count = min(count, len(values))
    rows = np.argpartition(-values, count - 1)[:count]
    return rows[np.argsort(-values[rows], kind="stable")]


def _refuse_a_rate(policy: Policy) -> None:
    """Refuse to decide by a rate of false acceptance where there is no calibration."""
    if policy.max_false_accept is not None:
        raise CalibrationError(NOT_CALIBRATED)
