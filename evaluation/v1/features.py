"""The first version's features: 390 values of 10 frames, normalised by whose they are.

A frame is 13 cepstra of a 25 ms slice, with derivatives that were taken over this one frame, and so are always 0. Then
a speaker's mean and deviation, each *one number* over all inputs of that speaker's training and test utterances, were
subtracted and divided by. That makes of each 0 the same number, -mean / deviation, in all 260 derivatives of all of a
speaker's windows, and another one for each speaker: the name, spelt 260 times.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from audio.feature_settings import FeatureSettings
from audio.mfcc import cepstra_with_derivatives, log_mel

SETTINGS = FeatureSettings(num_filters=26, num_cepstra=13)
WINDOW, WINDOW_STEP = 10, 3  # frames
STEP = SETTINGS.frame_samples[1]  # samples
WINDOW_SIZE = WINDOW * SETTINGS.size  # 390 values, of which 260 are derivatives


class Statistics(NamedTuple):
    """What inputs are normalised by."""

    mean: float
    deviation: float

    def normalise(self, windows: np.ndarray) -> NDArray[np.float32]:
        """Shift and scale windows of any shape."""
        return ((windows - self.mean) / self.deviation).astype(np.float32)


def windows(signal: np.ndarray) -> NDArray[np.float32]:
    """Cut a signal into windows, not normalised yet.

    Args:
        signal: int16, (samples,), at 8 kHz, without outer silence.

    Returns:
        float32, shape = (windows, 390); none of less than 0.1 s.
    """
    if len(signal) < WINDOW * STEP:
        return np.zeros((0, WINDOW_SIZE), np.float32)
    cepstra = cepstra_with_derivatives(log_mel(signal, SETTINGS), SETTINGS)[:, : SETTINGS.num_cepstra]
    frames = np.zeros((max(len(cepstra), WINDOW), SETTINGS.size), np.float32)
    frames[: len(cepstra), : SETTINGS.num_cepstra] = cepstra
    return sliding_window_view(frames, WINDOW, axis=0)[::WINDOW_STEP].transpose(0, 2, 1).reshape(-1, WINDOW_SIZE)


def statistics_of(utterances: Sequence[np.ndarray]) -> Statistics:
    """Return one mean and one deviation over all values of windows, each (windows, 390)."""
    values = np.concatenate(utterances)
    return Statistics(float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64)))
