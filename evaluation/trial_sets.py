"""Which utterances are compared: all pairs of a corpus's speakers, or those of a list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from cache.index import Utterance
from corpus.recording import Speaker

UTTERANCES_PAIRED = 20  # of each speaker at most: none has most of the trials
MOST_NONTARGETS = 1_000_000  # trials of two speakers, drawn where there are more, so that memory has a bound


@dataclass(frozen=True)
class TrialSet:
    """Pairs of utterances of one corpus or trial list, by the rows of the utterances."""

    source: str  # the corpus, "" for a cache without names of corpora; or the trial list's file
    utterances: tuple[Utterance, ...]  # each once, those of a speaker side by side
    speakers: tuple[Speaker, ...]  # in the order of their numbers
    owners: np.ndarray  # (utterances,) int64, number of each utterance's speaker
    first: np.ndarray  # (trials,) int64, rows of utterances
    second: np.ndarray

    @property
    def same(self) -> np.ndarray:
        """Which trials are of one speaker, (trials,) bool."""
        return self.owners[self.first] == self.owners[self.second]

    @property
    def across_sessions(self) -> np.ndarray:
        """Which trials are of two sessions, both of which are known, (trials,) bool."""
        return self._of_sessions(np.not_equal)

    @property
    def within_session(self) -> np.ndarray:
        """Which trials are of one session that is known, (trials,) bool."""
        return self._of_sessions(np.equal)

    def _of_sessions(self, relation: np.ufunc) -> np.ndarray:
        sessions, numbers = np.unique([utterance.session for utterance in self.utterances], return_inverse=True)
        known = (sessions != "")[numbers]
        return relation(numbers[self.first], numbers[self.second]) & known[self.first] & known[self.second]


def all_pairs(source: str, speakers: Mapping[str, Sequence[Utterance]], seed: int = 0) -> TrialSet:
    """Pair `UTTERANCES_PAIRED` utterances of each speaker, the first of each session in turn, with each other.

    Args:
        source: the corpus.
        speakers: their utterances by name.
        seed: of the draw, where there are more than `MOST_NONTARGETS` pairs of two speakers.
    """
    utterances = tuple(one for own in speakers.values() for one in own)
    owners = np.repeat(np.arange(len(speakers)), [len(own) for own in speakers.values()])
    rows = {one.key: row for row, one in enumerate(utterances)}
    paired = [np.sort([rows[one.key] for one in in_turn(own)[:UTTERANCES_PAIRED]]) for own in speakers.values()]
    first, second = _pairs(paired, np.random.default_rng(seed))
    names = tuple(Speaker(source, name) for name in speakers)
    return TrialSet(source, utterances, names, owners, first, second)


def in_turn(utterances: Sequence[Utterance]) -> list[Utterance]:
    """Order utterances so that the first of each session come first, then the second of each, and so on."""
    sessions: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        sessions.setdefault(utterance.session, []).append(utterance)
    return [utterance for row in zip_longest(*sessions.values()) for utterance in row if utterance is not None]


def _pairs(rows: Sequence[np.ndarray], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Pair the rows of each speaker, and of every two; returns both sides, sorted, each (trials,)."""
    every, owners = np.concatenate(rows), np.repeat(np.arange(len(rows)), [len(own) for own in rows])
    targets = [np.stack([own[side] for side in np.triu_indices(len(own), k=1)]) for own in rows]
    count = len(every) * (len(every) - 1) // 2 - sum(pairs.shape[1] for pairs in targets)
    if count > MOST_NONTARGETS:
        sides = np.stack([*_drawn_pairs(owners, rng)])
    else:
        sides = np.stack(np.triu_indices(len(every), k=1))
        sides = sides[:, owners[sides[0]] != owners[sides[1]]]
    pairs = np.concatenate([*targets, every[sides]], axis=1)
    first, second = pairs[:, np.lexsort(pairs[::-1])]
    return first, second


def _drawn_pairs(owners: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw `MOST_NONTARGETS` different pairs of two speakers' utterances, by their places in `owners`."""
    codes = np.zeros(0, np.int64)
    while len(codes) < MOST_NONTARGETS:
        places = np.sort(rng.integers(0, len(owners), (2, 2 * MOST_NONTARGETS)), axis=0)
        places = places[:, owners[places[0]] != owners[places[1]]]
        codes = np.unique(np.concatenate([codes, places[0] * len(owners) + places[1]]))
    first, second = np.divmod(rng.permutation(codes)[:MOST_NONTARGETS], len(owners))
    return first, second


def listed_pairs(source: str, pairs: Sequence[tuple[Utterance, Utterance]]) -> TrialSet:
    """Number the utterances and speakers of a list of trials, whose order stays.

    Args:
        source: the list's name.
    """
    utterances = tuple(sorted({one for pair in pairs for one in pair}, key=lambda one: one.key))
    speakers = tuple(sorted({one.whose for one in utterances}))
    numbers = {speaker: number for number, speaker in enumerate(speakers)}
    rows = {one.key: row for row, one in enumerate(utterances)}
    owners = np.array([numbers[one.whose] for one in utterances])
    first, second = (np.array([rows[pair[side].key] for pair in pairs]) for side in (0, 1))
    return TrialSet(source, utterances, speakers, owners, first, second)
