"""Disturbed copies of training utterances: what was said, as rooms, telephones and phone apps would have handed it on.

`sampling.augmentation` disturbs the log mel values of windows when they are drawn, which is cheap and never the same
twice. What codecs, lost packets, clipping and pauses do, and what the front end lets through of it, needs samples. So
this is done once, when inputs are made, to a few copies of each training utterance (`chain`). A copy then goes through
the front end as a recording would.
"""

import logging
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import numpy as np

from audio.decode import SAMPLE_RATE
from audio.errors import UnusableAudioError
from audio.feature_settings import FeatureSettings
from audio.mfcc import speech_log_mel
from audio.utterance import cleaned
from batcher.additions import babble
from batcher.chain import Background, Disturbances, chain
from batcher.codecs import to_pcm
from batcher.inputs_file import LOG_MEL_DTYPE
from batcher.recipe import Ingredients, Plan, generator_of
from batcher.surroundings import read_noise, read_response
from cache.entries import read_signal
from cache.index import Utterance

LONGEST = 60 * SAMPLE_RATE  # samples; of a longer utterance, a copy has a random stretch of that length

logger = logging.getLogger(__name__)


def versions_of(plan: Plan, folder: Path, settings: FeatureSettings) -> Iterator[np.ndarray]:
    """Yield the log mel values of an utterance, and of its copies; float16, (frames, 1 + filters)."""
    signal = read_signal(folder, plan.utterance)
    for version in (signal, *copies_of(signal, plan, folder)):
        yield speech_log_mel(version, settings).astype(LOG_MEL_DTYPE)


def copies_of(signal: np.ndarray, plan: Plan, folder: Path) -> Iterator[np.ndarray]:
    """Make the disturbed copies of an utterance that are planned, one after another.

    Args:
        signal: of the utterance, int16, shape = (samples,), at 8 kHz.
        plan: which other recordings each copy is made with.
        folder: the cache, which holds the speech that babble is made of.
    """
    for number, ingredients in enumerate(plan.copies, start=1):
        rng = generator_of(plan.utterance, plan.seed, number)
        yield disturbed(signal, _background(ingredients, folder), Disturbances(), rng)


def _background(ingredients: Ingredients, folder: Path) -> Background:
    return Background(
        [partial(_stretch, folder, other) for other in ingredients.others],
        partial(_recorded_noise, ingredients) if ingredients.noises else None,
        partial(_recorded_response, ingredients.response) if ingredients.response else None,
    )


def disturbed(
    signal: np.ndarray, background: Background, options: Disturbances, rng: np.random.Generator
) -> np.ndarray:
    """Disturb a copy of an utterance, and put it through the front end.

    Args:
        signal: int16, shape = (samples,), at 8 kHz.
        background: what may be added to the signal.
        options: which share of the copies is disturbed by what, and how strongly.

    Returns:
        int16, (samples,), as the cache would hold it, but that nothing is cut off again at the ends: from what begins
        and ends loudly already, v1's rule would take a word. The utterance as it was where nothing is left of it.
    """
    begin = int(rng.integers(0, max(len(signal) - LONGEST, 0) + 1))
    copy = chain(signal[begin : begin + LONGEST].astype(np.float32), background, options, rng)
    try:
        return cleaned(to_pcm(copy).astype(np.float32))
    except UnusableAudioError:
        return signal


def _stretch(folder: Path, utterance: Utterance) -> np.ndarray:
    """Read the beginning of another speaker's utterance, float32, (samples,)."""
    return read_signal(folder, utterance)[:LONGEST].astype(np.float32)


def _recorded_noise(ingredients: Ingredients, samples: int, rng: np.random.Generator) -> np.ndarray | None:
    """Read the recorded noise of a copy, float32, (samples,); None if no recording of it can be read any more."""
    noises = []
    for path in ingredients.noises:
        try:
            noises.append(read_noise(path, samples, rng))
        except UnusableAudioError as error:
            _warn_once(path, str(error))
    return babble(noises, samples, rng) if ingredients.noises_are_speech and noises else next(iter(noises), None)


def _recorded_response(path: Path) -> np.ndarray | None:
    """Read the recorded response of a room, float32, (taps,); None if the recording can't be read any more."""
    try:
        return read_response(path)
    except UnusableAudioError as error:
        _warn_once(path, str(error))
        return None


@cache
def _warn_once(path: Path, reason: str) -> None:
    """Warn that a recording is not used, only the first time that a process meets it."""
    logger.warning("%s is not used: %s", path, reason)
