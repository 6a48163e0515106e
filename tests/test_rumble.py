"""Offset and rumble go, and speech stays."""

import numpy as np
import pytest

from audio.rumble import CUTOFF, without_rumble

RATE = 8000


@pytest.mark.parametrize("size", [1, 2, 50, 8000, 100_000])
@pytest.mark.parametrize("offset", [-20_000, 655.36, 30_000])
def test_an_offset_makes_no_difference_not_even_at_the_ends(size, offset):
    signal = np.random.default_rng(size).normal(0, 1000, size).astype(np.float32)
    np.testing.assert_allclose(without_rumble(signal + np.float32(offset)), without_rumble(signal), atol=0.02)


def test_a_constant_becomes_nothing():
    assert not without_rumble(np.full(8000, 12_345, np.float32)).any()


@pytest.mark.parametrize(
    "hertz, low, high", [(20, -40, -20), (30, -20, -15), (CUTOFF, -7, -5), (100, -1, 0), (1000, -0.1, 0.1)]
)
def test_it_is_a_high_pass(hertz, low, high):
    time = np.arange(4 * RATE) / RATE
    tone = (1000 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)
    left = without_rumble(tone)[RATE:-RATE]
    assert low <= 20 * np.log10(left.std() / tone.std()) <= high


def test_its_phase_is_linear():
    pulse = np.zeros(2001, np.float32)
    pulse[1000] = 1000
    np.testing.assert_allclose(without_rumble(pulse), without_rumble(pulse)[::-1], atol=1e-3)
