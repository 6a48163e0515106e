"""Compute shares of trials, taken over speakers, with intervals over speakers and corpora.

What is drawn anew, with replacement, are the corpora, and in each its speakers with all their trials: the next
recordings will be of other people, and of another kind. (Davison & Hinkley, "Bootstrap Methods and their Application",
1997, section 3.8, of hierarchical data.) A pair of speakers counts as often as the product of how often both were
drawn (Snijders & Borgatti, "Non-parametric standard errors and tests for network statistics", Connections 22, 1999,
where a speaker drawn twice is another one, too; here nobody is compared with himself as with another). What the draws
give are standard errors, and the intervals are those of `evaluation.jackknife`, which hold for few speakers.
"""

import numpy as np

from evaluation.calibration_trials import Trials
from evaluation.jackknife import students_quantile, wilson_of_effective
from inference.estimate import Estimate

RESAMPLES = 1000  # of speakers; standard errors are good to 2 % with so many


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

        Corpora keep their weights, whichever of their speakers are drawn.

        Args:
            hits: which trials are hits, (trials,) bool.
            among: which trials the share is taken of, (trials,) bool.
            corpus: number of the only one that counts; then its speakers are drawn, and corpora are not.
        """
        among = among if corpus is None else among & (self.corpora[self.unit] == corpus)
        units = np.bincount(self.unit, self._weights * among, len(self.first)) > 0
        if not units.any():
            return Estimate(np.nan, np.nan, np.nan)
        value = float(np.average(hits[among], weights=self._weights[among]))
        within = self.variance(hits, among, between_corpora=False)
        whole = within if corpus is not None else self.variance(hits, among)
        speakers = len(np.union1d(self.first[units], self.second[units]))
        degrees = _degrees(within, max(whole - within, 0), speakers, len(np.unique(self.corpora[units])))
        return Estimate(value, *wilson_of_effective(value, whole**0.5, students_quantile(degrees), speakers))

    def variance(self, hits: np.ndarray, among: np.ndarray, between_corpora: bool = True) -> float:
        """Return how the share of hits among some trials, see `share`, varies from draw to draw.

        Args:
            between_corpora: whether corpora are drawn, too; otherwise only the speakers in each.
        """
        mass, hit = (np.bincount(self.unit, self._weights * kind, len(self.first)) for kind in (among, among & hits))
        corpora = np.unique(self.corpora[mass > 0])
        in_corpus = self.corpora[:, None] == corpora[None]  # (units, corpora)
        with np.errstate(invalid="ignore"):
            rates = (self.times @ (hit[:, None] * in_corpus)) / (self.times @ (mass[:, None] * in_corpus))
        weights = mass @ in_corpus * (self.corpus_times[:, corpora] if between_corpora else 1) * ~np.isnan(rates)
        with np.errstate(invalid="ignore"):
            return float(np.nanvar((weights * np.nan_to_num(rates)).sum(axis=1) / weights.sum(axis=1)))

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


def _degrees(within: float, between: float, speakers: int, corpora: int) -> float:
    """Return the degrees of freedom of a variance that comes from speakers within corpora, and from corpora.

    (Satterthwaite, "An approximate distribution of estimates of variance components", Biometrics Bulletin 2, 1946.)
    """
    if within + between == 0:
        return max(speakers - 1, 1)
    of_parts = within**2 / max(speakers - corpora, 1) + (between**2 / (corpora - 1) if between else 0)
    return (within + between) ** 2 / of_parts


def _drawn(rng: np.random.Generator, among: np.ndarray) -> np.ndarray:
    """Draw as many of some items as there are, with replacement; returns how often each was drawn, (draws, n)."""
    picked = rng.integers(0, len(among), (RESAMPLES, len(among)))
    return np.stack([np.bincount(row, minlength=len(among)) for row in picked])
