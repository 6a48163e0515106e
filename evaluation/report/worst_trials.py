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

    The cost is the log-likelihood ratio against the truth; where one of the sets is not calibrated, the distance from
    the threshold of equal errors, in standard deviations of the set's scores.

    Args:
        sets: one of each source, with trials of both kinds.
    """
    calibrated = all(ratios_of(scored) is not None for scored in sets)
    worst = [trial for scored in sets for trial in _of_set(scored, calibrated)]
    return sorted(worst, key=lambda trial: (-trial.cost, trial.source, *(side.utterance.key for side in trial.sides)))[
        :MOST_TRIALS
    ]


def _of_set(scored: ScoredSet, calibrated: bool) -> list[WorstTrial]:
    scores, ratios = main_scores(scored), ratios_of(scored)
    if calibrated and ratios is not None:
        evidence = ratios
    else:
        evidence = (scores - equal_error_threshold(scored)) / (scores.std() or 1)
    costs = np.where(scored.same, -evidence, evidence)
    rows = np.argsort(-costs, kind="stable")[:MOST_TRIALS]
    return [_trial(scored, int(row), float(costs[row])) for row in rows]


def _trial(scored: ScoredSet, row: int, cost: float) -> WorstTrial:
    sides = tuple(
        Side(scored.utterances[at], shown(str(scored.speakers[scored.owners[at]])), float(scored.seconds[at]))
        for at in (scored.first[row], scored.second[row])
    )
    ratios = ratios_of(scored)
    ratio, score = None if ratios is None else float(ratios[row]), float(main_scores(scored)[row])
    return WorstTrial(scored.source, bool(scored.same[row]), cost, score, ratio, sides)
