"""Samples in memory, as programs keep them: arrays, tensors, lists; of any width; with channels first or last."""

from numbers import Integral, Real

import numpy as np

from audio.errors import UnusableAudioError

MOST_CHANNELS = 64
INTEGER_SCALES = (1 << 15, 1 << 23, 1 << 31)  # full scales that wider integers may be of: the narrowest that fits
EXPECTED = (
    "expected samples as signed integers, uint8 or floating point, of shape (samples,), (samples, channels) or "
    f"(channels, samples), with up to {MOST_CHANNELS} channels"
)


def samples_in(given: object) -> np.ndarray:
    """Bring samples into the form that `audio.decode.convert` takes.

    The level makes no difference, so neither does the full scale: 16-bit values as floats are as good as values from -1
    to 1. Of two dimensions, the smaller one is the channels.

    Args:
        given: an array of NumPy's, a tensor of PyTorch's or another's that turns into one, or numbers in a list.

    Returns:
        int16, or float32 of any scale, shape = (samples, channels).

    Raises:
        UnusableAudioError: it is of another type or shape, or some of it is masked.
    """
    samples = _array(given)
    known = samples.dtype.kind in "if" or samples.dtype == np.uint8
    if not known or samples.ndim not in (1, 2) or (samples.ndim == 2 and not _has_channels(samples.shape)):
        raise UnusableAudioError(f"{EXPECTED}. Received {samples.dtype} of shape {samples.shape}")
    if samples.ndim == 1:
        samples = samples[:, None]
    return _of_known_scale(samples.T if 0 < samples.shape[0] < samples.shape[1] else samples)


def rate_in(given: object) -> int:
    """Check a sample rate, and give it in Hz.

    Raises:
        UnusableAudioError: it is none, or no whole number.
    """
    if given is None:
        raise UnusableAudioError("expected the sample rate of samples in memory. Received none")
    if isinstance(given, bool | np.bool_) or not isinstance(given, Integral | Real) or given != given // 1:
        raise UnusableAudioError(
            f"expected the sample rate as a whole number of samples a second. Received {type(given).__name__} {given!r}"
        )
    return int(float(given))


def _array(given: object) -> np.ndarray:
    if isinstance(given, np.ma.MaskedArray):
        if np.ma.is_masked(given):
            raise UnusableAudioError(f"expected samples. Received an array with {given.mask.sum()} of them masked")
        return given.data
    for step in ("detach", "cpu"):  # of PyTorch's tensors, which are no arrays while they take part in training
        given = getattr(given, step, lambda given=given: given)()
    try:
        return np.asarray(given)
    except Exception as error:  # whatever a foreign type raises
        reason = str(error).partition("\n")[0]
        raise UnusableAudioError(f"{EXPECTED}. Received {type(given).__name__} ({reason})") from error


def _has_channels(shape: tuple[int, ...]) -> bool:
    return 0 < min(shape) <= MOST_CHANNELS or shape[0] == 0


def _of_known_scale(samples: np.ndarray) -> np.ndarray:
    if samples.dtype == np.int16:
        return samples
    if samples.dtype.itemsize == 1:
        middle = 128 if samples.dtype == np.uint8 else 0
        return (samples.astype(np.int16) - middle) << 8
    with np.errstate(over="ignore"):  # to infinity, which is refused
        if samples.dtype.kind == "f" or not samples.size:
            return samples.astype(np.float32)
        peak = max(-int(samples.min()), int(samples.max()))
        full_scale = next((scale for scale in INTEGER_SCALES if peak <= scale), INTEGER_SCALES[-1])
        return (samples / full_scale).astype(np.float32)
