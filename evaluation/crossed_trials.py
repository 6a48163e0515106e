"""Trials to calibrate on, which cross what people have at hand.

Utterances whole and cut to 5, 2 and 1 s, and speakers enrolled by three utterances; each within its corpus, as the
channel of another one gives strangers away.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from audio.activity import speech_seconds
from audio.decode import SAMPLE_RATE
from cache.entries import read_signal
from cache.index import Utterance
from cache.utterances import UtteranceCache
from evaluation.cuts import CUTS, embed_cuts
from evaluation.unseen import UTTERANCES_PAIRED
from inference.encoder import SpeakerEncoder, mean_embedding

ENROLLED_BY = 3  # utterances
PAIRS_OF_SPEAKERS = 300  # of each corpus, drawn where there are more


class Voice(NamedTuple):
    """Recordings of a speaker, each an utterance, a part of one, or some together."""

    embeddings: np.ndarray  # (recordings, d), rows of length 1
    seconds: np.ndarray  # (recordings,) of speech
    utterances: np.ndarray  # (recordings, utterances) bool, which of the speaker's are in it


class Trials(NamedTuple):
    """Comparisons, side by side in arrays of shape (trials,)."""

    cosines: np.ndarray
    shorter: np.ndarray  # s of speech
    longer: np.ndarray
    same: np.ndarray  # bool, of one speaker
    halves: np.ndarray  # 0 or 1 where all speakers are in that half of them, -1 where they are not


def corpus_trials(
    encoder: SpeakerEncoder, cache: UtteranceCache, corpus: str, speakers: Sequence[list[Utterance]]
) -> Trials:
    """All trials of a corpus's speakers, each given by the utterances; the first `UTTERANCES_PAIRED` of them count."""
    bar = tqdm(speakers, f"embed {corpus}".strip(), unit="speaker", leave=False)
    voices = [_voice(encoder, cache, own[:UTTERANCES_PAIRED]) for own in bar]
    pairs = np.array(list(combinations(range(len(voices)), 2)))
    if len(pairs) > PAIRS_OF_SPEAKERS:
        pairs = np.random.default_rng(0).permutation(pairs)[:PAIRS_OF_SPEAKERS]
    same = [_within(voice, number % 2) for number, voice in enumerate(voices)]
    return joined([*same, *(_between(voices[a], voices[b], a % 2 if a % 2 == b % 2 else -1) for a, b in pairs)])


def _voice(encoder: SpeakerEncoder, cache: UtteranceCache, utterances: Sequence[Utterance]) -> Voice:
    """The utterances at every cut, and enrolments by `ENROLLED_BY` whole ones."""
    signals = [read_signal(cache.folder, utterance) for utterance in utterances]
    embedded = embed_cuts(encoder, cache, utterances, CUTS)  # (cuts, utterances, d)
    each = np.eye(len(utterances), dtype=bool)
    seconds = [[speech_seconds(_beginning(signal, cut)) for signal in signals] for cut in CUTS]
    starts = range(0, len(utterances) - ENROLLED_BY + 1, ENROLLED_BY)
    groups = [slice(start, start + ENROLLED_BY) for start in starts]
    whole = CUTS.index(None)
    return Voice(
        np.concatenate([*embedded, *(mean_embedding(embedded[whole, group])[None] for group in groups)]),
        np.concatenate([*seconds, [sum(seconds[whole][group]) for group in groups]]),
        np.concatenate([*[each] * len(CUTS), *(each[group].any(axis=0)[None] for group in groups)]),
    )


def _beginning(signal: np.ndarray, cut: float | None) -> np.ndarray:
    return signal if cut is None else signal[: round(cut * SAMPLE_RATE)]


def _within(voice: Voice, half: int) -> Trials:
    """Trials of one speaker, between recordings that share no utterance."""
    shared = voice.utterances.astype(int) @ voice.utterances.T
    return _trials(voice, voice, np.triu(shared == 0, k=1), True, half)


def _between(a: Voice, b: Voice, half: int) -> Trials:
    return _trials(a, b, np.ones((len(a.seconds), len(b.seconds)), bool), False, half)


def _trials(a: Voice, b: Voice, compared: np.ndarray, same: bool, half: int) -> Trials:
    rows, columns = np.nonzero(compared)
    lengths = np.stack([a.seconds[rows], b.seconds[columns]])
    cosines = (a.embeddings @ b.embeddings.T)[compared]
    count = len(rows)
    return Trials(cosines, lengths.min(axis=0), lengths.max(axis=0), np.full(count, same), np.full(count, half))


def joined(parts: Sequence[Trials]) -> Trials:
    """Trials one after another."""
    return Trials(*(np.concatenate(columns) for columns in zip(*parts)))


def chosen(trials: Trials, rows: np.ndarray) -> Trials:
    """Some of the trials: (trials,) bool, or rows."""
    return Trials(*(column[rows] for column in trials))
