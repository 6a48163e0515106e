"""Trials to calibrate on, of every combination of recordings that people compare.

They are between utterances, whole and cut to 5, 2 and 1 s, and speakers enrolled by three utterances; of one session
and of two. Each is within a corpus, as the channel of another corpus gives strangers away.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from cache.index import Utterance
from cache.utterances import UtteranceCache
from evaluation.cuts import CUTS, Beginnings, embed_groups
from evaluation.trial_sets import UTTERANCES_PAIRED, in_turn
from inference.cohort import Scoring, normalised
from inference.embedding import mean_embedding
from inference.encoder import SpeakerEncoder
from storage.parallel import Workers

ENROLLED_BY = 3  # utterances
PAIRS_OF_SPEAKERS = 300  # of each corpus, drawn where there are more
MOST_PAIRS = 5000  # of a list


class SpeakerRecordings(NamedTuple):
    """Recordings of a speaker, each an utterance, a part of one, or some together."""

    embeddings: np.ndarray  # (recordings, d), rows of length 1
    statistics: np.ndarray | None  # (recordings, 2), of the cohort, see `Scoring.statistics`
    seconds: np.ndarray  # (recordings,) of speech
    utterances: np.ndarray  # (recordings, utterances) bool, which of the speaker's are in it
    sessions: np.ndarray  # (recordings, sessions) bool, which it is of; all False where an utterance's is not known


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
    workers: Workers = 1,
) -> Trials:
    """Make all trials between the speakers of each corpus, who are given by their utterances and numbered throughout.

    `UTTERANCES_PAIRED` utterances of each speaker are used, taken from the sessions in turn.
    """
    parts, number = [], 0
    for corpus, (name, speakers) in enumerate(corpora.items()):
        groups = [_by_session(in_turn(utterances)[:UTTERANCES_PAIRED]) for utterances in speakers]
        beginnings = embed_groups(encoder, cache, groups, CUTS, name, workers)
        embedded = [recordings_of(group, found, scoring) for group, found in zip(groups, beginnings)]
        for a, b in _pairs(len(embedded)):
            parts.append(trials_between(embedded[a], embedded[b], number + a, number + b, corpus))
        number += len(embedded)
    return joined(parts)


def _pairs(speakers: int) -> list[tuple[int, int]]:
    """Pair each speaker with the same speaker, and with the others, or draw `PAIRS_OF_SPEAKERS` of those pairs."""
    pairs = np.array(list(combinations(range(speakers), 2))).reshape(-1, 2)
    if len(pairs) > PAIRS_OF_SPEAKERS:
        pairs = np.random.default_rng(0).permutation(pairs)[:PAIRS_OF_SPEAKERS]
    return [*((speaker, speaker) for speaker in range(speakers)), *((a, b) for a, b in pairs.tolist())]


def _by_session(utterances: Iterable[Utterance]) -> list[Utterance]:
    """Sort a speaker's utterances so that enrolments, which take some in turn, are of one session, mostly."""
    return sorted(utterances, key=lambda utterance: (utterance.session, utterance.key))


def recordings_of(utterances: Sequence[Utterance], beginnings: Beginnings, scoring: Scoring) -> SpeakerRecordings:
    """Make recordings of a speaker's utterances, embedded at every cut, and enrolments by `ENROLLED_BY` whole ones.

    Args:
        utterances: in order of session.
        beginnings: of these, at `CUTS`.
    """
    embedded, seconds = beginnings
    starts = range(0, len(utterances) - ENROLLED_BY + 1, ENROLLED_BY)
    groups = [slice(start, start + ENROLLED_BY) for start in starts]
    whole = CUTS.index(None)
    embeddings = np.concatenate(
        [*embedded, *(mean_embedding(embedded[whole, group])[None] for group in groups)]
    )  # (recordings, d)
    each = np.eye(len(utterances), dtype=bool)
    among = np.concatenate([*[each] * len(CUTS), *(each[group].any(axis=0, keepdims=True) for group in groups)])
    return SpeakerRecordings(
        embeddings,
        scoring.statistics(embeddings),
        np.concatenate([*seconds, [sum(seconds[whole][group]) for group in groups]]),
        among,
        _sessions(utterances, among),
    )


def _sessions(utterances: Sequence[Utterance], among: np.ndarray) -> np.ndarray:
    """Which sessions each recording is of, (recordings, sessions) bool."""
    sessions = [utterance.session for utterance in utterances]
    if "" in sessions:
        return np.zeros((len(among), len(set(sessions))), bool)
    names = np.array(sessions)
    of_utterance = np.equal(names[:, None], np.unique(names)[None]).astype(int)
    return among.astype(int) @ of_utterance > 0


def trials_between(a: SpeakerRecordings, b: SpeakerRecordings, first: int, second: int, corpus: int) -> Trials:
    """Make the trials of two speakers; or of one, between recordings that share no utterance.

    Args:
        first, second: numbers of the speakers.
        corpus: number of their corpus.
    """
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
    if a.statistics is not None and b.statistics is not None:
        scores = normalised(scores, a.statistics[:, None], b.statistics[None])
    numbers = (np.full(len(rows), number, np.int32) for number in (first, second, corpus))
    filled = np.full(len(rows), same)
    return Trials(scores[compared], lengths.min(axis=0), lengths.max(axis=0), filled, across[compared], *numbers)


def joined(parts: Sequence[Trials]) -> Trials:
    """Join trials into one set, one after another."""
    return Trials(*(np.concatenate(columns) for columns in zip(*parts)))


def chosen(trials: Trials, rows: np.ndarray) -> Trials:
    """Pick some of the trials, by a mask, (trials,) bool, or by their rows."""
    return Trials(*(column[rows] for column in trials))


def without_most_strangers(trials: Trials) -> Trials:
    """Keep the trials of `MOST_PAIRS` pairs of two speakers, drawn where there are more, and all of one speaker."""
    numbers = int(max(trials.first.max(), trials.second.max())) + 1
    pairs, pair = np.unique(trials.first.astype(np.int64) * numbers + trials.second, return_inverse=True)
    strangers = np.flatnonzero(pairs // numbers != pairs % numbers)
    drawn = np.random.default_rng(0).permutation(strangers)[:MOST_PAIRS]
    return chosen(trials, trials.same | np.isin(pair, drawn))
