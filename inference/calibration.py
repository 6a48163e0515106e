"""From scores to log-likelihood ratios.

A cosine of 0.6 means one thing between two long recordings and another between two short ones, so the lengths go in
beside it (quality measures, after Brümmer et al., "Fusion of heterogeneous speaker recognition systems", 2007, and
Mandasari et al., "Quality measure functions for calibration of speaker recognition systems", 2013). The weights come
from logistic regression on trials of speakers whom the network was not trained on: evaluation/calibrate.py.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.calibration_source import CalibrationSource, ErrorRates
from inference.cohort import NO_NORM, SCORE_NORMS
from inference.likelihood_ratio import COLUMNS, Numbers, side_by_side
from inference.number_rows import as_lists, interval_rows, number_rows, optional_number_rows
from storage.errors import UserError
from storage.fields import Fields

Z = 1.96  # standard errors on either side, for 95 %
ABSENT_IN_FIRST_VERSION = {
    "score_norm": NO_NORM,
    **dict.fromkeys(("intervals", "covariance", "lowest", "highest")),
}


class CalibrationError(UserError):
    """The calibration can't say what was asked of it; the message says why."""


@dataclass(frozen=True)
class Calibration:
    """What turns a network's scores into log-likelihood ratios; travels in the exported network's metadata.

    Raises:
        ValueError: the parts are of sizes that do not go together, or the scores are of an unknown norm.
    """

    intercept: float
    weights: tuple[float, ...]  # of what `side_by_side` gives
    shortest: float  # s of speech: lengths outside of what the trials had count as these
    longest: float  # s
    bins: tuple[float, ...]  # s of the shorter recording: upper ends of all bins but the last
    rates: tuple[float, ...]  # of false acceptance, falling
    # (bins, rates): the ratio that this share of wrong speakers reaches; None where too few speakers are behind it
    thresholds: tuple[tuple[float | None, ...], ...]
    source: CalibrationSource  # what it was fitted on, and what it is worth there; in JSON, `about`
    # What earlier versions did not have:
    score_norm: str = NO_NORM  # of the scores that it was fitted on
    intervals: tuple[tuple[tuple[float, float] | None, ...], ...] | None = None  # (bins, rates): 95 % of each rate
    covariance: tuple[tuple[float, ...], ...] | None = None  # of the weights and the intercept, over speakers
    lowest: float | None = None  # what so few speakers can say: ratios beyond are cut to these
    highest: float | None = None

    @classmethod
    def from_json(cls, value: object) -> "Calibration":
        """Read what `as_json` gives, or an earlier version gave.

        Raises:
            ValueError: a field is missing, unknown, of another type, or makes no sense.
        """
        fields = Fields(value, ABSENT_IN_FIRST_VERSION)
        calibration = cls(
            intercept=fields.finite("intercept"),
            weights=fields.numbers("weights"),
            shortest=fields.finite("shortest"),
            longest=fields.finite("longest"),
            bins=fields.numbers("bins"),
            rates=fields.numbers("rates"),
            thresholds=optional_number_rows(fields.take("thresholds", list)),
            source=CalibrationSource.from_json(fields.take("about", dict)),
            score_norm=fields.take("score_norm", str),
            intervals=None if fields.is_null("intervals") else interval_rows(fields.take("intervals", list)),
            covariance=None if fields.is_null("covariance") else number_rows(fields.take("covariance", list)),
            lowest=None if fields.is_null("lowest") else fields.finite("lowest"),
            highest=None if fields.is_null("highest") else fields.finite("highest"),
        )
        fields.end()
        return calibration

    def __post_init__(self) -> None:
        expected = len(self.bins) + 1, len(self.rates)
        for name, rows in (("thresholds", self.thresholds), ("intervals", self.intervals)):
            if rows is not None and (len(rows), *{len(row) for row in rows}) != expected:
                raise ValueError(f"expected {name} of {expected[0]} by {expected[1]}. Received {len(rows)} rows")
        columns = len(self.weights) + 1
        if columns != COLUMNS + 1:
            raise ValueError(f"expected {COLUMNS} weights. Received {len(self.weights)}")
        if self.covariance is not None and [len(row) for row in self.covariance] != [columns] * columns:
            raise ValueError(f"expected a covariance of {columns} by {columns} coefficients. Received another shape")
        if self.score_norm not in SCORE_NORMS:
            raise ValueError(f"expected scores of a norm of {', '.join(SCORE_NORMS)}. Received another")

    def as_json(self) -> dict[str, Any]:
        """The fields, fit for JSON."""
        fields = {name: as_lists(value) for name, value in vars(self).items() if name != "source"}
        return {**fields, "about": self.source.as_json()}

    def log_likelihood_ratio(self, score: Numbers, seconds: Numbers, other_seconds: Numbers) -> NDArray[np.floating]:
        """Return how much likelier a score is between recordings of one speaker than between those of two.

        Args:
            score: of two embeddings, normalised as `score_norm` says, any shape.
            seconds, other_seconds: speech in the recordings behind the two, in s, of a shape that fits;
                `SpeakerEncoder.embed` measures it.

        Returns:
            natural logarithms, in the shape of `score`; above 0 for one speaker; within what the calibration's
            speakers can tell.
        """
        return self.bounded(self.unbounded(score, seconds, other_seconds))

    def unbounded(self, score: Numbers, seconds: Numbers, other_seconds: Numbers) -> NDArray[np.floating]:
        """Return the same, also beyond what the speakers can tell: to say which of two is the more similar."""
        return self._columns(score, seconds, other_seconds) @ np.array(self.weights) + self.intercept

    def bounded(self, ratios: NDArray[np.floating]) -> NDArray[np.floating]:
        """Cut ratios to those that the calibration's speakers are enough for.

        No ratio above n can be told from trials of n pairs of strangers: the one that would speak against it may not
        be among them (Vergeer et al., "Numerical likelihood ratios outputted by LR systems are often based on
        extrapolation: when to stop extrapolating?", Science & Justice 56, 2016).
        """
        if self.lowest is None or self.highest is None:
            return ratios
        return np.clip(ratios, self.lowest, self.highest)

    def interval(self, score: float, seconds: float, other_seconds: float) -> tuple[float, float] | None:
        """Return the 95 % interval of the ratio over other speakers to calibrate on; None where it is not known."""
        if self.covariance is None:
            return None
        columns = np.append(self._columns(score, seconds, other_seconds), 1)
        middle = columns @ np.append(self.weights, self.intercept)
        reach = Z * np.sqrt(max(columns @ np.array(self.covariance) @ columns, 0))
        low, high = self.bounded(np.array([middle - reach, middle + reach]))
        return float(low), float(high)

    def _columns(self, score: Numbers, seconds: Numbers, other_seconds: Numbers) -> NDArray[np.floating]:
        shorter, longer = (np.clip(length, self.shortest, self.longest) for length in (seconds, other_seconds))
        return side_by_side(score, shorter, longer)

    def threshold(self, max_false_accept: float, seconds: float) -> float:
        """Return the ratio that the share `max_false_accept` of comparisons of two speakers reaches.

        It may lie beyond what `bounded` leaves.

        Args:
            seconds: speech in the shorter of the two recordings.

        Raises:
            CalibrationError: the speakers were too few for that rate.
        """
        rates, thresholds = self._known_rates(seconds)
        if not rates[-1] <= max_false_accept <= rates[0]:
            raise CalibrationError(
                f"expected a rate of false acceptance from {rates[-1]:g} to {rates[0]:g} for each comparison, which is "
                f"what the calibration's speakers can tell. Received {max_false_accept:g}"
            )
        return float(np.interp(-np.log(max_false_accept), -np.log(rates), thresholds))

    def rate_interval(self, max_false_accept: float, seconds: float) -> tuple[float, float] | None:
        """Return the 95 % interval, over speakers and corpora, of the share of two speakers who reach `threshold`.

        None where it is not known.
        """
        if self.intervals is None:
            return None
        rates, _ = self._known_rates(seconds)
        ends = [interval for interval in self.intervals[self._bin(seconds)][: len(rates)] if interval is not None]
        low, high = (float(np.interp(-np.log(max_false_accept), -np.log(rates), side)) for side in zip(*ends))
        return low, high

    def lowest_rate(self, seconds: float) -> float:
        """Return the lowest rate of false acceptance that the speakers are enough for.

        Args:
            seconds: speech in the shorter of the two recordings.

        Raises:
            CalibrationError: they are too few for any.
        """
        return self._known_rates(seconds)[0][-1]

    def expected_errors(self, seconds: float) -> ErrorRates | None:
        """Return how often verdicts at even odds are wrong at that length; None where it is not known.

        Args:
            seconds: speech in the shorter of the two recordings.
        """
        end = (*self.bins, None)[self._bin(seconds)]
        return next((rates for rates in self.source.error_rates if rates.up_to == end), None)

    def _known_rates(self, seconds: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the rates that have a threshold at that length, and those thresholds."""
        thresholds = self.thresholds[self._bin(seconds)]
        known = [(rate, threshold) for rate, threshold in zip(self.rates, thresholds) if threshold is not None]
        if not known:
            raise CalibrationError("the calibration's speakers are too few to tell any rate of false acceptance")
        return tuple(rate for rate, _ in known), tuple(threshold for _, threshold in known)

    def _bin(self, seconds: float) -> int:
        return int(np.searchsorted(self.bins, seconds, side="right"))
