"""The trials that a network gets most wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cache.index import Utterance
from evaluation.report.scores import equal_error_threshold, main_scores, ratios_of
from evaluation.report.shown import shown
from evaluation.scored_set import ScoredSet

MOST_TRIALS = 10


class Side(NamedTuple):
    """One of the two utterances of a trial."""

    utterance: Utterance
    speaker: str  # fit to be shown
    seconds: float  # of speech


@dataclass(frozen=True)
class WorstTrial:
    """A trial, and by how much it is on the wrong side."""

    source: str
    same: bool  # whether it is of one speaker
    cost: float  # the higher, the more wrong; 0 in the middle
    beyond: float  # how far the score is beyond the threshold of equal errors, in standard deviations
    score: float
    ratio: float | None  # natural logarithm; None if the network is not calibrated
    sides: tuple[Side, ...]  # the two

    @property
    def truth(self) -> str:
        """Who speaks, in words."""
        return "one speaker" if self.same else "two speakers"

    @property
    def judged(self) -> str:
        """What the network makes of it, in words."""
        return "one" if self.same == (self.cost <= 0) else "two"


def worst_trials(sets: Sequence[ScoredSet]) -> list[WorstTrial]:
    """Return the trials with the highest cost of all sets, worst first.

    The cost is the log-likelihood ratio against the truth, and where one of the sets is not calibrated, how far the
    score is beyond the threshold of equal errors. The latter also decides among ratios at the calibration's limit.

    Args:
        sets: one of each source, with trials of both kinds.
    """
    calibrated = all(ratios_of(scored) is not None for scored in sets)
    worst = [trial for scored in sets for trial in _of_set(scored, calibrated)]
    return sorted(worst, key=lambda trial: (-trial.cost, -trial.beyond))[:MOST_TRIALS]


def _of_set(scored: ScoredSet, calibrated: bool) -> list[WorstTrial]:
    scores, ratios = main_scores(scored), ratios_of(scored)
    against = np.where(scored.same, -1, 1)
    beyond = against * (scores - equal_error_threshold(scored)) / (scores.std() or 1)
    costs = against * ratios if calibrated and ratios is not None else beyond
    rows = np.lexsort((-beyond, -costs))[:MOST_TRIALS]
    return [
        WorstTrial(
            source=scored.source,
            same=bool(scored.same[row]),
            cost=float(costs[row]),
            beyond=float(beyond[row]),
            score=float(scores[row]),
            ratio=None if ratios is None else float(ratios[row]),
            sides=(_side(scored, scored.first[row]), _side(scored, scored.second[row])),
        )
        for row in rows
    ]


def _side(scored: ScoredSet, row: int) -> Side:
    return Side(scored.utterances[row], shown(str(scored.speakers[scored.owners[row]])), float(scored.seconds[row]))
