"""Scores of verification trials between embeddings, and the measures of them that the field uses."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.jackknife import Kind, Statistic, estimates
from evaluation.metrics import bayes_threshold, crossing, detection_cost, least_cost, lowest_cost, surprise
from inference.cohort import COSINES, Scoring, normalised
from inference.estimate import Estimate

PRIORS = (0.01, 0.05)  # of a target, for minDCF and actDCF: those of NIST's SRE16 and of VoxSRC
SCORED_AT_ONCE = 1 << 16  # trials, to bound the memory


def minimum_cost_name(prior: float) -> str:
    """Return what the minDCF for a prior is called among results."""
    return f"min_dcf_{prior:g}"


def actual_cost_name(prior: float) -> str:
    """Return what the actDCF for a prior is called among results."""
    return f"act_dcf_{prior:g}"


EER, CLLR, MIN_CLLR = "eer", "cllr", "min_cllr"
OF_SCORES = {EER: Kind.SHARE, **dict.fromkeys(map(minimum_cost_name, PRIORS), Kind.LEAST_COST)}
OF_RATIOS = {**dict.fromkeys((*map(actual_cost_name, PRIORS), CLLR), Kind.COST), MIN_CLLR: Kind.LEAST_COST}
DETECTION_MEASURES = {**OF_SCORES, **OF_RATIOS}


@dataclass(frozen=True)
class ScoredTrials:
    """Trials by their score and their two speakers; a target trial has the same speaker twice."""

    scores: np.ndarray  # (trials,) float, cosines or normalised
    first: np.ndarray  # (trials,) int64, a speaker's number
    second: np.ndarray  # (trials,) int64
    ratios: np.ndarray | None = None  # (trials,) natural logarithms of likelihood ratios, where there are any

    @property
    def same(self) -> np.ndarray:
        """Which trials are of one speaker, (trials,) bool."""
        return self.first == self.second

    @property
    def targets(self) -> int:
        """How many trials are of one speaker."""
        return int(self.same.sum())

    @property
    def nontargets(self) -> int:
        """How many trials are of two speakers."""
        return len(self.scores) - self.targets

    def numbered(self, speakers: np.ndarray) -> "ScoredTrials":
        """Return the same trials with each speaker's place in `speakers`, sorted numbers, as the number."""
        first, second = (np.searchsorted(speakers, side) for side in (self.first, self.second))
        return ScoredTrials(self.scores, first, second, self.ratios)

    def chosen(self, rows: np.ndarray) -> "ScoredTrials":
        """Return some of the trials, chosen by a mask, (trials,) bool, or by their rows."""
        ratios = None if self.ratios is None else self.ratios[rows]
        return ScoredTrials(self.scores[rows], self.first[rows], self.second[rows], ratios)


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
    numbers = np.asarray(speakers)
    return ScoredTrials(scores_of(embeddings, first, second, scoring), numbers[first], numbers[second])


def score_all_pairs(embeddings: np.ndarray, speakers: ArrayLike, scoring: Scoring = COSINES) -> ScoredTrials:
    """Score every pair of different utterances once; arguments as for `score_pairs`."""
    return score_pairs(embeddings, speakers, *np.triu_indices(len(embeddings), k=1), scoring)


def scores_of(
    embeddings: np.ndarray, first: np.ndarray, second: np.ndarray, scoring: Scoring = COSINES
) -> NDArray[np.floating]:
    """Return the score of each trial, (trials,); arguments as for `score_pairs`."""
    statistics = scoring.statistics(embeddings)
    parts = (slice(start, start + SCORED_AT_ONCE) for start in range(0, len(first), SCORED_AT_ONCE))
    scores = [_scores(embeddings, statistics, first[part], second[part]) for part in parts]
    return np.concatenate(scores) if scores else np.zeros(0)


def _scores(
    embeddings: np.ndarray, statistics: np.ndarray | None, first: np.ndarray, second: np.ndarray
) -> NDArray[np.floating]:
    cosines = np.einsum("td,td->t", embeddings[first], embeddings[second])
    if statistics is None:
        return normalised(cosines, None, None)
    return normalised(cosines, statistics[first], statistics[second])


def largest_cost(measure: str) -> float:
    """Return what a measure can be at most: of actDCF, the cost of accepting everything, or of refusing it."""
    bounds = {actual_cost_name(prior): max(prior, 1 - prior) / min(prior, 1 - prior) for prior in PRIORS}
    return bounds.get(measure, np.inf)


def measured(trials: ScoredTrials, speakers: int) -> dict[str, Estimate]:
    """Return the measures of trials with their intervals over speakers, by their names in `DETECTION_MEASURES`.

    Args:
        speakers: how many there are, by whose numbers the trials name them.

    Raises:
        ValueError: there is no target or no non-target trial.
    """
    kinds = measures_of(trials)
    found = zip(kinds, estimates(detection_statistic(trials, speakers), speakers, list(kinds.values())))
    return {name: dataclasses.replace(one, high=min(one.high, largest_cost(name))) for name, one in found}


def measures_of(trials: ScoredTrials) -> Mapping[str, Kind]:
    """Return the measures that `detection_statistic` gives of trials: those of ratios only where there are any."""
    return OF_SCORES if trials.ratios is None else DETECTION_MEASURES


def detection_statistic(trials: ScoredTrials, speakers: int) -> Statistic:
    """Return a function from which speakers are kept, (speakers,) bool, to the measures of `measures_of`.

    A trial counts if both its speakers are kept. All are NaN where no target or no non-target trial is left.

    What a threshold misses only changes at a target's score, so the counts of trials at each such score, and between
    two of them, say all; to leave a speaker out, only that speaker's trials are counted.

    Raises:
        ValueError: there is no target or no non-target trial at all, or a score is not a number.
    """
    curve = _Counts(trials.scores, trials.same)
    of_ratios = None if trials.ratios is None else _RatioSums(trials.ratios, trials.same)
    by_speaker = _trials_of_each(trials, speakers)

    def statistic(kept: np.ndarray) -> np.ndarray:
        left_out = [by_speaker[speaker] for speaker in np.flatnonzero(~kept)]
        rows = np.unique(np.concatenate(left_out)) if len(left_out) > 1 else (left_out or [np.zeros(0, np.int64)])[0]
        miss, false_alarm = curve.rates_without(rows)
        if np.isnan(miss[-1]):
            return np.full(len(OF_SCORES if of_ratios is None else DETECTION_MEASURES), np.nan)
        of_scores = [crossing(miss, false_alarm), *(lowest_cost(miss, false_alarm, prior) for prior in PRIORS)]
        if of_ratios is None:
            return np.array(of_scores)
        return np.array([*of_scores, *of_ratios.costs_without(rows)])

    return statistic


def _trials_of_each(trials: ScoredTrials, speakers: int) -> list[np.ndarray]:
    """Return the rows of each speaker's trials, each once."""
    crossed = np.flatnonzero(~trials.same)
    rows = np.concatenate([np.arange(len(trials.first)), crossed])
    owners = np.concatenate([trials.first, trials.second[crossed]])
    order = np.argsort(owners, kind="stable")
    return np.split(rows[order], np.cumsum(np.bincount(owners, minlength=speakers))[:-1])


class _Counts:
    """How many trials of each kind have each target's score, or lie between two of them."""

    def __init__(self, scores: np.ndarray, same: np.ndarray):
        if same.all() or not same.any():
            raise ValueError(f"expected target and non-target scores. Received {same.sum()} and {(~same).sum()}")
        if np.isnan(scores).any():
            raise ValueError("expected numbers as scores. Received NaN; did an embedding have length 0?")
        thresholds = np.unique(scores[same])
        self._same = same
        self._slots = np.searchsorted(thresholds, scores, "left") + np.searchsorted(thresholds, scores, "right")
        self._size = 2 * len(thresholds) + 1  # in turn what lies between two thresholds, and what is on one
        self._all = self._counted(np.arange(len(scores)))

    def _counted(self, rows: np.ndarray) -> np.ndarray:
        """Count targets and non-targets in each slot, (2, slots)."""
        slots, same = self._slots[rows], self._same[rows]
        return np.stack([np.bincount(slots[kind], minlength=self._size) for kind in (same, ~same)])

    def rates_without(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return misses and false alarms as the threshold rises, (slots + 1,) each, NaN where a kind has no trial."""
        counts = self._all - self._counted(rows)
        below = np.concatenate([np.zeros((2, 1), np.int64), np.cumsum(counts, axis=1)], axis=1)
        if not below[:, -1].all():
            return np.full(below.shape[1], np.nan), np.full(below.shape[1], np.nan)
        miss, refused = below / below[:, -1:]
        return miss, 1 - refused


class _RatioSums:
    """What ratios cost at their own thresholds, summed so that trials can be taken away."""

    def __init__(self, ratios: np.ndarray, same: np.ndarray):
        self._curve, self._same = _Counts(ratios, same), same
        accepted = np.stack([ratios >= bayes_threshold(prior) for prior in PRIORS])
        self._terms = np.stack([np.ones(len(ratios)), surprise(ratios, same), *(accepted != same)])
        self._all = self._summed(np.arange(len(ratios)))

    def _summed(self, rows: np.ndarray) -> np.ndarray:
        """Sum counts, bits and errors over targets and over non-targets, (2, 2 + priors)."""
        terms, same = self._terms[:, rows], self._same[rows]
        return np.stack([terms[:, kind].sum(axis=1) for kind in (same, ~same)])

    def costs_without(self, rows: np.ndarray) -> list[float]:
        """Return the measures of `OF_RATIOS`."""
        sums = self._all - self._summed(rows)
        (miss_bits, *misses), (false_alarm_bits, *false_alarms) = sums[:, 1:] / sums[:, :1]
        actual = [float(detection_cost(*rates)) for rates in zip(misses, false_alarms, PRIORS)]
        return [*actual, float(miss_bits + false_alarm_bits) / 2, least_cost(*self._curve.rates_without(rows))]
