"""Two-way cross-validation over speakers: every trial is judged by weights that saw neither of its two speakers.

Halves of speakers would never judge a pair across the halves. So speakers are dealt into folds, and a trial between
folds i and j is judged by what was fitted on the trials whose speakers are both in other folds.
"""

from itertools import combinations_with_replacement

import numpy as np

from evaluation.balance import balanced_weights
from evaluation.calibration_trials import Trials, chosen
from evaluation.logistic import logistic_regression
from inference.likelihood_ratio import side_by_side
from storage.errors import UserError

FOLDS = 8
FEWEST_SPEAKERS = 10


def fitted(trials: Trials) -> np.ndarray:
    """Fit the coefficients of the log-likelihood ratio: those of `side_by_side`'s columns, and the intercept.

    Raises:
        UserError: all trials are of one speaker, or all of two, or similar recordings do not speak for one speaker.
    """
    weights = balanced_weights(trials)
    used = weights > 0
    if not used.any():
        raise UserError("too few trials to calibrate with: at no length are there some of one speaker and some of two")
    some = chosen(trials, used)
    coefficients = logistic_regression(side_by_side(some.scores, some.shorter, some.longer), some.same, weights[used])
    if not _rises(coefficients[:-1], some.shorter.min(), some.longer.max()):
        raise UserError("the scores of one speaker are not above those of two; train the network longer")
    return coefficients


def judged(trials: Trials, coefficients: np.ndarray) -> np.ndarray:
    """Compute the log-likelihood ratios of trials by the coefficients that were fitted, (trials,)."""
    return side_by_side(trials.scores, trials.shorter, trials.longer) @ coefficients[:-1] + coefficients[-1]


def dealt(trials: Trials, folds: int = FOLDS, seed: int = 0) -> np.ndarray:
    """Deal speakers into folds, shuffled and in turn within each corpus; returns each speaker's fold, (speakers,).

    Raises:
        UserError: there are too few speakers to judge any of them by weights fitted on others.
    """
    count = int(max(trials.first.max(), trials.second.max())) + 1
    corpus_of = np.zeros(count, np.int64)
    corpus_of[trials.second], corpus_of[trials.first] = trials.corpora, trials.corpora
    if count < FEWEST_SPEAKERS:
        raise UserError(f"too few speakers to calibrate with: {count}; {FEWEST_SPEAKERS} or more are wanted")
    order = np.random.default_rng(seed).permutation(count)
    order = order[np.argsort(corpus_of[order], kind="stable")]
    folds_of = np.empty(count, np.int64)
    folds_of[order] = np.arange(count) % folds
    return folds_of


def cross_validated(trials: Trials, folds_of: np.ndarray, fitted_on: np.ndarray | None = None) -> np.ndarray:
    """Compute the log-likelihood ratio of each trial by weights that saw neither of its speakers, (trials,).

    Args:
        folds_of: each speaker's fold, (speakers,), as `dealt` gives it.
        fitted_on: rows of trials to fit on, where some stand for all.

    Raises:
        UserError: `fitted` refuses the trials of the speakers who are left when two folds are taken away.
    """
    first, second = folds_of[trials.first], folds_of[trials.second]
    some = np.arange(len(first)) if fitted_on is None else fitted_on
    ratios = np.full(len(first), np.nan)
    for i, j in combinations_with_replacement(range(folds_of.max() + 1), 2):
        tested = ((first == i) & (second == j)) | ((first == j) & (second == i))
        if tested.any():
            others = some[~np.isin(first[some], (i, j)) & ~np.isin(second[some], (i, j))]
            ratios[tested] = judged(chosen(trials, tested), fitted(chosen(trials, others)))
    return ratios


def without_own_corpus(trials: Trials) -> np.ndarray:
    """Compute the log-likelihood ratio of each trial by weights fitted on the other corpora, (trials,).

    The ratios stand for those of recordings of a kind that the calibration never saw. They are NaN where nothing can be
    fitted on the other corpora.
    """
    ratios = np.full(len(trials.scores), np.nan)
    for corpus in np.unique(trials.corpora):
        in_corpus = trials.corpora == corpus
        if in_corpus.all():
            break
        try:
            ratios[in_corpus] = judged(chosen(trials, in_corpus), fitted(chosen(trials, ~in_corpus)))
        except UserError:
            continue
    return ratios


def _rises(weights: np.ndarray, shortest: float, longest: float) -> bool:
    """Whether the ratio rises with the score, whatever the lengths; it is linear, so the extreme lengths suffice."""
    corners = np.array([(shortest, shortest), (shortest, longest), (longest, longest)])
    low, high = (side_by_side(np.full(len(corners), score), *corners.T) @ weights for score in (0.0, 1.0))
    return bool((high > low).all())
