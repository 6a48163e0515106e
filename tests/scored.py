"""Scored trials for the tests of reports: of the sample voices by the bundled network, and made up."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from audio.decode import SAMPLE_RATE
from cache.index import Utterance
from cache.utterances import UtteranceCache
from evaluation.evaluate import Evaluation, evaluate
from evaluation.measure import measure
from evaluation.results import Result
from evaluation.scored_set import ScoredSet
from evaluation.trial_sets import all_pairs
from inference.cohort import AS_NORM, COSINES, NO_NORM
from inference.encoder import SpeakerEncoder

DIGEST = "0" * 64  # of utterances without a file


def evaluated(cache: UtteranceCache) -> Evaluation:
    """All pairs of a cache's utterances at each length, by the bundled network."""
    encoder = SpeakerEncoder()
    corpora: dict[str, dict[str, list[Utterance]]] = {}
    for _, utterance in sorted(cache.utterances.items()):
        corpora.setdefault(utterance.corpus, {}).setdefault(utterance.speaker, []).append(utterance)
    trial_sets = [all_pairs(corpus, speakers) for corpus, speakers in corpora.items()]
    return evaluate(encoder, cache, trial_sets, [COSINES, encoder.scoring])


def made_set(source: str = "made", speakers: Iterable[str] = ("ann", "bob", "cid"), each: int = 6) -> ScoredSet:
    """Made-up embeddings of `each` so many utterances of each speaker, who have no recordings."""
    rng = np.random.default_rng(0)
    names = list(speakers)
    pairs = all_pairs(source, {name: [_utterance(source, name, number) for number in range(each)] for name in names})
    embeddings = np.repeat(rng.normal(size=(len(names), 16)), each, axis=0)
    embeddings = embeddings + rng.normal(0, 0.9, embeddings.shape)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    cosines = np.einsum("td,td->t", embeddings[pairs.first], embeddings[pairs.second])
    seconds = np.array([utterance.samples / SAMPLE_RATE for utterance in pairs.utterances])
    return ScoredSet(
        **vars(pairs),
        cut=None,
        embeddings=embeddings.astype(np.float32),
        seconds=seconds,
        scores={NO_NORM: cosines, AS_NORM: 8 * cosines + cosines**3},
        ratios={NO_NORM: 9 * cosines - 4, AS_NORM: 10 * cosines - 4},
    )


def crowd(cache: UtteranceCache, source: str, speakers: int, each: int) -> ScoredSet:
    """Made-up embeddings of speakers with long names, who all have recordings, though they share them."""
    made = made_set(source, [f"{number:04}{'ü' * 200}" for number in range(speakers)], each)
    known = list(cache.utterances.values())
    lent = (
        known[row % len(known)]._replace(speaker=utterance.speaker, utterance=f"{row:04}{'ß' * 200}")
        for row, utterance in enumerate(made.utterances)
    )
    return replace(made, utterances=tuple(lent))


def results_of(*sets: ScoredSet) -> list[Result]:
    """What is measured on sets."""
    return measure(sets, distances=False)


def _utterance(corpus: str, speaker: str, number: int, samples: int = 24_000) -> Utterance:
    where = "", "/made", f"{number}.wav", None, None
    return Utterance(corpus, speaker, f"{number:03}", *where, 0, 0, "", DIGEST, samples, 0, 0)
