"""What augmentation does to log mel powers and to features, and what it leaves alone."""

import dataclasses

import numpy as np
import pytest

from audio.mfcc import log_mel
from batcher.augment import DECIBEL, MASKS_IN_TIME, Augmentation, disturb, mask

OFF = Augmentation(reverberated=0, noisy=0, coloured=0, band_limited=0, gain=0, longest_mask=0)
WINDOWS, FRAMES, POWERS = 200, 80, 33
MEAN = np.linspace(-1, 1, 60, dtype=np.float32)


@pytest.fixture(scope="module")
def windows() -> np.ndarray:
    """Noise that swells and fades, as log mel powers."""
    rng = np.random.default_rng(0)
    swell = 3000 * (1.2 + np.sin(np.arange(FRAMES * 80 + 120) / 900))
    signals = np.rint(swell * rng.normal(0, 1, (WINDOWS, len(swell)))).clip(-32768, 32767).astype(np.int16)
    return np.stack([log_mel(signal) for signal in signals]).astype(np.float32)


def disturbed(windows, seed=1, **changes) -> np.ndarray:
    return disturb(windows.copy(), dataclasses.replace(OFF, **changes), np.random.default_rng(seed))


def share_changed(windows, after) -> float:
    return float((np.abs(after - windows) > 1e-3).any(axis=(1, 2)).mean())


def decibels(windows, after) -> np.ndarray:
    return (after - windows) / DECIBEL


def test_nothing_asked_for_changes_nothing(windows):
    np.testing.assert_allclose(disturbed(windows), windows, atol=2e-5)


def test_the_generator_decides(windows):
    first, again, other = (disturb(windows.copy(), Augmentation(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.isfinite(first).all()
    assert first.dtype == np.float32


@pytest.mark.parametrize("name", ["reverberated", "noisy", "coloured", "band_limited"])
def test_each_disturbance_reaches_the_stated_share_of_windows(windows, name):
    assert share_changed(windows, disturbed(windows, **{name: 0.4})) == pytest.approx(0.4, abs=0.12)
    assert share_changed(windows, disturbed(windows, **{name: 1.0})) > 0.95


def test_the_energy_changes_as_the_filters_powers_do(windows):
    after = disturb(windows.copy(), Augmentation(), np.random.default_rng(0))
    before_sum, after_sum = (np.log(np.exp(w[..., 1:]).sum(axis=2)) for w in (windows, after))
    np.testing.assert_allclose(after[..., 0] - windows[..., 0], after_sum - before_sum, atol=1e-3)


def test_a_gain_is_one_number_for_a_window(windows):
    gains = decibels(windows, disturbed(windows, gain=20.0))
    assert gains.std(axis=(1, 2)).max() < 1e-3
    assert -20 <= gains.min() < -18
    assert 18 < gains.max() <= 20


def test_noise_only_adds_power_and_keeps_its_distance(windows):
    after = disturbed(windows, noisy=1.0, babble=0.5, signal_to_noise=(10.0, 10.0))
    assert (after[..., 1:] - windows[..., 1:]).min() > -1e-4
    power, added = np.exp(windows[..., 1:]), np.exp(after[..., 1:]) - np.exp(windows[..., 1:])
    ratio = np.log(power.mean(axis=(1, 2)) / added.mean(axis=(1, 2))) / DECIBEL
    np.testing.assert_allclose(ratio, 10, atol=0.1)


def test_reverberation_rings_on_with_its_time(windows):
    click = np.zeros((1, FRAMES, POWERS), np.float32)
    click[:, 10] = 20
    options = {"reverberation_time": (0.3, 0.3), "direct_to_reverberant": (0.0, 0.0)}
    after = disturbed(click, reverberated=1.0, **options)[0, :, 1:]
    np.testing.assert_allclose(after[:10], 0, atol=1)  # no click before the click
    np.testing.assert_allclose(np.diff(after[11:25], axis=0), -60 * DECIBEL * 0.010 / 0.3, atol=0.02)
    tail = np.exp(after[11:]).sum() / np.exp(after[10]).sum()
    assert tail == pytest.approx(1, rel=0.01)  # as much power as in the direct sound


def test_a_channel_is_smooth_and_constant_in_time(windows):
    curves = decibels(windows, disturbed(windows, coloured=1.0, colour=3.0))[..., 1:]
    assert curves.std(axis=1).max() < 1e-3
    curve = curves[:, 0]
    assert 2 < curve.std() < 6
    assert np.abs(np.diff(curve, axis=1)).mean() < 0.5 * curve.std()


def test_a_limited_band_loses_its_ends_only():
    flat = np.full((WINDOWS, FRAMES, POWERS), 15, np.float32)
    change = decibels(flat, disturbed(flat, band_limited=1.0))[..., 1:].mean(axis=1)
    np.testing.assert_allclose(change[:, 4:28], 0, atol=1e-3)
    assert change[:, 0].min() < -10
    assert change[:, -1].min() < -10


def test_masked_frames_hold_the_mean_and_the_others_stay():
    before = np.random.default_rng(0).uniform(1000, 2000, (WINDOWS, 160, 60)).astype(np.float32)
    after = mask(before.copy(), MEAN, Augmentation(longest_mask=20), np.random.default_rng(1))
    masked = (after == MEAN).all(axis=2)  # (windows, frames)
    np.testing.assert_array_equal(after[~masked], before[~masked])
    assert masked.sum(axis=1).max() <= 20 * MASKS_IN_TIME
    assert np.abs(np.diff(masked.astype(int))).sum(axis=1).max() <= 2 * MASKS_IN_TIME  # whole stretches
    assert masked.sum(axis=1).mean() == pytest.approx(MASKS_IN_TIME * 10, rel=0.1)  # lengths from 0 to 20, few overlaps


@pytest.mark.parametrize("frames", [1, 3, 16, 50])
def test_no_more_than_half_of_a_window_is_masked(frames):
    before = np.full((WINDOWS, frames, 60), 1000, np.float32)
    after = mask(before, MEAN, Augmentation(longest_mask=1000), np.random.default_rng(1))
    assert (after == MEAN).all(axis=2).sum(axis=1).max() <= frames // 2
