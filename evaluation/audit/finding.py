"""What a test found, in words and as a number."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from evaluation.jackknife import Kind, estimates
from inference.estimate import Estimate


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


def status_above(size: Estimate, limit: float) -> Status:
    """Return the status of a test that finds a leak if all of an interval is above a limit."""
    return Status.NOT_TESTED if math.isnan(size.low) else status_of(size.low > limit)


def mean_over(values: Sequence[float], kind: Kind = Kind.SHARE) -> Estimate:
    """Return the mean of one value for each speaker, with its interval over speakers."""
    array = np.asarray(values, float)
    (estimate,) = estimates(lambda kept: np.array([array[kept].mean()]), len(array), [kind])
    return estimate


def percent(size: Estimate) -> str:
    """Write a share and its interval, if it has one, such as "34 % (30 to 38)"."""
    ends = "" if math.isnan(size.low) else f" ({100 * size.low:.1f} to {100 * size.high:.1f})"
    return f"{100 * size.value:.1f} %{ends}"
