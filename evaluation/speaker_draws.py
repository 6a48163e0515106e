"""Compute shares of trials, taken over speakers, with intervals over speakers and corpora.

What is drawn anew, with replacement, are the corpora, and in each its speakers with all their trials: the next
recordings will be of other people, and of another kind. (Davison & Hinkley, "Bootstrap Methods and their Application",
1997, section 3.8, of hierarchical data; a pair counts by the product of its speakers' counts, see `bootstrap`.)
"""

import numpy as np

from evaluation.bootstrap import RESAMPLES
from evaluation.calibration_trials import Trials
from evaluation.metrics import CONFIDENCE
from inference.estimate import Estimate


class SpeakerDraws:
    """The trials of each speaker and each pair of speakers taken together, and `RESAMPLES` draws of them."""

    def __init__(self, trials: Trials, weights: np.ndarray, seed: int = 0):
        """Draw corpora and speakers; `weights` say how much each trial counts, (trials,)."""
        speakers = int(max(trials.first.max(), trials.second.max())) + 1
        self._weights = weights
        key = trials.first.astype(np.int64) * speakers + trials.second
        _, at, self.unit = np.unique(key, return_index=True, return_inverse=True)
        self.first, self.second, self.corpora = trials.first[at], trials.second[at], trials.corpora[at]
        corpus_of = np.zeros(speakers, np.int64)
        corpus_of[self.first], corpus_of[self.second] = self.corpora, self.corpora
        rng = np.random.default_rng(seed)
        self.corpus_times = _drawn(rng, np.arange(corpus_of.max() + 1))  # (draws, corpora)
        times = np.zeros((RESAMPLES, speakers), np.int64)
        for corpus in np.unique(corpus_of):
            members = np.flatnonzero(corpus_of == corpus)
            times[:, members] = _drawn(rng, members)
        one_speaker = self.first == self.second
        self.times = times[:, self.first] * np.where(one_speaker, 1, times[:, self.second])  # (draws, units)

    def share(self, hits: np.ndarray, among: np.ndarray, corpus: int | None = None) -> Estimate:
        """Return which share of the weight of some trials is that of hits; NaN if there are no trials.

        Corpora keep their weights, whichever of their speakers are drawn. Where there is no hit, or no miss, at all,
        the other end of the interval is that of the rule of three, over the speakers: none in n means up to 3.7 in n.

        Args:
            hits: which trials are hits, (trials,) bool.
            among: which trials the share is taken of, (trials,) bool.
            corpus: number of the only one that counts; then its speakers are drawn, and corpora are not.
        """
        among = among if corpus is None else among & (self.corpora[self.unit] == corpus)
        mass, hit = (np.bincount(self.unit, self._weights * kind, len(self.first)) for kind in (among, among & hits))
        corpora = np.unique(self.corpora[mass > 0])
        if not len(corpora):
            return Estimate(np.nan, np.nan, np.nan)
        in_corpus = self.corpora[:, None] == corpora[None]  # (units, corpora)
        totals = mass @ in_corpus
        value = float((hit @ in_corpus).sum() / totals.sum())
        with np.errstate(invalid="ignore"):
            rates = (self.times @ (hit[:, None] * in_corpus)) / (
                self.times @ (mass[:, None] * in_corpus)
            )  # (draws, corpora)
        drawn = totals * (self.corpus_times[:, corpora] if corpus is None else 1) * ~np.isnan(rates)
        with np.errstate(invalid="ignore"):
            values = (drawn * np.nan_to_num(rates)).sum(axis=1) / drawn.sum(axis=1)
        low, high = np.nanquantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        speakers = len(np.union1d(self.first[mass > 0], self.second[mass > 0]))
        rule = 1 - ((1 - CONFIDENCE) / 2) ** (1 / speakers)
        low, high = min(low, 1 - rule) if value == 1 else low, max(high, rule) if value == 0 else high
        return Estimate(value, float(low), float(high))

    def effective_units(self, hits: np.ndarray) -> float:
        """Return among how many speakers or pairs the weight of hits (trials,) is divided; 1 if one pair has all of it.

        (Kish, "Survey Sampling", 1965: the square of the sum over the sum of squares.)
        """
        by_unit = np.bincount(self.unit, self._weights * hits)
        return float(by_unit.sum() ** 2 / np.square(by_unit).sum())

    def coefficient_covariance(self, design: np.ndarray, residuals: np.ndarray, curvatures: np.ndarray) -> np.ndarray:
        """Return how the coefficients of a weighted logistic regression vary from draw to draw, (columns, columns).

        The coefficients of a draw are one step of Newton's method from those of all trials (the one-step bootstrap,
        Davison & Hinkley, section 7.3), which needs no more of a speaker or a pair than sums over their trials.

        Args:
            design: (trials, columns), the intercept's ones among them.
            residuals, curvatures: (trials,), of the regression: `same - p`, and `p (1 - p)`.
        """
        count, columns = len(self.first), design.shape[1]
        weights = self._weights * residuals, self._weights * curvatures
        sums = np.stack([np.bincount(self.unit, weights[0] * column, count) for column in design.T], axis=1)
        seconds = np.empty((count, columns, columns))
        for row in range(columns):
            for column in range(row, columns):
                of_units = np.bincount(self.unit, weights[1] * design[:, row] * design[:, column], count)
                seconds[:, row, column] = seconds[:, column, row] = of_units
        times = self.times * self.corpus_times[:, self.corpora] * self._kept_in_balance()
        gradients, hessians = times @ sums, np.einsum("du,uij->dij", times, seconds)
        steps = [np.linalg.lstsq(hessian, gradient)[0] for hessian, gradient in zip(hessians, gradients)]
        return np.cov(np.array(steps), rowvar=False)

    def _kept_in_balance(self) -> np.ndarray:
        """Return factors that give a corpus's speakers, and its pairs, the same weight in each draw, (draws, units)."""
        one_speaker = self.first == self.second
        mass = np.bincount(self.unit, self._weights, len(self.first))
        factors = np.zeros(self.times.shape)
        for corpus in np.unique(self.corpora):
            for kind in (True, False):
                units = (self.corpora == corpus) & (one_speaker == kind)
                drawn = self.times[:, units] @ mass[units]
                factors[:, units] = np.divide(mass[units].sum(), drawn, out=np.zeros(len(drawn)), where=drawn > 0)[
                    :, None
                ]
        return factors


def _drawn(rng: np.random.Generator, among: np.ndarray) -> np.ndarray:
    """Draw as many of some items as there are, with replacement; returns how often each was drawn, (draws, n)."""
    picked = rng.integers(0, len(among), (RESAMPLES, len(among)))
    return np.stack([np.bincount(row, minlength=len(among)) for row in picked])
