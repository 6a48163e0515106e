"""Where an utterance begins and ends (v1's rule, except where nothing is above its threshold)."""

import numpy as np

from audio.decode import SAMPLE_RATE
from audio.reader import UnusableAudioError

SILENCE_PERCENTILE = 95  # of the magnitudes: speech starts and ends at the first and last sample above it
MINIMUM_PEAK = 32  # of 32768, -60 dB: anything quieter is silence
MINIMUM_VOICED = SAMPLE_RATE // 10  # samples, 0.1 s


def voiced_span(signal: np.ndarray) -> tuple[int, int]:
    """Cut leading and trailing silence.

    Args:
        signal: int16, shape = (samples,).

    Returns:
        (start, stop) in samples, so that `signal[start:stop]` is the voiced part; (0, 0) for digital silence, another
        constant, or no samples. Where a twentieth of the samples or more share the largest magnitude (clipped speech,
        a square tone), nothing is above the percentile, and the samples that reach it count.
    """
    if not signal.size or signal.min() == signal.max():
        return 0, 0
    magnitude = np.abs(signal).view(np.uint16)  # |-32768| is 32768 without a sign
    voiced = magnitude > _percentile(magnitude)
    if not voiced.any():
        voiced = magnitude == magnitude.max()
    return int(voiced.argmax()), len(signal) - int(voiced[::-1].argmax())


def checked_span(signal: np.ndarray) -> tuple[int, int]:
    """`voiced_span` of a signal that can serve as an utterance.

    Raises:
        UnusableAudioError: it is silent, or too short between its outer silences.
    """
    if max(-int(signal.min()), int(signal.max())) < MINIMUM_PEAK:
        raise UnusableAudioError("silent")
    start, stop = voiced_span(signal)
    if stop - start < MINIMUM_VOICED:
        raise UnusableAudioError(f"too short: {1000 * (stop - start) / SAMPLE_RATE:.0f} ms between its silences")
    return start, stop


def _percentile(magnitude: np.ndarray) -> float:
    """As `np.percentile`, which takes half as long again: two neighbours in order, and the point between them."""
    whole, part = divmod((len(magnitude) - 1) * SILENCE_PERCENTILE, 100)
    above = min(whole + 1, len(magnitude) - 1)
    ordered = np.partition(magnitude, (whole, above))
    return ordered[whole] + part / 100 * (float(ordered[above]) - float(ordered[whole]))
