"""Log-likelihood ratios for the trials of an evaluation, by weights that never saw the speakers they judge."""

import dataclasses
from collections.abc import Sequence
from enum import Enum

import numpy as np

from corpus.recording import Speaker
from evaluation.balance import a_few_of_each
from evaluation.calibration_trials import Trials, joined
from evaluation.cross_validation import cross_validated, dealt
from evaluation.scored_set import ScoredSet
from inference.calibration import Calibration
from storage.errors import UserError

TRIALS_OF_EACH = 20  # speaker and pair, at each combination of lengths, to fit on


class RatiosBy(Enum):
    """Whose weights made the ratios."""

    CALIBRATION = "the network's calibration, which saw none of these speakers"
    CROSS_VALIDATION = "a calibration fitted anew for each trial, on speakers other than its two"
    NOBODY = "nobody: the speakers are too few, or too hard to tell apart, to calibrate on"


def with_ratios(
    sets: Sequence[ScoredSet], calibration: Calibration | None, calibrated_on: set[Speaker]
) -> tuple[list[ScoredSet], dict[str, RatiosBy]]:
    """Add log-likelihood ratios to the sets of all corpora and lengths.

    They are the calibration's, where there is one for such scores and none of the speakers was among its own; else
    they are cross-validated over these speakers (`evaluation.cross_validation`).

    Args:
        calibrated_on: speakers whom the calibration may have seen.

    Returns:
        the sets with ratios, as far as they can be made; and by whom, for each norm.
    """
    ratios: list[dict[str, np.ndarray]] = [{} for _ in sets]
    made_by = {}
    unseen = all(calibrated_on.isdisjoint(one.speakers) for one in sets)
    for norm in sets[0].scores:
        if calibration is not None and calibration.score_norm == norm and unseen:
            made_by[norm] = RatiosBy.CALIBRATION
            parts = [calibration.log_likelihood_ratio(one.scores[norm], *_lengths(one)) for one in sets]
        else:
            made_by[norm], parts = _cross_validated(sets, norm)
        for of_set, part in zip(ratios, parts):
            of_set[norm] = part
    return [dataclasses.replace(one, ratios=of_set) for one, of_set in zip(sets, ratios)], made_by


def _cross_validated(sets: Sequence[ScoredSet], norm: str) -> tuple[RatiosBy, list[np.ndarray]]:
    trials = calibration_trials(sets, norm)
    try:
        ratios = cross_validated(trials, dealt(trials), a_few_of_each(trials, TRIALS_OF_EACH))
    except UserError:
        return RatiosBy.NOBODY, []
    return RatiosBy.CROSS_VALIDATION, np.split(ratios, np.cumsum([len(one.first) for one in sets])[:-1])


def calibration_trials(sets: Sequence[ScoredSet], norm: str) -> Trials:
    """Join the trials of sets into those that a calibration is fitted on; a speaker has one number in all of them."""
    speakers = {speaker: number for number, speaker in enumerate(sorted({s for one in sets for s in one.speakers}))}
    sources = {source: number for number, source in enumerate(dict.fromkeys(one.source for one in sets))}
    parts = []
    for one in sets:
        numbers = np.array([speakers[speaker] for speaker in one.speakers])[one.owners]
        corpora = np.full(len(one.first), sources[one.source])
        shorter, longer = np.sort(np.stack(_lengths(one)), axis=0)
        first, second = numbers[one.first], numbers[one.second]
        parts.append(Trials(one.scores[norm], shorter, longer, one.same, one.across, first, second, corpora))
    return joined(parts)


def _lengths(one: ScoredSet) -> tuple[np.ndarray, np.ndarray]:
    return one.seconds[one.first], one.seconds[one.second]
