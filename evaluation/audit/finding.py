"""What a test found, in words and as a number."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from evaluation.metrics import CONFIDENCE
from inference.estimate import Estimate

RESAMPLES = 200  # draws of speakers


class Status(StrEnum):
    """What a test came to."""

    NO_LEAK = "no leak"
    LEAK = "leak"
    NOT_TESTED = "not tested"


@dataclass(frozen=True)
class Finding:
    """The outcome of one test."""

    test: str
    status: Status
    sentence: str
    size: Estimate | None = None  # of the leak, or of what was looked for; the sentence says of what

    def as_json(self) -> dict[str, Any]:
        """The fields, fit for JSON."""
        return {**asdict(self), "status": str(self.status), "size": None if self.size is None else self.size.as_json()}


def status_of(leaks: bool) -> Status:
    """Return the status of a test that was carried out."""
    return Status.LEAK if leaks else Status.NO_LEAK


def estimate(statistic: Callable[[np.ndarray], float], speakers: int, seed: int = 0) -> Estimate:
    """Return a value with its 95 % interval over speakers, who are drawn anew with replacement.

    Args:
        statistic: takes how often each speaker counts, (speakers,) int; NaN where such a draw has no value.
        speakers: how many there are.
    """
    rng = np.random.default_rng(seed)
    draws = (np.bincount(rng.integers(0, speakers, speakers), minlength=speakers) for _ in range(RESAMPLES))
    drawn = np.array([statistic(draw) for draw in draws])
    value, known = float(statistic(np.ones(speakers, int))), drawn[~np.isnan(drawn)]
    if not known.size:
        return Estimate(value, np.nan, np.nan)
    low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(value, float(low), float(high))


def mean_over(values: Sequence[float]) -> Estimate:
    """Return the mean of one value for each speaker, with its interval."""
    array = np.asarray(values, float)
    return estimate(lambda times: float(times @ array / times.sum()), len(array))


def percent(size: Estimate) -> str:
    """Write a share and its interval, such as "34 % (30 to 38)"."""
    return f"{100 * size.value:.1f} % ({100 * size.low:.1f} to {100 * size.high:.1f})"
