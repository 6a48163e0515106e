"""Take away what lies below speech: a microphone's offset, wind, steps, the hum of the mains."""

import numpy as np
from numpy.typing import NDArray

from audio.decode import SAMPLE_RATE
from audio.smoothing import moving_average

CUTOFF = 60  # Hz, where half of the amplitude is left; the lowest voices begin at 75 Hz
HALF_POWER = 0.443  # sinc² of it is a half
WIDTH = round(HALF_POWER * SAMPLE_RATE / CUTOFF)  # samples of a moving average


def without_rumble(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Subtract what a moving average, taken twice, makes of a signal: a high-pass of linear phase, 1 - sinc².

    12 dB an octave, 16 dB at 30 Hz; nothing is ringing. An offset makes no difference at all, not even at the ends,
    where the signal counts as if it went on as at its outermost samples. (A sharper filter takes three times as long.)

    Args:
        signal: float32, shape = (samples,), at `SAMPLE_RATE`, at least one.

    Returns:
        float32, shape = (samples,).
    """
    signal = signal - signal[0]  # rounding then does not depend on the offset
    return signal - moving_average(moving_average(signal, WIDTH), WIDTH)
