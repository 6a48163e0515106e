"""Mel-frequency cepstra with their first and second derivatives, by way of log mel powers.

Computed along the whole utterance: v1 took one 25 ms slice at a time, which made its derivatives constant. Log mel
powers are what training inputs hold, since noise and rooms can be added to them and not to cepstra.
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
    num_filters: int = 32
    num_cepstra: int = 20  # 13 of 26 filters are v1's
    dither_seed: int = 0

    @property
    def size(self) -> int:
        """Values per frame: cepstra, first and second derivatives."""
        return 3 * self.num_cepstra

    @property
    def powers(self) -> int:
        """Values per frame before they become cepstra: the log energy and the log power of each filter."""
        return 1 + self.num_filters


DEFAULT_FEATURES = FeatureSettings()


def mfcc(signal: np.ndarray, settings: FeatureSettings = DEFAULT_FEATURES) -> np.ndarray:
    """Turn an utterance into frames.

    Args:
        signal: int16, shape = (samples,), at `settings.sample_rate`.

    Returns:
        float32, shape = (frames, 60): 20 cepstra (the first is the log energy, as `log_mel` has it), 20 deltas, 20
        delta-deltas; one frame every 10 ms.

    Raises:
        ValueError: an empty signal.
    """
    return cepstra_with_derivatives(log_mel(signal, settings), settings).astype(np.float32)


def log_mel(signal: np.ndarray, settings: FeatureSettings = DEFAULT_FEATURES) -> np.ndarray:
    """The log energy of each frame, then the log power of each mel filter, relative to the utterance's mean energy.

    (How loud a recording is says more of the microphone than of the voice: a network that sees it takes speakers for
    others as soon as they come closer.)

    Args:
        signal: int16, shape = (samples,), at `settings.sample_rate`.

    Returns:
        float64, shape = (frames, 1 + filters), natural logarithms.

    Raises:
        ValueError: an empty signal.
    """
    if not signal.size:
        raise ValueError("expected a signal with samples. Received an empty one")
    frames = _frames(psf.sigproc.preemphasis(_dithered(signal, settings.dither_seed), PREEMPHASIS), settings)
    parts = range(0, len(frames), FRAMES_AT_ONCE)
    powers = np.concatenate([_log_powers(frames[first : first + FRAMES_AT_ONCE], settings) for first in parts])
    return powers - np.log(np.exp(powers[:, 0]).mean())


def cepstra_with_derivatives(powers: np.ndarray, settings: FeatureSettings = DEFAULT_FEATURES) -> np.ndarray:
    """What `log_mel` gives, of one utterance or of many windows, as cepstra: (…, frames, 33) -> (…, frames, 60).

    The type stays. All of it is linear: adding a constant to a filter moves the cepstra and leaves derivatives alone.
    """
    cepstra = powers @ _cepstra_of_powers(settings).astype(powers.dtype)
    delta = _derivative(cepstra)
    return np.concatenate([cepstra, delta, _derivative(delta)], axis=-1)


def _frames(signal: np.ndarray, settings: FeatureSettings) -> np.ndarray:
    """A view of the signal as overlapping frames, (frames, samples); zeros complete the last one."""
    length, step = (round(settings.sample_rate * seconds) for seconds in (settings.frame_length, settings.frame_step))
    count = 1 + max(0, -(-(len(signal) - length) // step))
    padded = np.pad(signal, (0, (count - 1) * step + length - len(signal)))
    return sliding_window_view(padded, length)[::step]


def _log_powers(frames: np.ndarray, settings: FeatureSettings) -> np.ndarray:
    """(frames, samples) -> (frames, 1 + filters), as `python_speech_features.mfcc` has them before their logarithm.

    (The library builds frames by an array of their indices, and its filters anew for each utterance; without that, it
    takes two thirds of the time.)
    """
    spectrum = np.fft.rfft(frames * np.hamming(frames.shape[1]), settings.fft_size)
    power = (np.square(spectrum.real) + np.square(spectrum.imag)) / settings.fft_size
    return np.log(np.maximum(np.column_stack([power.sum(axis=1), power @ _filters(settings)]), TINY))


@cache
def _cepstra_of_powers(settings: FeatureSettings) -> np.ndarray:
    """Log energy and log mel powers to log energy and liftered cepstra: (1 + filters, cepstra)."""
    cosines = psf.lifter(dct(np.eye(settings.num_filters), axis=1, norm="ortho")[:, : settings.num_cepstra])
    matrix = np.vstack([np.zeros(settings.num_cepstra), cosines])
    matrix[:, 0] = 0  # in the place of the first cepstrum stands the energy
    matrix[0, 0] = 1
    return matrix


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
    return correlate1d(frames, reach / np.square(reach).sum(), axis=-2, mode="nearest")
