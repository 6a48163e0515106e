"""Trials with their scores: what every measure, picture and file of an evaluation is made of."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from cache.utterances import UtteranceCache
from evaluation.cuts import embed_groups
from evaluation.detection import ScoredTrials, scores_of
from evaluation.trial_sets import TrialSet
from inference.cohort import Scoring
from inference.encoder import SpeakerEncoder
from storage.parallel import Workers

LEAST_SECONDS = 0.1  # of speech, as which less counts: lengths go in as logarithms


@dataclasses.dataclass(frozen=True)
class ScoredSet(TrialSet):
    """The trials of a corpus or a list at one length, scored by one network."""

    cut: float | None  # s from the beginning of each utterance, None for all of it
    embeddings: np.ndarray  # (utterances, d) float32, rows of length 1
    seconds: np.ndarray  # (utterances,) s of speech
    scores: dict[str, np.ndarray]  # (trials,) by norm, one of `inference.cohort.SCORE_NORMS`
    ratios: dict[str, np.ndarray]  # natural logarithms of likelihood ratios, by the norm they were made of

    @property
    def across(self) -> np.ndarray:
        """Which trials are of one speaker in two sessions, (trials,) bool."""
        return self.same & self.across_sessions

    def trials(self, norm: str) -> ScoredTrials:
        """Return the trials by the scores of a norm, with speakers by number."""
        speakers = self.owners[self.first], self.owners[self.second]
        return ScoredTrials(self.scores[norm], *speakers, self.ratios.get(norm))


def score(
    encoder: SpeakerEncoder,
    cache: UtteranceCache,
    trials: TrialSet,
    cuts: Sequence[float | None],
    scorings: Sequence[Scoring],
    workers: Workers = 1,
) -> Iterator[ScoredSet]:
    """Embed the utterances of the trials whole and cut, and score the trials.

    Args:
        cuts: seconds to use of each utterance; None for all of it.
        scorings: how to compare embeddings.
        workers: who embed the utterances.

    Yields:
        a set for each cut, without ratios yet.
    """
    spans = np.split(np.arange(len(trials.owners)), np.flatnonzero(np.diff(trials.owners)) + 1)
    groups = [[trials.utterances[row] for row in span] for span in spans]
    parts = embed_groups(encoder, cache, groups, cuts, trials.source, workers)
    embedded, lengths = (np.concatenate(sides, axis=1) for sides in zip(*parts))  # (cuts, utterances, ...)
    for cut, embeddings, seconds in zip(cuts, embedded, np.maximum(lengths, LEAST_SECONDS)):
        scores = {one.norm: scores_of(embeddings, trials.first, trials.second, one) for one in scorings}
        yield ScoredSet(**vars(trials), cut=cut, embeddings=embeddings, seconds=seconds, scores=scores, ratios={})
