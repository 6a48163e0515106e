"""What augmentation does to log mel values and to features, and what it leaves alone."""

import dataclasses

import numpy as np
import pytest
from scipy.fft import dct

from audio.mfcc import log_mel
from batcher.sampling import augmentation
from batcher.sampling.augmentation import Augmentation, disturb, mask

OFF = Augmentation(reverberated=0, noisy=0, coloured=0, band_limited=0, gain=0, longest_mask=0)
WINDOWS, FRAMES, POWERS = 200, 80, 33
DECIBEL = np.log(10) / 10
MASKS = 2  # per window
MEAN = np.linspace(-1, 1, 60, dtype=np.float32)


@pytest.fixture(scope="module")
def windows() -> np.ndarray:
    """Noise that swells and fades, as log mel values."""
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


def added_power(windows, after) -> np.ndarray:
    return np.exp(np.float64(after[..., 1:])) - np.exp(np.float64(windows[..., 1:]))


def test_noise_only_adds_power_and_keeps_its_distance_from_each_window(windows):
    windows = windows + np.linspace(-3, 3, WINDOWS, dtype=np.float32)[:, None, None]  # soft and loud ones
    after = disturbed(windows, noisy=1.0, babble=0.5, signal_to_noise=(10.0, 10.0))
    assert (after[..., 1:] - windows[..., 1:]).min() > -1e-4
    power, added = np.exp(windows[..., 1:]), added_power(windows, after)
    ratio = np.log(power.mean(axis=(1, 2)) / added.mean(axis=(1, 2))) / DECIBEL
    np.testing.assert_allclose(ratio, 10, atol=0.1)


def test_distances_of_noise_are_spread_between_their_bounds():
    even = np.zeros((WINDOWS, FRAMES, POWERS), np.float32)
    added = added_power(even, disturbed(even, noisy=1.0, signal_to_noise=(5.0, 30.0))).mean(axis=(1, 2))
    ratios = -np.log(added) / DECIBEL
    assert 4.99 < ratios.min() < 6
    assert 29 < ratios.max() < 30.1
    assert ratios.mean() == pytest.approx(17.5, abs=2)


def test_noise_is_stationary_with_a_colour_of_its_own_in_each_window():
    even = np.zeros((WINDOWS, FRAMES, POWERS), np.float32)
    after = disturbed(even, noisy=1.0, babble=0.0, signal_to_noise=(0.0, 0.0))
    log_noise = np.log(added_power(even, after))  # (windows, frames, filters)
    colours = log_noise.mean(axis=1, keepdims=True)
    fluctuation = log_noise - colours
    assert fluctuation.std() == pytest.approx(0.5, rel=0.05)
    alike = np.corrcoef(fluctuation.reshape(WINDOWS, -1)) > 0.2
    assert alike.mean() < 2 / WINDOWS  # of other stretches, but for a few
    assert (colours - colours.mean(axis=2, keepdims=True)).std() == pytest.approx(6 * DECIBEL * 1.07, rel=0.1)


@pytest.fixture
def noise_as_in_another_process(monkeypatch):
    """Noise that is made anew, and little longer than a window."""
    monkeypatch.setattr(augmentation, "NOISE_FRAMES", FRAMES + 1)
    augmentation._noise.cache_clear()
    yield augmentation._noise.cache_clear
    augmentation._noise.cache_clear()


def test_another_process_makes_the_same_noise(noise_as_in_another_process):
    even = np.zeros((WINDOWS, FRAMES, POWERS), np.float32)
    first = disturbed(even, noisy=1.0, babble=0.0)
    noise_as_in_another_process()
    np.testing.assert_array_equal(disturbed(even, noisy=1.0, babble=0.0), first)


def test_babble_is_three_windows_of_the_batch_backwards():
    quiet, loud = -20, 10
    clicks = np.full((FRAMES, FRAMES, POWERS), quiet, np.float32)
    clicks[np.arange(FRAMES), np.arange(FRAMES)] = loud  # each window in a frame of its own
    after = disturbed(clicks, noisy=1.0, babble=1.0, signal_to_noise=(0.0, 0.0))
    voices = np.rint(3 * added_power(clicks, after).mean(axis=2) / np.exp(loud)).astype(int)  # (windows, frames)
    assert (voices.sum(axis=1) == 3).all()
    assert ((voices > 0).sum(axis=1) > 1).mean() > 0.9  # hardly ever one window three times
    assert not (voices == voices[0]).all()
    one = np.concatenate([clicks[:1]] * 2)  # two windows with a click in the first frame make babble in the last
    assert added_power(one, disturbed(one, noisy=1.0, babble=1.0)).mean(axis=2).argmax(axis=1).tolist() == [79, 79]


def test_every_window_of_a_batch_babbles_as_often_as_the_others():
    clicks = np.full((20, 20, POWERS), -20, np.float32)
    clicks[np.arange(20), np.arange(20)] = 10
    options = {"noisy": 1.0, "babble": 1.0, "signal_to_noise": (0.0, 0.0)}
    shares = sum(added_power(clicks, disturbed(clicks, seed, **options)).sum(axis=(0, 2)) for seed in range(50))
    np.testing.assert_allclose(shares / shares.mean(), 1, atol=0.4)  # 150 times each, five deviations of chance


def test_the_share_of_noise_that_is_babble():
    clicks = np.full((WINDOWS, FRAMES, POWERS), -20, np.float32)
    clicks[:, 10] = 10
    added = added_power(clicks, disturbed(clicks, noisy=1.0, babble=0.4)).mean(axis=2)
    babble = added.max(axis=1) > 0.9 * added.sum(axis=1)  # in a single frame
    assert babble.mean() == pytest.approx(0.4, abs=0.12)


def test_reverberation_is_the_sum_of_what_came_before_and_dies_away():
    power = np.exp(np.random.default_rng(0).normal(0, 2, (2, 30, POWERS - 1)))
    before = np.concatenate([np.zeros((2, 30, 1)), np.log(power)], axis=2).astype(np.float32)
    options = {"reverberation_time": (0.3, 0.3), "direct_to_reverberant": (3.0, 3.0)}
    after = disturbed(before, reverberated=1.0, **options)
    expected = power.copy()
    later = 10 ** (-60 / 10 * 0.010 / 0.3)  # what is left after a frame of 10 ms: 60 dB less after 0.3 s
    for frame in range(30):
        for earlier in range(frame):
            share = later ** (frame - earlier - 1) * (1 - later)  # all shares make 1
            expected[:, frame] += 10 ** (-3 / 10) * share * power[:, earlier]
    np.testing.assert_allclose(np.exp(after[..., 1:]), expected, rtol=1e-4)


def test_times_of_reverberation_and_distances_are_spread_between_their_bounds():
    click = np.full((WINDOWS, FRAMES, POWERS), -20, np.float32)
    click[:, 10] = 20
    options = {"reverberation_time": (0.1, 0.7), "direct_to_reverberant": (-2.0, 12.0)}
    after = np.float64(disturbed(click, reverberated=1.0, **options))
    times = -60 * DECIBEL * 0.010 / (after[:, 14, 1] - after[:, 13, 1])
    assert times.min() == pytest.approx(0.1, abs=0.03)
    assert times.max() == pytest.approx(0.7, abs=0.03)
    later = np.exp(after[:, 14, 1] - after[:, 13, 1])
    distances = (20 - after[:, 11, 1] + np.log(1 - later)) / DECIBEL
    assert distances.min() == pytest.approx(-2, abs=0.5)
    assert distances.max() == pytest.approx(12, abs=0.5)


def test_a_channel_is_five_cosines_over_the_filters_each_weaker_than_the_one_before():
    even = np.zeros((2000, 2, POWERS), np.float32)
    curves = decibels(even, disturbed(even, coloured=1.0, colour=3.0))[..., 1:]
    np.testing.assert_allclose(curves[:, 0], curves[:, 1], atol=1e-4)  # constant in time
    weights = dct(curves[:, 0], axis=1) / (POWERS - 1)  # (windows, filters), of the cosines
    np.testing.assert_allclose(weights[:, 1:6].std(axis=0), 3 / np.sqrt(np.arange(1, 6)), rtol=0.06)
    np.testing.assert_allclose(weights[:, 1:6].mean(axis=0), 0, atol=0.3)
    assert np.abs(np.corrcoef(weights[:, 1:6].T) - np.eye(5)).max() < 0.1
    np.testing.assert_allclose(np.delete(weights, range(1, 6), axis=1), 0, atol=1e-4)


def test_a_limited_band_falls_in_lines_from_its_edges():
    even = np.full((2000, 2, POWERS), 15, np.float32)
    losses = (even - disturbed(even, band_limited=1.0))[:, 0, 1:]
    np.testing.assert_allclose(losses[:, 4:28], 0, atol=1e-4)
    outermost = losses[:, [0, 31]] - losses[:, [1, 30]]
    assert np.abs(np.corrcoef(outermost.T)[0, 1]) < 0.1  # each end falls with a slope of its own
    for ends, widest in ((losses[:, :4], 3.5), (losses[:, :-5:-1], 4)):  # from the outermost filter inwards
        steps = ends[:, :-1] - ends[:, 1:]
        slopes = steps[:, 0][ends[:, 1] > 0]  # where two filters lie beyond the edge
        assert (slopes.min(), slopes.max()) == (pytest.approx(0.3, abs=0.03), pytest.approx(1.5, abs=0.03))
        np.testing.assert_allclose(steps[ends[:, 2] > 0, 1], steps[ends[:, 2] > 0, 0], atol=1e-4)
        reach = (ends[:, 0] / np.maximum(steps[:, 0], 1e-9))[ends[:, 1] > 0]  # filters beyond the edge
        assert (reach.min(), reach.max()) == (pytest.approx(1, abs=0.03), pytest.approx(widest, abs=0.03))
        assert (ends[:, 1] > 0).mean() == pytest.approx(1 - 1 / widest, abs=0.04)


def test_a_limited_band_has_a_floor_of_noise_below_the_loudest():
    before = np.zeros((2000, 3, POWERS), np.float32)
    before[:, 1, 11:21] = 30
    after = disturbed(before, band_limited=1.0)[..., 1:]
    floors = 30 - after.min(axis=(1, 2))
    assert (floors.min(), floors.max()) == (pytest.approx(9, abs=0.03), pytest.approx(14, abs=0.03))
    np.testing.assert_array_equal(after[:, 0], np.repeat((30 - floors)[:, None], POWERS - 1, axis=1))
    np.testing.assert_array_equal(after[:, 1, 10:20], 30)


def test_masked_frames_hold_the_mean_and_the_others_stay():
    before = np.random.default_rng(0).uniform(1000, 2000, (WINDOWS, 160, 60)).astype(np.float32)
    after = mask(before.copy(), MEAN, Augmentation(longest_mask=20), np.random.default_rng(1))
    masked = (after == MEAN).all(axis=2)  # (windows, frames)
    np.testing.assert_array_equal(after[~masked], before[~masked])
    assert masked.sum(axis=1).max() <= 20 * MASKS
    assert np.abs(np.diff(masked.astype(int))).sum(axis=1).max() <= 2 * MASKS  # whole stretches
    assert masked.sum(axis=1).mean() == pytest.approx(MASKS * 10, rel=0.1)  # lengths from 0 to 20, few overlaps


@pytest.mark.parametrize(("frames", "most"), [(1, 0), (3, 0), (4, 2), (16, 8), (50, 24)])
def test_masks_cover_up_to_half_of_a_window(frames, most):
    before = np.full((2000, frames, 60), 1000, np.float32)
    after = mask(before, MEAN, Augmentation(longest_mask=1000), np.random.default_rng(1))
    assert (after == MEAN).all(axis=2).sum(axis=1).max() == most


def test_two_masks_are_drawn_for_each_window():
    before = np.full((2000, 4, 60), 1000, np.float32)  # masks of one frame or none
    after = mask(before, MEAN, Augmentation(), np.random.default_rng(1))
    masked = (after == MEAN).all(axis=2).sum(axis=1)
    shares = np.bincount(masked, minlength=3) / 2000
    np.testing.assert_allclose(shares, [1 / 4, 1 / 2 + 1 / 16, 3 / 16], atol=0.05)  # a quarter of pairs coincide


def test_masks_of_every_length_up_to_the_longest_lie_anywhere():
    before = np.full((2000, 20, 60), 1000, np.float32)
    masked = (mask(before, MEAN, Augmentation(longest_mask=3), np.random.default_rng(1)) == MEAN).all(axis=2)
    assert np.bincount(masked.sum(axis=1), minlength=7)[:7].min() > 50  # from 0 to 6 frames of the window
    single = masked[masked.sum(axis=1) == 1].mean(axis=0)  # one mask of length 1, the other of 0
    np.testing.assert_allclose(single, 1 / 20, atol=0.04)
