"""From scores to log-likelihood ratios.

A cosine of 0.6 means one thing between two long recordings and another between two short ones, so the lengths go in
beside it (quality measures, after Brümmer et al., "Fusion of heterogeneous speaker recognition systems", 2007, and
Mandasari et al., "Quality measure functions for calibration of speaker recognition systems", 2013). The weights come
from logistic regression on trials of speakers that the network never heard: evaluation/calibrate.py.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np

from inference.cohort import NO_NORM, SCORE_NORMS
from storage.errors import UserError

Z = 1.96  # standard errors on either side, for 95 %


class CalibrationError(UserError):
    """The calibration can't say what was asked of it; the message says why."""


@dataclass(frozen=True)
class Calibration:
    """What turns a network's scores into log-likelihood ratios; travels in the exported network's metadata."""

    intercept: float
    weights: tuple[float, ...]  # of what `side_by_side` gives
    shortest: float  # s of speech: lengths outside of what the trials had count as these
    longest: float  # s
    bins: tuple[float, ...]  # s of the shorter recording: upper ends of all bins but the last
    rates: tuple[float, ...]  # of false acceptance, falling
    # (bins, rates): the ratio that this share of wrong speakers reaches; None where too few speakers are behind it
    thresholds: tuple[tuple[float | None, ...], ...]
    about: dict  # where it comes from: corpora, speakers, trials, date, error rates
    # What earlier versions did not have:
    score_norm: str = NO_NORM  # of the scores that it was fitted on
    intervals: tuple[tuple[tuple[float, float] | None, ...], ...] | None = None  # (bins, rates): 95 % of each rate
    covariance: tuple[tuple[float, ...], ...] | None = None  # of the weights and the intercept, over speakers
    lowest: float | None = None  # what so few speakers can say: ratios beyond are not told
    highest: float | None = None

    @classmethod
    def from_json(cls, fields: dict) -> "Calibration":
        """As `as_json` gives it.

        Raises:
            TypeError, ValueError, KeyError: it is of another version.
        """
        values = {**fields, "thresholds": tuple(tuple(map(_optional, row)) for row in fields["thresholds"])}
        for name in ("weights", "bins", "rates"):
            values[name] = tuple(map(float, fields[name]))
        if (intervals := fields.get("intervals")) is not None:
            values["intervals"] = tuple(
                tuple(end and (float(end[0]), float(end[1])) for end in row) for row in intervals
            )
        if (covariance := fields.get("covariance")) is not None:
            values["covariance"] = tuple(tuple(map(float, row)) for row in covariance)
        calibration = cls(**values)
        calibration._check()
        return calibration

    def _check(self) -> None:
        expected = len(self.bins) + 1, len(self.rates)
        for name, rows in (("thresholds", self.thresholds), ("intervals", self.intervals)):
            if rows is not None and (len(rows), *{len(row) for row in rows}) != expected:
                raise ValueError(f"{name} of {len(rows)} rows instead of {expected[0]} by {expected[1]}")
        columns = len(self.weights) + 1
        if self.covariance is not None and np.shape(self.covariance) != (columns, columns):
            raise ValueError(f"a covariance of shape {np.shape(self.covariance)} for {columns} coefficients")
        if self.score_norm not in SCORE_NORMS:
            raise ValueError(f"scores normalised by {self.score_norm!r}")

    def as_json(self) -> dict:
        """The fields, fit for JSON."""
        return dataclasses.asdict(self)

    def log_likelihood_ratio(self, score: np.ndarray, seconds: np.ndarray, other_seconds: np.ndarray) -> np.ndarray:
        """How much likelier a score is between recordings of one speaker than between those of two.

        Args:
            score: of two embeddings, normalised as `score_norm` says, any shape.
            seconds, other_seconds: speech in the recordings behind the two, of a shape that fits.

        Returns:
            natural logarithms, in the shape of `score`; above 0 for one speaker; within what the calibration's
            speakers can tell.
        """
        return self.bounded(self.unbounded(score, seconds, other_seconds))

    def unbounded(self, score: np.ndarray, seconds: np.ndarray, other_seconds: np.ndarray) -> np.ndarray:
        """The same, also beyond what the speakers can tell: to say which of two is the more similar."""
        return self._columns(score, seconds, other_seconds) @ np.array(self.weights) + self.intercept

    def bounded(self, ratios: np.ndarray) -> np.ndarray:
        """Ratios no stronger than so few speakers can say.

        No ratio above n can be told from trials of n pairs of strangers: the one that would speak against it may not
        be among them (Vergeer et al., "Numerical likelihood ratios outputted by LR systems are often based on
        extrapolation: when to stop extrapolating?", Science & Justice 56, 2016).
        """
        if self.lowest is None or self.highest is None:
            return ratios
        return np.clip(ratios, self.lowest, self.highest)

    def interval(self, score: float, seconds: float, other_seconds: float) -> tuple[float, float] | None:
        """95 % of the log-likelihood ratio, had the calibration had other speakers; None where that is not known."""
        if self.covariance is None:
            return None
        given = np.append(self._columns(score, seconds, other_seconds), 1)
        middle = given @ np.append(self.weights, self.intercept)
        reach = Z * np.sqrt(max(given @ np.array(self.covariance) @ given, 0))
        low, high = self.bounded(np.array([middle - reach, middle + reach]))
        return float(low), float(high)

    def _columns(self, score: np.ndarray, seconds: np.ndarray, other_seconds: np.ndarray) -> np.ndarray:
        lengths = (np.clip(length, self.shortest, self.longest) for length in (seconds, other_seconds))
        return side_by_side(score, *lengths)

    def threshold(self, max_false_accept: float, seconds: float) -> float:
        """The ratio, also beyond the bounds, that the share `max_false_accept` of comparisons of two speakers reaches.

        Args:
            seconds: speech in the shorter of the two recordings.

        Raises:
            CalibrationError: the speakers were too few for that rate.
        """
        rates, row = self._told(seconds)
        if not rates[-1] <= max_false_accept <= rates[0]:
            raise CalibrationError(
                f"expected a rate of false acceptance from {rates[-1]:g} to {rates[0]:g} for each comparison, which is "
                f"what the calibration's speakers can tell. Received {max_false_accept:g}"
            )
        return float(np.interp(-np.log(max_false_accept), -np.log(rates), row))

    def rate_interval(self, max_false_accept: float, seconds: float) -> tuple[float, float] | None:
        """95 % of the share of two speakers who reach `threshold`, over speakers and corpora; None if not known."""
        if self.intervals is None:
            return None
        rates, _ = self._told(seconds)
        row = self.intervals[self._bin(seconds)][: len(rates)]
        at, places = -np.log(max_false_accept), -np.log(rates)
        low, high = (float(np.interp(at, places, [end[side] for end in row])) for side in (0, 1))
        return low, high

    def lowest_rate(self, seconds: float) -> float:
        """The lowest rate of false acceptance that the speakers can tell."""
        return self._told(seconds)[0][-1]

    def expected_errors(self, seconds: float) -> dict | None:
        """What verdicts at even odds are worth at that length, as `about` has it; None where that is not known."""
        ends = (*self.bins, None)
        for row in self.about.get("error_rates") or ():
            if row.get("up_to") == ends[self._bin(seconds)] and isinstance(row.get("miss"), dict):
                return row
        return None

    def _told(self, seconds: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Rates that can be told at that length, and their thresholds."""
        row = self.thresholds[self._bin(seconds)]
        told = [(rate, threshold) for rate, threshold in zip(self.rates, row) if threshold is not None]
        if not told:
            raise CalibrationError("the calibration's speakers are too few to tell any rate of false acceptance")
        rates, thresholds = zip(*told)
        return rates, thresholds

    def _bin(self, seconds: float) -> int:
        return int(np.searchsorted(self.bins, seconds, side="right"))


def side_by_side(score: np.ndarray, seconds: np.ndarray, other_seconds: np.ndarray) -> np.ndarray:
    """What the regression looks at, (..., 5): the score, the logarithms of the lengths, and products with the score.

    The lengths are ordered, so that it does not matter which recording comes first.
    """
    short, long = np.log(np.minimum(seconds, other_seconds)), np.log(np.maximum(seconds, other_seconds))
    return np.stack(np.broadcast_arrays(score, score * short, score * long, short, long), axis=-1)


def probability(log_likelihood_ratio: np.ndarray, prior: float) -> np.ndarray:
    """Bayes' rule: how probable one speaker is, given how probable it was before listening."""
    return 1 / (1 + np.exp(-(log_likelihood_ratio + log_odds(prior))))


def log_odds(prior: float) -> float:
    """Of a probability between 0 and 1."""
    return float(np.log(prior / (1 - prior)))


def _optional(value: float | None) -> float | None:
    return None if value is None else float(value)
