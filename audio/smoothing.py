"""Moving averages and medians, and widened stretches, whose ends count as if they went on.

SciPy's `ndimage` gives the same numbers to the bit (tests/test_smoothing.py compares them), but weighs as much as half
of an installation for inference without it.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray


def moving_average(values: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """The mean of `width` values around each, an odd number: float32 (n,) to float32 (n,), at least one value.

    Each sum is the one before with what has come in and gone out since, which takes as long at any width.
    """
    reach, count = width // 2, len(values)
    padded = np.empty(count + 2 * reach)
    padded[:reach], padded[reach : reach + count], padded[reach + count :] = values[0], values, values[-1]
    sums = np.empty(count)
    sums[0] = np.cumsum(padded[:width])[-1]
    np.subtract(padded[width:], padded[: count - 1], out=sums[1:])
    np.cumsum(sums, out=sums)
    return np.divide(sums, width, out=np.empty(count, np.float32), casting="same_kind")


def moving_median(values: NDArray, width: int) -> NDArray:
    """The median of `width` values around each, an odd number: (n,) to (n,) of the same dtype, at least one value."""
    windows = sliding_window_view(np.pad(values, width // 2, mode="edge"), width)
    return np.partition(windows, width // 2, axis=1)[:, width // 2]


def widened(flags: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """True wherever a flag is, or is at most `by` places away: bool (n,) to bool (n,)."""
    return np.any(sliding_window_view(np.pad(flags, by), 2 * by + 1), axis=1)
