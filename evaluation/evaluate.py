"""Evaluate a network: embed, score, calibrate and measure trials."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cache.utterances import UtteranceCache
from corpus.recording import Speaker
from corpus.speakers import trained_on
from evaluation.cuts import CUTS
from evaluation.jackknife import ADVISED_SPEAKERS
from evaluation.measure import measure
from evaluation.ratios import RatiosBy, with_ratios
from evaluation.results import Result
from evaluation.scored_set import ScoredSet, score
from evaluation.subsets import Properties
from evaluation.trial_sets import TrialSet
from inference.cohort import COSINES, Scoring
from inference.encoder import SpeakerEncoder
from storage.parallel import Workers

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found, and what it was found from."""

    sets: list[ScoredSet]  # each corpus or list at each length
    results: list[Result]
    ratios_by: dict[str, RatiosBy]  # whose log-likelihood ratios were measured, by norm of the scores


def evaluate(
    encoder: SpeakerEncoder,
    cache: UtteranceCache,
    trial_sets: Sequence[TrialSet],
    scorings: Sequence[Scoring] = (COSINES,),
    cuts: Sequence[float | None] = CUTS,
    distances: bool = True,
    properties: Properties | None = None,
    workers: Workers = 1,
) -> Evaluation:
    """Measure a network on trials, each set of them by itself, at each length.

    Args:
        trial_sets: of a corpus each, or one of a list.
        scorings: how to compare embeddings.
        cuts: seconds to use of each utterance; None for all of it.
        distances: whether to measure SAP and SAN too.
        properties: of speakers, by which to measure them apart.
        workers: who embed the utterances.
    """
    sets, ratios_by = scored(encoder, cache, trial_sets, scorings, cuts, workers)
    return Evaluation(sets, measure(sets, distances, properties), ratios_by)


def scored(
    encoder: SpeakerEncoder,
    cache: UtteranceCache,
    trial_sets: Sequence[TrialSet],
    scorings: Sequence[Scoring],
    cuts: Sequence[float | None] = CUTS,
    workers: Workers = 1,
) -> tuple[list[ScoredSet], dict[str, RatiosBy]]:
    """Score trials, as `evaluate` does before it measures them, and say whose their log-likelihood ratios are."""
    sets = [one for trials in trial_sets for one in score(encoder, cache, trials, cuts, scorings, workers)]
    return with_ratios(sets, encoder.calibration, perhaps_calibrated_on(encoder, cache.speakers()))


def perhaps_calibrated_on(encoder: SpeakerEncoder, known: Collection[Speaker]) -> set[Speaker]:
    """Return whom of the known speakers a network's calibration may have seen.

    That are those who were held out of its training, their namesakes where the corpus goes by a name that is not known
    here, and all speakers of corpora that it was calibrated on.
    """
    if encoder.calibration is None:
        return set()
    corpora = set(encoder.calibration.source.corpora)
    return set().union(*trained_on(encoder.held_out, known), (one for one in known if one.corpus in corpora))


def warn_of_few(trial_sets: Sequence[TrialSet]) -> None:
    """Warn where speakers are too few to tell networks apart by them."""
    few = [
        f"{trials.source or 'the cache'} {len(trials.speakers)}"
        for trials in trial_sets
        if len(trials.speakers) < ADVISED_SPEAKERS
    ]
    if few:
        logger.warning(
            "fewer than %d speakers, of whom others could have given quite other figures, as the intervals say: %s",
            ADVISED_SPEAKERS, ", ".join(few),
        )  # fmt: skip
