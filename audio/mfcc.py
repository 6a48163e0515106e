"""Mel-frequency cepstra with their first and second derivatives, by way of log mel values.

Computed along the whole utterance: v1 took one 25 ms slice at a time, which made its derivatives constant. Log mel
values are what training inputs hold, since noise and rooms can be added to them and not to cepstra.
"""

import reprlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from audio.decode import SAMPLE_RATE
from audio.mel import liftered_cosines, mel_filters
from audio.speech_activity import CELL, PREEMPHASIS, active_cells
from storage.fields import Fields

FRAME_STEP = 0.010  # s
FFT_SIZES = (256, 512, 1024)  # samples; the first is the next power of two above a frame of 25 ms
MOST_FILTERS = 128  # mel filters; the largest FFT has frequencies for some more
TINY = np.finfo(float).eps  # instead of a power of zero, which has no logarithm
FRAMES_AT_ONCE = 1024  # turned into cepstra, so that hours of speech take no more memory than seconds
DELTA_REACH = 2  # frames on either side that a derivative looks at
NORM = 2 * sum(step**2 for step in range(1, DELTA_REACH + 1))  # of a regression over them
LIMITS = {  # of each setting, the lowest and the highest value that makes sense
    "sample_rate": (SAMPLE_RATE, SAMPLE_RATE),  # of all speech here: at another rate, every filter would be misplaced
    "frame_length": (0.001, FFT_SIZES[-1] / SAMPLE_RATE),
    "frame_step": (0.001, FFT_SIZES[-1] / SAMPLE_RATE),
    "fft_size": (1, FFT_SIZES[-1]),
    "num_filters": (1, MOST_FILTERS),
    "num_cepstra": (1, MOST_FILTERS),
    "dither_seed": (0, 2**31 - 1),
}
KINDS = {name: float if name in ("frame_length", "frame_step") else int for name in LIMITS}  # of each setting


@dataclass(frozen=True)
class FeatureSettings:
    """What shapes the features; it travels with the training inputs and with every checkpoint.

    Files from elsewhere hold settings too, so they are checked before anything is computed with them.

    Raises:
        TypeError: a field that this version does not know.
        ValueError: a setting of another type or beyond `LIMITS`, or settings that do not go together: a frame longer
            than the FFT, more cepstra than filters, filters so narrow that some lie between the FFT's frequencies.
    """

    sample_rate: int = SAMPLE_RATE  # Hz
    frame_length: float = 0.025  # s
    frame_step: float = FRAME_STEP  # s
    fft_size: int = FFT_SIZES[0]  # samples
    num_filters: int = 32
    num_cepstra: int = 20  # 13 of 26 filters are v1's
    dither_seed: int = 0

    def __post_init__(self) -> None:
        for name, kind in KINDS.items():
            _check_setting(name, kind, getattr(self, name))
        frame, filters = _samples(self, self.frame_length), self.num_filters
        _expect(self.frame_step <= self.frame_length, "frame_step up to frame_length", self.frame_step)
        _expect(frame <= self.fft_size, f"fft_size of a frame's {frame} samples or more", self.fft_size)
        _expect(self.num_cepstra <= filters, f"num_cepstra up to num_filters, {filters}", self.num_cepstra)
        fits = _no_filter_is_empty(filters, self.fft_size)
        _expect(fits, f"num_filters for which an fft_size of {self.fft_size} has frequencies", filters)

    @classmethod
    def fitting(cls, num_filters: int, **others: Any) -> "FeatureSettings":
        """Settings with the shortest FFT at which no filter is empty.

        Args:
            num_filters: on the mel scale, up to `MOST_FILTERS`.
            others: any other fields but `fft_size`.

        Raises:
            TypeError, ValueError: as said of the class.
        """
        _check_setting("num_filters", int, num_filters)
        fft_size = next(size for size in FFT_SIZES if _no_filter_is_empty(num_filters, size))
        return cls(num_filters=num_filters, fft_size=fft_size, **others)

    @classmethod
    def from_json(cls, value: object) -> "FeatureSettings":
        """Read settings from a file.

        Raises:
            ValueError: a setting is missing, unknown, of another type, or makes no sense.
        """
        fields = Fields(value)
        settings = cls(
            sample_rate=fields.take("sample_rate", int),
            frame_length=fields.take("frame_length", float),
            frame_step=fields.take("frame_step", float),
            fft_size=fields.take("fft_size", int),
            num_filters=fields.take("num_filters", int),
            num_cepstra=fields.take("num_cepstra", int),
            dither_seed=fields.take("dither_seed", int),
        )
        fields.end()
        return settings

    @property
    def size(self) -> int:
        """Values per frame: cepstra, first and second derivatives."""
        return 3 * self.num_cepstra

    @property
    def log_mel_size(self) -> int:
        """Values per frame before they become cepstra: the log energy and the log power of each filter."""
        return 1 + self.num_filters


def _check_setting(name: str, kind: type[int | float], value: object) -> None:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"expected {name} as {kind.__name__}. Received {type(value).__name__}")
    lowest, highest = LIMITS[name]
    inside = lowest <= value <= highest  # which NaN is not, either
    _expect(inside, f"{name} of {lowest}" if lowest == highest else f"{name} from {lowest} to {highest}", value)


def _expect(holds: bool, what: str, received: float) -> None:
    if not holds:
        raise ValueError(f"expected {what}. Received {reprlib.repr(received)}")  # which shortens endless numbers


def _samples(settings: FeatureSettings, seconds: float) -> int:
    return round(settings.sample_rate * seconds)


def _frame_samples(settings: FeatureSettings) -> tuple[int, int]:
    """How long a frame is, and how far it is to the next."""
    return _samples(settings, settings.frame_length), _samples(settings, settings.frame_step)


@cache
def _filters(num_filters: int, fft_size: int) -> np.ndarray:
    """Triangles on the mel scale, (frequencies, filters)."""
    return mel_filters(num_filters, fft_size, SAMPLE_RATE)


def _no_filter_is_empty(num_filters: int, fft_size: int) -> bool:
    """Whether each filter holds a frequency above 0, of which pre-emphasis leaves next to nothing.

    An empty one gives the same power in every recording; less the utterance's level, that is a feature of loudness.
    """
    return bool(_filters(num_filters, fft_size)[1:].any(axis=0).all())


DEFAULT_FEATURES = FeatureSettings()


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
    length, step = _frame_samples(settings)
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
    length, step = _frame_samples(settings)
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
    return np.log(
        np.maximum(
            np.column_stack([power.sum(axis=1), power @ _filters(settings.num_filters, settings.fft_size)]), TINY
        )
    )


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
