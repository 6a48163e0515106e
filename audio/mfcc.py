"""Mel-frequency cepstra with their first and second derivatives, by way of log mel values.

Computed along the whole utterance: v1 took one 25 ms slice at a time, which made its derivatives constant. Log mel
values are what training inputs hold, since noise and rooms can be added to them and not to cepstra.
"""

from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from audio.decode import SAMPLE_RATE
from audio.feature_settings import DEFAULT_FEATURES, FeatureSettings
from audio.mel import liftered_cosines, mel_filters
from audio.speech_activity import CELL, PREEMPHASIS, active_cells

TINY = np.finfo(float).eps  # instead of a power of zero, which has no logarithm
FRAMES_AT_ONCE = 1024  # turned into cepstra, so that hours of speech take no more memory than seconds
DELTA_REACH = 2  # frames on either side that a derivative looks at
NORM = 2 * sum(step**2 for step in range(1, DELTA_REACH + 1))  # of a regression over them


def mfcc(signal: np.ndarray, settings: FeatureSettings = DEFAULT_FEATURES) -> np.ndarray:
    """Turn an utterance into the frames that the network sees: those with speech.

    Args:
        signal: int16, shape = (samples,), at `settings.sample_rate`.

    Returns:
        float32, shape = (frames, 60): 20 cepstra (the first is the log energy, as `speech_log_mel` has it), 20 deltas,
        20 delta-deltas; one frame every 10 ms of speech.

    Raises:
        ValueError: an empty signal.
    """
    return cepstra_with_derivatives(speech_log_mel(signal, settings), settings).astype(np.float32)


def speech_log_mel(signal: np.ndarray, settings: FeatureSettings = DEFAULT_FEATURES) -> np.ndarray:
    """The frames of `log_mel` with speech, relative to their mean energy; see `audio.speech_activity`.

    (The level of a recording depends on the microphone more than on the speaker. A network that sees it takes speakers
    for others as soon as they come closer.)

    Args:
        signal: int16, shape = (samples,), at `settings.sample_rate`.

    Returns:
        float64, shape = (frames of speech, 1 + filters), natural logarithms.

    Raises:
        ValueError: an empty signal.
    """
    mel, active = log_mel(signal, settings), active_cells(signal)
    length, step = settings.frame_samples
    centres = (np.arange(len(mel)) * step + length // 2) // CELL
    spoken = mel[active[np.minimum(centres, len(active) - 1)]]
    return spoken - np.log(np.exp(spoken[:, 0]).mean())


def log_mel(signal: np.ndarray, settings: FeatureSettings = DEFAULT_FEATURES) -> np.ndarray:
    """The log energy of each frame, then the log power of each mel filter.

    Args:
        signal: int16, shape = (samples,), at `settings.sample_rate`.

    Returns:
        float64, shape = (frames, 1 + filters), natural logarithms.

    Raises:
        ValueError: an empty signal.
    """
    if not signal.size:
        raise ValueError("expected a signal with samples. Received an empty one")
    frames = _frames(_emphasised(_dithered(signal, settings.dither_seed)), settings)
    parts = range(0, len(frames), FRAMES_AT_ONCE)
    return np.concatenate([_log_mel_of_frames(frames[first : first + FRAMES_AT_ONCE], settings) for first in parts])


def cepstra_with_derivatives(mel: np.ndarray, settings: FeatureSettings = DEFAULT_FEATURES) -> np.ndarray:
    """What `log_mel` gives, of one utterance or of many windows, as cepstra: (…, frames, 33) -> (…, frames, 60).

    The type stays. All of it is linear: adding a constant to a filter moves the cepstra and leaves derivatives alone.
    """
    cepstra = mel @ _log_mel_to_cepstra(settings).astype(mel.dtype)
    delta = _derivative(cepstra)
    return np.concatenate([cepstra, delta, _derivative(delta)], axis=-1)


def _frames(signal: np.ndarray, settings: FeatureSettings) -> np.ndarray:
    """A view of the signal as overlapping frames, (frames, samples); zeros complete the last one."""
    length, step = settings.frame_samples
    count = 1 + max(0, -(-(len(signal) - length) // step))
    padded = np.pad(signal, (0, (count - 1) * step + length - len(signal)))
    return sliding_window_view(padded, length)[::step]


def _log_mel_of_frames(frames: np.ndarray, settings: FeatureSettings) -> np.ndarray:
    """(frames, samples) -> (frames, 1 + filters), as `python_speech_features.mfcc` has them before their logarithm.

    (The library builds frames by an array of their indices, and its filters anew for each utterance; without that, it
    takes two thirds of the time.)
    """
    spectrum = np.fft.rfft(frames * np.hamming(frames.shape[1]), settings.fft_size)
    power = (np.square(spectrum.real) + np.square(spectrum.imag)) / settings.fft_size
    filters = mel_filters(settings.num_filters, settings.fft_size, SAMPLE_RATE)
    return np.log(np.maximum(np.column_stack([power.sum(axis=1), power @ filters]), TINY))


@cache
def _log_mel_to_cepstra(settings: FeatureSettings) -> np.ndarray:
    """Log energy and log mel values to log energy and liftered cepstra: (1 + filters, cepstra)."""
    cosines = liftered_cosines(settings.num_filters, settings.num_cepstra)
    matrix = np.vstack([np.zeros(settings.num_cepstra), cosines])
    matrix[:, 0] = 0  # in the place of the first cepstrum stands the energy
    matrix[0, 0] = 1
    return matrix


def _emphasised(signal: np.ndarray) -> np.ndarray:
    """What of each sample is not foreseen by the one before: high frequencies become as strong as low ones."""
    emphasised = signal.copy()
    emphasised[1:] -= np.float32(PREEMPHASIS) * signal[:-1]
    return emphasised


def _dithered(signal: np.ndarray, seed: int) -> np.ndarray:
    """Add noise of half a 16-bit step: digital silence has no logarithm, and would be seen as a loud event."""
    noise = np.random.default_rng(seed).random(signal.size, dtype=np.float32)
    return signal + (noise - 0.5)


def _derivative(frames: np.ndarray) -> np.ndarray:
    """Regression slope along time, edges repeated, shape unchanged; equal to `python_speech_features.delta`.

    (The library's own loop over frames takes as long as the cepstra themselves.)
    """
    count, far = frames.shape[-2], DELTA_REACH
    padded = np.empty((*frames.shape[:-2], count + 2 * far, frames.shape[-1]), frames.dtype)
    padded[..., far : far + count, :] = frames
    padded[..., :far, :], padded[..., far + count :, :] = frames[..., :1, :], frames[..., -1:, :]
    slopes = np.zeros_like(frames)
    for step in range(far, 0, -1):
        weight = frames.dtype.type(step / NORM)
        later, earlier = (padded[..., far + side : far + side + count, :] for side in (step, -step))
        slopes += (later - earlier) * weight
    return slopes
