"""Trials to calibrate on, which cross what people have at hand.

Utterances whole and cut to 5, 2 and 1 s, and speakers enrolled by three utterances; of one session and of two; each
within its corpus, as the channel of another one gives strangers away.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations, zip_longest
from typing import NamedTuple

import numpy as np

from audio.decode import SAMPLE_RATE
from audio.speech_activity import speech_seconds
from cache.entries import read_signal
from cache.index import Utterance
from cache.utterances import UtteranceCache
from evaluation.cuts import CUTS, embed_cuts
from evaluation.held_out import UTTERANCES_PAIRED
from inference.cohort import Scoring, normalised
from inference.encoder import SpeakerEncoder, mean_embedding
from storage.progress import tracked

ENROLLED_BY = 3  # utterances
PAIRS_OF_SPEAKERS = 300  # of each corpus, drawn where there are more


class Voice(NamedTuple):
    """Recordings of a speaker, each an utterance, a part of one, or some together."""

    embeddings: np.ndarray  # (recordings, d), rows of length 1
    statistics: np.ndarray | None  # (recordings, 2), what normalisation wants to know
    seconds: np.ndarray  # (recordings,) of speech
    utterances: np.ndarray  # (recordings, utterances) bool, which of the speaker's are in it
    sessions: np.ndarray  # (recordings, sessions) bool, the same; nothing where an utterance's is not known


class Trials(NamedTuple):
    """Comparisons, side by side in arrays of shape (trials,)."""

    scores: np.ndarray  # cosines or normalised
    shorter: np.ndarray  # s of speech
    longer: np.ndarray
    same: np.ndarray  # bool, of one speaker
    across: np.ndarray  # bool, of one speaker in two sessions, both known
    first: np.ndarray  # int, number of a speaker
    second: np.ndarray
    corpora: np.ndarray  # int, number of the corpus


def crossed_trials(
    encoder: SpeakerEncoder,
    cache: UtteranceCache,
    corpora: Mapping[str, Sequence[list[Utterance]]],
    scoring: Scoring,
) -> Trials:
    """All trials of each corpus's speakers, each given by the utterances; speakers are numbered throughout.

    `UTTERANCES_PAIRED` of each speaker count, from all sessions in turn.
    """
    parts, number = [], 0
    for corpus, (name, speakers) in enumerate(corpora.items()):
        voices = [
            _voice(encoder, cache, in_turn(own)[:UTTERANCES_PAIRED], scoring)
            for own in tracked(speakers, f"embed {name}".strip(), len(speakers), "speaker")
        ]
        for a, b in _pairs(len(voices)):
            parts.append(_between(voices[a], voices[b], number + a, number + b, corpus))
        number += len(voices)
    return joined(parts)


def in_turn(utterances: Sequence[Utterance]) -> list[Utterance]:
    """The first of each session, then the second of each, and so on: a few of them are of many sessions."""
    sessions: dict[str, list[Utterance]] = {}
    for one in utterances:
        sessions.setdefault(one.session, []).append(one)
    return [one for row in zip_longest(*sessions.values()) for one in row if one is not None]


def _pairs(speakers: int) -> list[tuple[int, int]]:
    """Everybody with himself, and with the others, or some of those pairs."""
    pairs = np.array(list(combinations(range(speakers), 2))).reshape(-1, 2)
    if len(pairs) > PAIRS_OF_SPEAKERS:
        pairs = np.random.default_rng(0).permutation(pairs)[:PAIRS_OF_SPEAKERS]
    return [*((own, own) for own in range(speakers)), *map(tuple, pairs.tolist())]


def _voice(encoder: SpeakerEncoder, cache: UtteranceCache, utterances: Sequence[Utterance], scoring: Scoring) -> Voice:
    """The utterances at every cut, and enrolments by `ENROLLED_BY` whole ones."""
    utterances = sorted(utterances, key=lambda one: (one.session, one.key))  # enrolments are of one session, mostly
    signals = [read_signal(cache.folder, utterance) for utterance in utterances]
    embedded = embed_cuts(encoder, cache, utterances, CUTS)  # (cuts, utterances, d)
    seconds = [[speech_seconds(_beginning(signal, cut)) for signal in signals] for cut in CUTS]
    starts = range(0, len(utterances) - ENROLLED_BY + 1, ENROLLED_BY)
    groups = [slice(start, start + ENROLLED_BY) for start in starts]
    whole = CUTS.index(None)
    embeddings = np.concatenate(
        [*embedded, *(mean_embedding(embedded[whole, group])[None] for group in groups)]
    )  # (recordings, d)
    each = np.eye(len(utterances), dtype=bool)
    among = np.concatenate([*[each] * len(CUTS), *(each[group].any(axis=0)[None] for group in groups)])
    names = np.array([one.session for one in utterances])
    sessions = among @ (names[:, None] == np.unique(names)[None]) & ("" not in names)
    return Voice(
        embeddings,
        scoring.statistics(embeddings),
        np.concatenate([*seconds, [sum(seconds[whole][group]) for group in groups]]),
        among,
        sessions,
    )


def _beginning(signal: np.ndarray, cut: float | None) -> np.ndarray:
    return signal if cut is None else signal[: round(cut * SAMPLE_RATE)]


def _between(a: Voice, b: Voice, first: int, second: int, corpus: int) -> Trials:
    """Trials of two speakers; or of one, between recordings that share no utterance."""
    same = first == second
    compared = np.ones((len(a.seconds), len(b.seconds)), bool)
    across = np.zeros_like(compared)
    if same:
        compared = np.triu(a.utterances.astype(int) @ a.utterances.T == 0, k=1)
        if a.sessions.any():
            across = a.sessions.astype(int) @ a.sessions.T == 0
    rows, columns = np.nonzero(compared)
    lengths = np.stack([a.seconds[rows], b.seconds[columns]])
    scores = a.embeddings @ b.embeddings.T
    if a.statistics is not None:
        scores = normalised(scores, a.statistics[:, None], b.statistics[None])
    numbers = (np.full(len(rows), number, np.int32) for number in (first, second, corpus))
    filled = np.full(len(rows), same)
    return Trials(scores[compared], lengths.min(axis=0), lengths.max(axis=0), filled, across[compared], *numbers)


def joined(parts: Sequence[Trials]) -> Trials:
    """Trials one after another."""
    return Trials(*(np.concatenate(columns) for columns in zip(*parts)))


def chosen(trials: Trials, rows: np.ndarray) -> Trials:
    """Some of the trials: (trials,) bool, or rows."""
    return Trials(*(column[rows] for column in trials))
