"""Where an utterance begins and ends (v1's rule)."""

import numpy as np

SILENCE_PERCENTILE = 95  # of the magnitudes: speech starts and ends at the first and last sample above it


def voiced_span(signal: np.ndarray) -> tuple[int, int]:
    """Cut leading and trailing silence.

    Args:
        signal: shape = (samples,), any signed dtype.

    Returns:
        (start, stop) in samples, so that `signal[start:stop]` is the voiced part; (0, 0) if nothing stands out, as
        in digital silence or a constant.
    """
    magnitude = np.abs(signal.astype(np.int32))  # |-32768| does not fit 16 bits
    if not magnitude.size:
        return 0, 0
    above = np.flatnonzero(magnitude > np.percentile(magnitude, SILENCE_PERCENTILE))
    return (int(above[0]), int(above[-1]) + 1) if above.size else (0, 0)
