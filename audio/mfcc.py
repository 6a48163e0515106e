"""Mel-frequency cepstra with their first and second derivatives.

Computed along the whole utterance: v1 took one 25 ms slice at a time, which made its derivatives constant.
"""

from dataclasses import dataclass

import numpy as np
import python_speech_features as psf
from scipy.ndimage import correlate1d

from audio.decode import SAMPLE_RATE

FRAME_STEP = 0.010  # s
DELTA_REACH = 2  # frames on either side that a derivative looks at


@dataclass(frozen=True)
class FeatureSettings:
    """What shapes the features; it travels with the training inputs and with every checkpoint."""

    sample_rate: int = SAMPLE_RATE  # Hz
    frame_length: float = 0.025  # s
    frame_step: float = FRAME_STEP  # s
    fft_size: int = 256  # samples; the next power of two above a frame
    num_filters: int = 26
    num_cepstra: int = 13
    dither_seed: int = 0

    @property
    def size(self) -> int:
        """Values per frame: cepstra, first and second derivatives."""
        return 3 * self.num_cepstra


DEFAULT_FEATURES = FeatureSettings()


def mfcc(signal: np.ndarray, settings: FeatureSettings = DEFAULT_FEATURES) -> np.ndarray:
    """Turn an utterance into frames.

    Args:
        signal: int16, shape = (samples,), at `settings.sample_rate`.

    Returns:
        float32, shape = (frames, 39): 13 cepstra (the first is the log energy), 13 deltas, 13 delta-deltas; one
        frame every 10 ms.

    Raises:
        ValueError: an empty signal.
    """
    if not signal.size:
        raise ValueError("expected a signal with samples. Received an empty one")
    cepstra = psf.mfcc(
        _dithered(signal, settings.dither_seed),
        settings.sample_rate,
        winlen=settings.frame_length,
        winstep=settings.frame_step,
        numcep=settings.num_cepstra,
        nfilt=settings.num_filters,
        nfft=settings.fft_size,
        winfunc=np.hamming,
    )
    delta = _derivative(cepstra)
    return np.hstack([cepstra, delta, _derivative(delta)]).astype(np.float32)


def _dithered(signal: np.ndarray, seed: int) -> np.ndarray:
    """Add noise of half a 16-bit step: digital silence has no logarithm, and would be seen as a loud event."""
    noise = np.random.default_rng(seed).random(signal.size, dtype=np.float32)
    return signal + (noise - 0.5)


def _derivative(frames: np.ndarray) -> np.ndarray:
    """Regression slope along time, edges repeated, shape unchanged; equal to `python_speech_features.delta`.

    (The library's own loop over frames takes as long as the cepstra themselves.)
    """
    reach = np.arange(-DELTA_REACH, DELTA_REACH + 1)
    return correlate1d(frames, reach / np.square(reach).sum(), axis=0, mode="nearest")
