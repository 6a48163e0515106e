"""Mel-frequency cepstra with their first and second derivatives.

Computed along the whole utterance: v1 took one 25 ms slice at a time, which made its derivatives constant.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import python_speech_features as psf
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import dct
from scipy.ndimage import correlate1d

from audio.decode import SAMPLE_RATE

FRAME_STEP = 0.010  # s
PREEMPHASIS = 0.97
TINY = np.finfo(float).eps  # instead of a power of zero, which has no logarithm
FRAMES_AT_ONCE = 1024  # turned into cepstra, so that hours of speech take no more memory than seconds
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
    frames = _frames(psf.sigproc.preemphasis(_dithered(signal, settings.dither_seed), PREEMPHASIS), settings)
    parts = range(0, len(frames), FRAMES_AT_ONCE)
    cepstra = np.concatenate([_cepstra(frames[first : first + FRAMES_AT_ONCE], settings) for first in parts])
    delta = _derivative(cepstra)
    return np.hstack([cepstra, delta, _derivative(delta)]).astype(np.float32)


def _frames(signal: np.ndarray, settings: FeatureSettings) -> np.ndarray:
    """A view of the signal as overlapping frames, (frames, samples); zeros complete the last one."""
    length, step = (round(settings.sample_rate * seconds) for seconds in (settings.frame_length, settings.frame_step))
    count = 1 + max(0, -(-(len(signal) - length) // step))
    padded = np.pad(signal, (0, (count - 1) * step + length - len(signal)))
    return sliding_window_view(padded, length)[::step]


def _cepstra(frames: np.ndarray, settings: FeatureSettings) -> np.ndarray:
    """Log energy and liftered cepstra of the frames, as `python_speech_features.mfcc` computes them.

    (The library builds frames by an array of their indices, and its filters anew for each utterance; without that, it
    takes two thirds of the time.)
    """
    spectrum = np.fft.rfft(frames * np.hamming(frames.shape[1]), settings.fft_size)
    power = (np.square(spectrum.real) + np.square(spectrum.imag)) / settings.fft_size
    log_mel = np.log(np.maximum(power @ _filters(settings), TINY))  # (frames, filters)
    cepstra = psf.lifter(dct(log_mel, axis=1, norm="ortho")[:, : settings.num_cepstra])
    cepstra[:, 0] = np.log(np.maximum(power.sum(axis=1), TINY))
    return cepstra


@cache
def _filters(settings: FeatureSettings) -> np.ndarray:
    """Triangles on the mel scale, (frequencies, filters)."""
    return psf.get_filterbanks(settings.num_filters, settings.fft_size, settings.sample_rate).T


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
