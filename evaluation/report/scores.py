"""The scores that a report is about, and what there is to say of them."""

import numpy as np
from sklearn.metrics import det_curve

from evaluation.scored_set import ScoredSet
from inference.cohort import AS_NORM, NO_NORM


def score_norm(scored: ScoredSet) -> str:
    """Return which of the scores count: those normalised by a cohort, where there are any."""
    return AS_NORM if AS_NORM in scored.scores else NO_NORM


def main_scores(scored: ScoredSet) -> np.ndarray:
    """Return these scores, (trials,)."""
    return scored.scores[score_norm(scored)]


def ratios_of(scored: ScoredSet) -> np.ndarray | None:
    """Return the log-likelihood ratios of these scores, natural logarithms (trials,); None if there are none."""
    return scored.ratios.get(score_norm(scored))


def has_both_kinds(scored: ScoredSet) -> bool:
    """Whether there are trials of one speaker, and of two."""
    return bool(scored.same.any() and not scored.same.all())


def equal_error_threshold(scored: ScoredSet) -> float:
    """Return the score at which misses and false alarms are as equal as they get."""
    false_alarms, misses, thresholds = det_curve(scored.same, main_scores(scored))
    return float(thresholds[np.argmin(np.abs(false_alarms - misses))])
