"""Measure scored trials: each corpus or list by itself, at each length, of all trials and of subsets."""

from collections.abc import Iterator, Sequence

import numpy as np

from evaluation.cuts import long_enough
from evaluation.detection import measured
from evaluation.jackknife import Kind, Statistic, estimates
from evaluation.results import Result
from evaluation.scored_set import ScoredSet
from evaluation.subsets import ALL, Properties, subsets
from inference.cached_speakers import SpeakerEmbeddings, same_speaker_distance
from inference.embedding import cosine_distance
from inference.estimate import Estimate
from storage.progress import tracked

SAP, SAN = "sap", "san"


def measure(sets: Sequence[ScoredSet], distances: bool, properties: Properties | None = None) -> list[Result]:
    """Measure sets one after another.

    Args:
        distances: whether each speaker's mean distances, SAP and SAN, are measured, too. SAP is the mean over speakers,
            SAN that over pairs of speakers, both of cosine distances.
        properties: of speakers, each of whose values makes a subset of the trials.
    """
    return [
        result
        for one in tracked(sets, "measure", len(sets), "set")
        for result in _measured(one, distances, properties or {})
    ]


def _measured(one: ScoredSet, distances: bool, properties: Properties) -> Iterator[Result]:
    for subset, rows in subsets(one, properties):
        speakers, utterances = _heard(one, rows)
        counts = len(speakers), len(utterances), long_enough([one.utterances[row] for row in utterances], one.cut)
        for norm in one.scores:
            trials = one.trials(norm).chosen(rows).numbered(speakers)
            found: dict[str, Estimate] = {}
            if distances and subset == ALL and norm == next(iter(one.scores)):
                kinds = (Kind.NUMBER, Kind.NUMBER)
                found = dict(zip((SAP, SAN), estimates(_distances(one), len(one.speakers), kinds)))
            found |= measured(trials, len(speakers))
            yield Result(one.source, one.cut, subset, norm, *counts, trials.targets, trials.nontargets, found)


def _heard(one: ScoredSet, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the speakers in some trials, and the rows of their utterances: all, if the trials are."""
    if rows.all():
        return np.arange(len(one.speakers)), np.arange(len(one.utterances))
    utterances = np.union1d(one.first[rows], one.second[rows])
    return np.unique(one.owners[utterances]), utterances


def _distances(one: ScoredSet) -> Statistic:
    """A function from which speakers are kept to the means of SAP and SAN."""
    speakers = [
        SpeakerEmbeddings(speaker, (), one.embeddings[one.owners == number])
        for number, speaker in enumerate(one.speakers)
    ]
    same = np.array([same_speaker_distance(speaker) for speaker in speakers])
    means = np.stack([speaker.mean for speaker in speakers])
    different = cosine_distance(means @ means.T)

    def statistic(kept: np.ndarray) -> np.ndarray:
        among = different[np.ix_(kept, kept)]
        pairs = among[np.triu_indices(len(among), k=1)]
        return np.array([same[kept].mean(), pairs.mean() if len(pairs) else np.nan])

    return statistic
