"""From cosines to log-likelihood ratios.

A cosine of 0.6 means one thing between two long recordings and another between two short ones, so the lengths go in
beside it (quality measures, after Brümmer et al., "Fusion of heterogeneous speaker recognition systems", 2007, and
Mandasari et al., "Quality measure functions for calibration of speaker recognition systems", 2013). The weights come
from logistic regression on trials of speakers that the network never heard: evaluation/calibrate.py.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np

from storage.errors import UserError


class CalibrationError(UserError):
    """The calibration can't say what was asked of it; the message says why."""


@dataclass(frozen=True)
class Calibration:
    """What turns a network's cosines into log-likelihood ratios; travels in the exported network's metadata."""

    intercept: float
    weights: tuple[float, ...]  # of what `side_by_side` gives
    shortest: float  # s of speech: lengths outside of what the trials had count as these
    longest: float  # s
    bins: tuple[float, ...]  # s of the shorter recording: upper ends of all bins but the last
    rates: tuple[float, ...]  # of false acceptance, falling
    thresholds: tuple[tuple[float, ...], ...]  # (bins, rates): the ratio that this share of wrong speakers reaches
    about: dict  # where it comes from: corpora, speakers, trials, date, error rates

    @classmethod
    def from_json(cls, fields: dict) -> "Calibration":
        """As `as_json` gives it.

        Raises:
            TypeError, ValueError: it is of another version.
        """
        values = {**fields, "thresholds": tuple(tuple(map(float, row)) for row in fields["thresholds"])}
        for name in ("weights", "bins", "rates"):
            values[name] = tuple(map(float, fields[name]))
        calibration = cls(**values)
        expected = len(calibration.bins) + 1, len(calibration.rates)
        if np.shape(calibration.thresholds) != expected:
            raise ValueError(f"thresholds of shape {np.shape(calibration.thresholds)} instead of {expected}")
        return calibration

    def as_json(self) -> dict:
        """The fields, fit for JSON."""
        return dataclasses.asdict(self)

    def log_likelihood_ratio(self, cosine: np.ndarray, seconds: np.ndarray, other_seconds: np.ndarray) -> np.ndarray:
        """How much likelier a cosine is between recordings of one speaker than between those of two.

        Args:
            cosine: of two embeddings, any shape.
            seconds, other_seconds: speech in the recordings behind the two, of a shape that fits.

        Returns:
            natural logarithms, in the shape of `cosine`; above 0 for one speaker.
        """
        lengths = (np.clip(length, self.shortest, self.longest) for length in (seconds, other_seconds))
        return side_by_side(cosine, *lengths) @ np.array(self.weights) + self.intercept

    def threshold(self, max_false_accept: float, seconds: float) -> float:
        """The ratio that the share `max_false_accept` of comparisons of two speakers exceeds.

        Args:
            seconds: speech in the shorter of the two recordings.

        Raises:
            CalibrationError: the trials were too few for that rate.
        """
        if not self.rates[-1] <= max_false_accept <= self.rates[0]:
            raise CalibrationError(
                f"expected a rate of false acceptance from {self.rates[-1]:g} to {self.rates[0]:g} for each "
                f"comparison, which is what the calibration's trials can tell. Received {max_false_accept:g}"
            )
        row = self.thresholds[int(np.searchsorted(self.bins, seconds, side="right"))]
        return float(np.interp(-np.log(max_false_accept), -np.log(self.rates), row))


def side_by_side(cosine: np.ndarray, seconds: np.ndarray, other_seconds: np.ndarray) -> np.ndarray:
    """What the regression looks at, (..., 5): the cosine, the logarithms of the lengths, and products with the cosine.

    The lengths are ordered, so that it does not matter which recording comes first.
    """
    short, long = np.log(np.minimum(seconds, other_seconds)), np.log(np.maximum(seconds, other_seconds))
    return np.stack(np.broadcast_arrays(cosine, cosine * short, cosine * long, short, long), axis=-1)


def probability(log_likelihood_ratio: np.ndarray, prior: float) -> np.ndarray:
    """Bayes' rule: how probable one speaker is, given how probable it was before listening."""
    return 1 / (1 + np.exp(-(log_likelihood_ratio + log_odds(prior))))


def log_odds(prior: float) -> float:
    """Of a probability between 0 and 1."""
    return float(np.log(prior / (1 - prior)))
