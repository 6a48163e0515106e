"""Moving averages, medians and widened stretches, beside SciPy's: equal to the bit, as the cache is made by them."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, median_filter, uniform_filter1d

from audio.smoothing import moving_average, moving_median, widened

LENGTHS = [1, 2, 3, 7, 58, 59, 60, 5000]
WIDTHS = [1, 3, 7, 51, 59]


@pytest.fixture(params=LENGTHS)
def values(request) -> np.ndarray:
    """Of 16-bit size, with an offset, as sums have to survive it."""
    return (np.random.default_rng(0).normal(500, 3000, request.param)).astype(np.float32)


@pytest.mark.parametrize("width", WIDTHS)
def test_an_average_is_scipys(values, width):
    smooth = moving_average(values, width)
    assert smooth.dtype == np.float32
    np.testing.assert_array_equal(smooth, uniform_filter1d(values, width, mode="nearest"))


@pytest.mark.parametrize("width", WIDTHS)
def test_a_median_is_scipys(values, width):
    np.testing.assert_array_equal(moving_median(values, width), median_filter(values, width, mode="nearest"))


@pytest.mark.parametrize("by", [1, 3])
def test_stretches_become_wider_as_by_scipys_dilation(values, by):
    flags = values > 4000
    np.testing.assert_array_equal(widened(flags, by), binary_dilation(flags, iterations=by))
    assert not widened(np.zeros(9, bool), by).any()
