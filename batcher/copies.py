"""Disturbed copies of training utterances: what was said, as rooms, telephones and phone apps would have handed it on.

`augment` disturbs the log mel powers of windows when they are drawn, which is cheap and never the same twice. What
codecs, lost packets, clipping and pauses do, and what the front end lets through of it, needs samples; so it is done
once, when inputs are made, to a few copies of each training utterance (`chain`). A copy then goes through the front
end, as a recording of its own would.

What a copy is like depends on the inputs' seed, on whose utterance it is, and on which of its copies: not on the number
of workers, nor on what else is made.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from audio.decode import SAMPLE_RATE
from audio.errors import UnusableAudioError
from audio.utterance import cleaned
from batcher.chain import Disturbances, Voices, chain
from batcher.codecs import to_pcm
from batcher.splits import TRAIN
from cache.entries import read_signal
from cache.index import Utterance

LONGEST = 60 * SAMPLE_RATE  # samples; of a longer utterance, a copy has a random stretch of that length
BABBLE_VOICES = 3


class CopyPlan(NamedTuple):
    """An utterance, and what its copies are made with."""

    utterance: Utterance
    copies: int
    seed: int
    voices: tuple[Utterance, ...] = ()  # of other training speakers, as many for each copy as babble has


def plans(chosen: Sequence[Utterance], sides: Sequence[str], copies: int, seed: int) -> Iterator[CopyPlan]:
    """Of each utterance in turn; those on the test side have no copies.

    Args:
        chosen: sorted by speaker, of two speakers or more.
        sides: of each, "train" or "test".
    """
    training = [one for one, side in zip(chosen, sides) if side == TRAIN] if copies else []
    own = {speaker: list(places) for speaker, places in groupby(range(len(training)), lambda n: training[n].whose)}
    for one, side in zip(chosen, sides):
        if side != TRAIN or not copies:
            yield CopyPlan(one, 0, seed)
            continue
        first, count = own[one.whose][0], len(own[one.whose])
        others = _generator(one, seed, 0).integers(0, len(training) - count, copies * BABBLE_VOICES)
        yield CopyPlan(one, copies, seed, tuple(training[n if n < first else n + count] for n in others))


def copies_of(signal: np.ndarray, plan: CopyPlan, folder: Path) -> Iterator[np.ndarray]:
    """Each copy of an utterance.

    Args:
        signal: the utterance's, int16, shape = (samples,), at 8 kHz.
        folder: of the cache, for the voices of babble.
    """
    for copy in range(plan.copies):
        others = plan.voices[copy * BABBLE_VOICES : (copy + 1) * BABBLE_VOICES]
        voices = [partial(_stretch, folder, other) for other in others]
        yield disturbed(signal, voices, Disturbances(), _generator(plan.utterance, plan.seed, 1 + copy))


def disturbed(signal: np.ndarray, voices: Voices, options: Disturbances, rng: np.random.Generator) -> np.ndarray:
    """A copy of an utterance, disturbed and gone through the front end.

    Args:
        signal: int16, shape = (samples,), at 8 kHz.
        voices: of other speakers, for babble.

    Returns:
        int16, (samples,), as the cache would hold it, but that nothing is cut off again at the ends: from what begins
        and ends loudly already, v1's rule would take a word. The utterance as it was where nothing is left of it.
    """
    begin = int(rng.integers(0, max(len(signal) - LONGEST, 0) + 1))
    copy = chain(signal[begin : begin + LONGEST].astype(np.float32), voices, options, rng)
    try:
        return cleaned(to_pcm(copy).astype(np.float32))
    except UnusableAudioError:
        return signal


def _stretch(folder: Path, utterance: Utterance) -> np.ndarray:
    """Of somebody else's speech: float32, (samples,)."""
    return read_signal(folder, utterance)[:LONGEST].astype(np.float32)


def _generator(utterance: Utterance, seed: int, purpose: int) -> np.random.Generator:
    """Of an utterance and a purpose; the same in every run, and in every cache with an utterance of that name."""
    identity = hashlib.sha256(json.dumps(utterance.key).encode()).digest()
    return np.random.default_rng([seed, purpose, int.from_bytes(identity[:16])])
