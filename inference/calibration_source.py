"""Where a calibration comes from: the speakers and trials that it was fitted on, and the errors counted on them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference.estimate import Estimate
from storage.fields import Fields

ABSENT_IN_FIRST_VERSION = {"pairs_of_strangers": 0, "across_sessions": 0, "cllr": None}
TWO_SESSIONS, ONE_SESSION = "two", "one"


@dataclass(frozen=True)
class ErrorRates:
    """How often verdicts at even odds are wrong, for shorter recordings of one length.

    Each trial was judged by weights that saw neither of its two speakers. Rates are fractions.
    """

    corpus: str | None  # None for all of them together
    up_to: float | None  # s of speech in the shorter recording; None for the longest, which have no end
    speakers: int
    targets: int  # trials of one speaker
    nontargets: int  # trials of two
    eer: float  # equal error rate
    miss: Estimate
    false_accept: Estimate
    miss_foreign: Estimate | None = None  # by weights that saw no trial of the corpus either; of all corpora only
    false_accept_foreign: Estimate | None = None
    sessions: str | None = None  # `TWO_SESSIONS` or `ONE_SESSION`: the target trials are of these alone; None for all

    @classmethod
    def from_json(cls, value: object) -> "ErrorRates":
        """Read what `as_json` gives.

        Raises:
            ValueError: a field is missing, unknown, or of another type.
        """
        fields = Fields(value, dict.fromkeys(("miss_foreign", "false_accept_foreign", "sessions")))
        rates = cls(
            corpus=fields.optional("corpus", str),
            up_to=None if fields.is_null("up_to") else fields.finite("up_to"),
            speakers=fields.whole("speakers"),
            targets=fields.whole("targets"),
            nontargets=fields.whole("nontargets"),
            eer=fields.finite("eer"),
            miss=Estimate.from_json(fields.take("miss", dict)),
            false_accept=Estimate.from_json(fields.take("false_accept", dict)),
            miss_foreign=_estimate_if_any(fields, "miss_foreign"),
            false_accept_foreign=_estimate_if_any(fields, "false_accept_foreign"),
            sessions=fields.optional("sessions", str),
        )
        fields.end()
        return rates

    def as_json(self) -> dict[str, Any]:
        """The fields under their names; those that only some rows have are left out of the others."""
        always = ("corpus", "up_to")
        fields = {name: value for name, value in vars(self).items() if value is not None or name in always}
        return {name: value.as_json() if isinstance(value, Estimate) else value for name, value in fields.items()}


@dataclass(frozen=True)
class CalibrationSource:
    """What a calibration was fitted on, and what it is worth there."""

    corpora: tuple[str, ...]
    speakers: int
    targets: int  # trials of one speaker
    nontargets: int  # trials of two
    date: str
    error_rates: tuple[ErrorRates, ...] = ()
    # What the first version did not write and is not known of its calibrations:
    pairs_of_strangers: int = 0
    across_sessions: int = 0  # target trials
    cllr: float = math.nan  # bits, see `evaluation.metrics.log_ratio_cost`

    @classmethod
    def from_json(cls, value: object) -> "CalibrationSource":
        """Read what `as_json` gives.

        The first version's error rates had no intervals and are left out: nobody could say how far to trust them.

        Raises:
            ValueError: a field is missing, unknown, or of another type.
        """
        fields = Fields(value, ABSENT_IN_FIRST_VERSION)
        rows = fields.objects("error_rates")
        source = cls(
            corpora=fields.texts("corpora"),
            speakers=fields.whole("speakers"),
            targets=fields.whole("targets"),
            nontargets=fields.whole("nontargets"),
            date=fields.take("date", str),
            error_rates=tuple(ErrorRates.from_json(row) for row in rows if _has_intervals(row)),
            pairs_of_strangers=fields.whole("pairs_of_strangers"),
            across_sessions=fields.whole("across_sessions"),
            cllr=math.nan if fields.is_null("cllr") else fields.finite("cllr"),
        )
        fields.end()
        return source

    def as_json(self) -> dict[str, Any]:
        """The fields under their names, as `from_json` reads them."""
        rows = [rates.as_json() for rates in self.error_rates]
        cllr = self.cllr if math.isfinite(self.cllr) else None
        return {**vars(self), "corpora": list(self.corpora), "error_rates": rows, "cllr": cllr}


def _has_intervals(row: Mapping[str, object]) -> bool:
    return isinstance(row.get("miss"), dict)


def _estimate_if_any(fields: Fields, name: str) -> Estimate | None:
    return None if fields.is_null(name) else Estimate.from_json(fields.take(name, dict))
