"""Trials with their scores, and what they were scored by: what a report draws."""

from dataclasses import dataclass

import numpy as np

from cache.index import Utterance


@dataclass(frozen=True)
class ScoredSet:
    """The trials of one corpus or trial list at one length, scored."""

    source: str  # corpus or name of the trial list
    cut: float | None  # s used of each utterance, None for all of it
    utterances: tuple[Utterance, ...]  # each once
    embeddings: np.ndarray  # (utterances, d) float32, rows of length 1
    seconds: np.ndarray  # (utterances,) s of speech
    speakers: tuple[str, ...]  # names by number
    owners: np.ndarray  # (utterances,) int, number of each utterance's speaker
    first: np.ndarray  # (trials,) int, row of an utterance
    second: np.ndarray  # (trials,) int
    scores: dict[str, np.ndarray]  # (trials,) by norm: "cosine", and "as-norm" where there is a cohort
    ratios: np.ndarray | None  # (trials,) log-likelihood ratios, natural; None if the network is not calibrated

    @property
    def same(self) -> np.ndarray:
        """Whether each trial is of one speaker, (trials,) bool."""
        return self.owners[self.first] == self.owners[self.second]
