"""Where an utterance begins and ends (v1's rule, except where nothing is above its threshold)."""

import numpy as np

SILENCE_PERCENTILE = 95  # of the magnitudes: speech starts and ends at the first and last sample above it


def voiced_span(signal: np.ndarray) -> tuple[int, int]:
    """Cut leading and trailing silence.

    Args:
        signal: shape = (samples,), any signed dtype.

    Returns:
        (start, stop) in samples, so that `signal[start:stop]` is the voiced part; (0, 0) for digital silence, another
        constant, or no samples. Where a twentieth of the samples or more share the largest magnitude (clipped speech,
        a square tone), nothing is above the percentile, and the samples that reach it count.
    """
    if not signal.size or signal.min() == signal.max():
        return 0, 0
    magnitude = np.abs(signal.astype(np.int32))  # |-32768| does not fit 16 bits
    threshold = np.percentile(magnitude, SILENCE_PERCENTILE)
    voiced = np.flatnonzero(magnitude > threshold)
    if not voiced.size:
        voiced = np.flatnonzero(magnitude == magnitude.max())
    return int(voiced[0]), int(voiced[-1]) + 1
