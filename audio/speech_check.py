"""Whether anybody speaks in an utterance at all.

A network that was trained on speech has an answer for everything: to it, two recordings of hiss are one speaker. So
what is not speech is refused. How level and tone move decides it for nearly all recordings, at next to no cost; the
others are left to a detector that was trained for it (`audio.detector`).

The bounds below are those of nine public corpora (docs/corpora.md), without the speakers that are held out, and of
made-up noise, hum, tones, music, clicks, engines (`benchmarks/no_speech.py`).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from audio.decode import SAMPLE_RATE
from audio.detector import speech_probability

FRAME = SAMPLE_RATE // 50  # samples, 20 ms
LOUD_PERCENTILE, RANGE = 95, 30.0  # frames within so many dB of the loud ones are looked at
FAINTEST = 1e-3  # power instead of zero
LEAST_PROBABILITY = 0.6  # of speech, from the detector


class Movement(NamedTuple):
    """How an utterance changes from frame to frame, over the frames in which it is loud."""

    frames: float  # how many there are
    level: float  # dB, deviation of the level
    step: float  # dB, mean change of the level
    usual_step: float  # dB, the median change, which notes that are held have not
    tilt: float  # deviation of the first autocorrelation coefficient: high in vowels, low in hisses
    level_held: float  # correlation of the level with that of the frame before
    tone_held: float  # the same of the share of samples where the sign changes


# Above the first and below the second are nine recordings in ten, and of non-speech one in several hundred.
ABOVE = Movement(frames=20, level=4.5, step=1.5, usual_step=0.9, tilt=0.05, level_held=0.55, tone_held=0.35)
BELOW = Movement(np.inf, level=np.inf, step=5.2, usual_step=4.0, tilt=1.0, level_held=1.0, tone_held=0.92)
# Below any of these is no recording of speech, but most hum, noise, tones, and music; nothing is below the infinite.
NEVER_SPEECH = Movement(-np.inf, level=1.5, step=0.6, usual_step=0.3, tilt=0.01, level_held=-np.inf, tone_held=-np.inf)


def holds_speech(signal: NDArray[np.int16]) -> bool:
    """Decide whether there is speech in an utterance.

    Args:
        signal: int16, shape = (samples,), at `SAMPLE_RATE`, without outer silence.
    """
    movement = movement_of(signal)
    if all(low < value < high for low, value, high in zip(ABOVE, movement, BELOW)):
        return True
    if movement.frames >= ABOVE.frames and any(value < least for value, least in zip(movement, NEVER_SPEECH)):
        return False
    return speech_probability(signal, LEAST_PROBABILITY) >= LEAST_PROBABILITY


def movement_of(signal: NDArray[np.int16]) -> Movement:
    """Measure an utterance; `signal` as for `holds_speech`."""
    count = max(len(signal) // FRAME, 1)
    frames = np.resize(signal, count * FRAME).astype(np.float32).reshape(count, FRAME)
    power = np.einsum("ij,ij->i", frames, frames) + FAINTEST
    level = 10 * np.log10(power)
    loud = level > np.percentile(level, LOUD_PERCENTILE) - RANGE
    tilt = (np.einsum("ij,ij->i", frames[:, 1:], frames[:, :-1]) / power)[loud]
    above = frames > 0
    tone = np.count_nonzero(above[:, 1:] != above[:, :-1], axis=1)[loud]
    level = level[loud]
    steps = np.abs(np.diff(level)) if len(level) > 1 else np.zeros(1)
    held = (_correlation(values[1:], values[:-1]) for values in (level, tone))
    return Movement(len(level), level.std(), steps.mean(), float(np.median(steps)), tilt.std(), *held)


def _correlation(a: NDArray, b: NDArray) -> float:
    """The correlation of two rows of values; 0 where one of them never changes."""
    if len(a) < 2:
        return 0.0
    a, b = a - a.mean(), b - b.mean()
    spread = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / spread if spread else 0.0
