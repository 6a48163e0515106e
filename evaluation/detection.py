"""Verification trials between embeddings, and their EER and minDCF."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.metrics import ErrorCurve, crossing, lowest_cost
from inference.cohort import Scoring, normalised

PRIORS = (0.01, 0.05)  # of a target, for minDCF: those of NIST's SRE16 and of VoxSRC
SCORED_AT_ONCE = 1 << 16  # trials, to bound the memory
COSINES = Scoring(None)


def minimum_cost_name(prior: float) -> str:
    """Return what the minDCF for a prior is called among results."""
    return f"min_dcf_{prior:g}"


DETECTION_MEASURES = ("eer", *map(minimum_cost_name, PRIORS))


@dataclass(frozen=True)
class ScoredTrials:
    """Trials by their score and their two speakers; a target trial has the same speaker twice."""

    scores: np.ndarray  # (trials,) float, cosines or normalised
    first: np.ndarray  # (trials,) int64, a speaker's number
    second: np.ndarray  # (trials,) int64

    @property
    def targets(self) -> int:
        """How many trials are of one speaker."""
        return int((self.first == self.second).sum())

    @property
    def nontargets(self) -> int:
        """How many trials are of two speakers."""
        return len(self.scores) - self.targets

    def chosen(self, rows: np.ndarray) -> "ScoredTrials":
        """Return some of the trials, chosen by a mask, (trials,) bool, or by their rows."""
        return ScoredTrials(self.scores[rows], self.first[rows], self.second[rows])


def score_pairs(
    embeddings: np.ndarray,
    speakers: ArrayLike,
    first: np.ndarray,
    second: np.ndarray,
    scoring: Scoring = COSINES,
) -> ScoredTrials:
    """Score trials, each of which compares an utterance of `first` with that of `second`.

    Args:
        embeddings: (utterances, d), rows of length 1.
        speakers: number of each utterance's speaker, (utterances,) int, from 0.
        first, second: the utterances' rows, (trials,) each.
        scoring: how to compare the embeddings.
    """
    parts = (slice(start, start + SCORED_AT_ONCE) for start in range(0, len(first), SCORED_AT_ONCE))
    statistics = scoring.statistics(embeddings)
    scores = [_scores(embeddings, statistics, first[part], second[part]) for part in parts]
    numbers = np.asarray(speakers)
    return ScoredTrials(np.concatenate(scores), numbers[first], numbers[second])


def score_all_pairs(embeddings: np.ndarray, speakers: ArrayLike, scoring: Scoring = COSINES) -> ScoredTrials:
    """Score every pair of different utterances once; arguments as for `score_pairs`."""
    return score_pairs(embeddings, speakers, *np.triu_indices(len(embeddings), k=1), scoring)


def _scores(
    embeddings: np.ndarray, statistics: np.ndarray | None, first: np.ndarray, second: np.ndarray
) -> NDArray[np.floating]:
    cosines = np.einsum("td,td->t", embeddings[first], embeddings[second])
    if statistics is None:
        return normalised(cosines, None, None)
    return normalised(cosines, statistics[first], statistics[second])


def detection_statistic(trials: ScoredTrials) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from how often each speaker was drawn, (speakers,), to `DETECTION_MEASURES`.

    A trial counts as often as its speaker was drawn, one of two speakers as often as the product; with ones throughout,
    these are the plain values. All are NaN where a draw leaves no target or no non-target trial.

    Raises:
        ValueError: there is no target or no non-target trial at all.
    """
    order = np.argsort(trials.scores, kind="stable")  # sorted, the curve finds its trials side by side in memory
    scores, first, second = trials.scores[order], trials.first[order], trials.second[order]
    same = first == second
    curve = ErrorCurve(scores[same], scores[~same])
    target_speaker = first[same]
    pairs, pair = np.unique(np.stack([first[~same], second[~same]]), axis=1, return_inverse=True)

    def statistic(times: np.ndarray) -> np.ndarray:
        rates = curve.rates(times[target_speaker], (times[pairs[0]] * times[pairs[1]])[pair])
        return np.array([crossing(*rates), *(lowest_cost(*rates, prior) for prior in PRIORS)])

    return statistic
