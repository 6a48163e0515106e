"""Speech activity detection: in which 10 ms of an utterance somebody speaks, by the level and how it changes.

Speech rises and falls with its syllables, by many decibels within half a second; pauses, room noise, hum, and digital
silence stand still, at whatever level. So frames are left out where the level stands still; where it is far below the
loud ones, or close to the noise that stands still; and where it is high for less than some 30 ms, as in a click.
(Frames without speech are dropped before the network, as in Snyder et al., "X-Vectors", 2018, section 2, whose detector
knows the level alone.)
"""

import numpy as np
from numpy.typing import NDArray

from audio.decode import SAMPLE_RATE
from audio.smoothing import moving_average, moving_median, widened

CELL = SAMPLE_RATE // 100  # samples, 10 ms: a frame of the signal, as the frames of `audio.mfcc` are longer and overlap
PREEMPHASIS = 0.97  # here and in the features; hum and wind count less
CLICK = 7  # cells; of a median, which a burst of less than half of them does not reach
STILL_WITHIN = 51  # cells, half a second, in which the level's deviation is taken
STILL = 1.0  # dB of deviation; speech has some 8
LOUD_PERCENTILE = 95  # of what does not stand still: the level of speech
RANGE = 30.0  # dB below that, where speech ends
ABOVE_NOISE = 2.0  # dB
NOISE_PERCENTILE = 95  # of what stands still
LEAST_RANGE = 8.0  # dB below the loud, which count as speech in any noise
NO_NOISE = 60.0  # dB below the loud: digital silence says nothing of the room
FEWEST = 20  # cells to judge by
EDGE = 3  # cells before and after speech that belong to it, within `FAINTER` dB
FAINTER = 10.0
FAINTEST = 1e-3  # power instead of zero


def active_cells(signal: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Tell speech from all else.

    Args:
        signal: int16, shape = (samples,), at `SAMPLE_RATE`, at least one.

    Returns:
        bool, shape = (cells,), one for each 10 ms begun; True somewhere.
    """
    level = cell_levels(signal)
    smooth = moving_median(level, CLICK)
    still = _stands_still(smooth)
    moving = smooth[~still] if (~still).sum() >= FEWEST else smooth
    loud = np.percentile(moving, LOUD_PERCENTILE)
    active = (smooth >= _threshold(smooth[still], loud)) & ~still
    active = widened(active, EDGE) & (level >= loud - RANGE - FAINTER)
    if active.sum() >= min(FEWEST, len(level) / 2):
        return active
    return smooth >= min(loud - RANGE, smooth.max())  # a held vowel, say


def speech_seconds(signal: NDArray[np.int16]) -> float:
    """Measure how much of a signal is speech, in s; `signal` as for `active_cells`."""
    return float(active_cells(signal).sum()) * CELL / SAMPLE_RATE


def cell_levels(signal: NDArray[np.int16]) -> NDArray[np.float32]:
    """Measure the level of each cell after pre-emphasis: dB, float32, shape = (cells,); the last may be shorter."""
    emphasised = signal.astype(np.float32)
    emphasised[1:] -= PREEMPHASIS * emphasised[:-1]
    power = np.add.reduceat(np.square(emphasised), np.arange(0, len(signal), CELL)) / CELL
    return 10 * np.log10(power + FAINTEST)


def _stands_still(level: NDArray[np.float32]) -> NDArray[np.bool_]:
    mean = moving_average(level, STILL_WITHIN)
    variance = moving_average(np.square(level), STILL_WITHIN) - np.square(mean)
    return variance < STILL**2


def _threshold(still: NDArray[np.float32], loud: np.floating) -> np.floating:
    """The level from which on it is speech: above the noise, if any, but that must leave room for speech."""
    noise = still[(still > loud - NO_NOISE) & (still < loud - ABOVE_NOISE)]
    if len(noise) < FEWEST:
        return loud - RANGE
    floor = np.percentile(noise, NOISE_PERCENTILE) + ABOVE_NOISE
    return np.maximum(loud - RANGE, np.minimum(floor, loud - LEAST_RANGE))
