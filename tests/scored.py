"""Scored trials for the tests of reports: of the sample voices by the bundled network, and made up."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from audio.decode import SAMPLE_RATE
from cache.index import Utterance
from cache.utterances import UtteranceCache
from evaluation.cuts import CUTS, embed_cuts
from evaluation.metrics import equal_error_rate, minimum_detection_cost
from evaluation.results import Result
from evaluation.scored_set import ScoredSet
from inference.encoder import SpeakerEncoder
from inference.estimate import Estimate

DIGEST = "0" * 64  # of utterances without a file


def sets_of(cache: UtteranceCache, encoder: SpeakerEncoder, source: str = "voices") -> list[ScoredSet]:
    """All pairs of a cache's utterances, at each length."""
    utterances = tuple(utterance for _, utterance in sorted(cache.utterances.items()))
    embedded = embed_cuts(encoder, cache, utterances, CUTS)
    return [_scored(source, cut, utterances, embeddings) for cut, embeddings in zip(CUTS, embedded)]


def made_set(source: str = "made", speakers: Iterable[str] = ("ann", "bob", "cid"), each: int = 6) -> ScoredSet:
    """Made-up embeddings of `each` so many utterances of each speaker, who have no recordings."""
    rng = np.random.default_rng(0)
    names = list(speakers)
    utterances = tuple(_utterance(name, number) for name in names for number in range(each))
    embeddings = np.repeat(rng.normal(size=(len(names), 16)), each, axis=0) + rng.normal(0, 0.9, (len(utterances), 16))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return _scored(source, None, utterances, embeddings.astype(np.float32))


def crowd(cache: UtteranceCache, source: str, speakers: int, each: int) -> ScoredSet:
    """Made-up embeddings of speakers with long names, who all have recordings, though they share them."""
    made = made_set(source, [f"{number:04}{'ü' * 200}" for number in range(speakers)], each)
    known = list(cache.utterances.values())
    lent = (
        known[row % len(known)]._replace(speaker=utterance.speaker, utterance=f"{row:04}{'ß' * 200}")
        for row, utterance in enumerate(made.utterances)
    )
    return replace(made, utterances=tuple(lent))


def _scored(source, cut, utterances, embeddings) -> ScoredSet:
    speakers, owners = np.unique([str(utterance.whose) for utterance in utterances], return_inverse=True)
    first, second = np.triu_indices(len(utterances), k=1)
    cosines = np.einsum("td,td->t", embeddings[first], embeddings[second])
    seconds = np.array([utterance.samples / SAMPLE_RATE for utterance in utterances])
    scores = {"cosine": cosines, "as-norm": 8 * cosines + 0.1}
    names = tuple(map(str, speakers))
    return ScoredSet(
        source, cut, utterances, embeddings, seconds, names, owners, first, second, scores, 9 * cosines - 4
    )


def result_of(scored: ScoredSet) -> Result:
    """EER and minDCF of a set, with intervals that are made up."""
    scores, same = scored.scores["as-norm"], scored.same
    eer = equal_error_rate(scores[same], scores[~same])
    cost = minimum_detection_cost(scores[same], scores[~same], 0.01)
    counts = len(scored.speakers), len(scored.utterances), len(scored.utterances), int(same.sum()), int((~same).sum())
    figures = {"eer": Estimate(eer, eer / 2, 2 * eer), "min_dcf_0.01": Estimate(cost, cost, 1.0)}
    return Result(scored.source, scored.cut, *counts, figures)


def _utterance(speaker: str, number: int, samples: int = 24_000) -> Utterance:
    return Utterance(
        "", speaker, f"{number:03}", "", "/made", f"{number}.wav", None, None, 0, 0, "", DIGEST, samples, 0, 0
    )
