"""What training windows go through before the network sees them: each step on its own, then all in their order."""

import dataclasses

import numpy as np
import pytest

from audio.feature_settings import DEFAULT_FEATURES
from audio.mfcc import cepstra_with_derivatives
from batcher.sampling.augmentation import DECIBEL, Augmentation, disturb, mask
from batcher.sampling.features import WINDOWS_AT_ONCE, AugmentedFeatures, PlainFeatures, training_features
from batcher.sampling.speeds import change_speeds

OFF = Augmentation(reverberated=0, noisy=0, coloured=0, band_limited=0, gain=0, longest_mask=0)
ALL = Augmentation(reverberated=1, noisy=1, coloured=1, band_limited=1)
MEAN = np.linspace(-1, 1, DEFAULT_FEATURES.size, dtype=np.float32)
WINDOWS, FRAMES = 2 * WINDOWS_AT_ONCE + 6, 40  # the last part is not full


@pytest.fixture
def windows() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, (WINDOWS, FRAMES, DEFAULT_FEATURES.log_mel_size)).astype(np.float32)


@pytest.fixture
def speeds() -> np.ndarray:
    return np.random.default_rng(1).choice([1.0, 0.83, 1.2], WINDOWS)


def prepared(windows, options, speeds=None, seed=5) -> np.ndarray:
    speeds = np.ones(len(windows)) if speeds is None else speeds
    rng = np.random.default_rng(seed)
    return AugmentedFeatures(DEFAULT_FEATURES, MEAN, options)(windows.copy(), speeds, rng)


def test_plain_windows_become_cepstra_whatever_their_speed(windows, speeds):
    features = PlainFeatures(DEFAULT_FEATURES)(windows.copy(), speeds, np.random.default_rng(0))
    np.testing.assert_array_equal(features, cepstra_with_derivatives(windows))


def test_without_any_disturbance_windows_are_plain(windows):
    features = prepared(windows, OFF)
    np.testing.assert_allclose(features, cepstra_with_derivatives(windows), atol=1e-4)
    assert (features.shape, features.dtype) == ((WINDOWS, FRAMES, 60), np.float32)


def test_every_window_is_changed_to_its_own_speed(windows, speeds):
    changed = [change_speeds(w[None].copy(), s[None], DEFAULT_FEATURES)[0] for w, s in zip(windows, speeds)]
    expected = cepstra_with_derivatives(np.stack(changed))
    np.testing.assert_allclose(prepared(windows, OFF, speeds), expected, atol=1e-4)


def test_every_window_of_every_part_is_disturbed_anew(windows):
    change = prepared(windows, dataclasses.replace(OFF, gain=20.0)) - cepstra_with_derivatives(windows)
    gains = change[:, 0, 0] / DECIBEL  # of the log energy
    np.testing.assert_allclose(change[..., 0], np.repeat(gains[:, None] * DECIBEL, FRAMES, axis=1), atol=1e-4)
    assert len(set(gains.round(4).tolist())) == WINDOWS
    assert np.abs(gains).max() > 15


def test_masked_frames_hold_the_mean_of_the_training_set_in_every_part(windows):
    features = prepared(windows, dataclasses.replace(OFF, longest_mask=10))
    masked = (features == MEAN).all(axis=2)
    for first in range(0, WINDOWS, WINDOWS_AT_ONCE):
        assert 0.1 < masked[first : first + WINDOWS_AT_ONCE].mean() < 0.4
    np.testing.assert_allclose(features[~masked], cepstra_with_derivatives(windows)[~masked], atol=1e-4)


def test_speed_then_rooms_and_noise_then_cepstra_then_masks(windows, speeds):
    windows, speeds = windows[:WINDOWS_AT_ONCE], speeds[:WINDOWS_AT_ONCE]
    rng = np.random.default_rng(5)
    disturbed = disturb(change_speeds(windows.copy(), speeds, DEFAULT_FEATURES), ALL, rng)
    expected = mask(cepstra_with_derivatives(disturbed), MEAN, ALL, rng)
    np.testing.assert_array_equal(prepared(windows, ALL, speeds), expected)


def test_features_of_other_settings(windows):
    settings = dataclasses.replace(DEFAULT_FEATURES, num_cepstra=13)
    disturbed = AugmentedFeatures(settings, MEAN[:39], OFF)
    speeds, rng = np.full(WINDOWS, 0.9), np.random.default_rng(0)
    expected = cepstra_with_derivatives(change_speeds(windows.copy(), speeds, settings), settings)
    np.testing.assert_allclose(disturbed(windows.copy(), speeds, rng), expected, atol=1e-4)
    np.testing.assert_array_equal(
        PlainFeatures(settings)(windows.copy(), speeds, rng), cepstra_with_derivatives(windows, settings)
    )


def test_windows_are_drawn_at_the_speeds_and_the_tempo_of_the_options():
    disturbed = AugmentedFeatures(DEFAULT_FEATURES, MEAN, Augmentation(speeds=(1.0, 0.7), tempo=0.05))
    assert (disturbed.speeds, disturbed.tempo) == ((1.0, 0.7), 0.05)
    plain = PlainFeatures(DEFAULT_FEATURES)
    assert (plain.speeds, plain.tempo) == ((1.0,), 0.0)


def test_training_features_are_augmented_where_there_is_an_augmentation():
    augmentation = Augmentation(speeds=(1.0, 0.9))
    augmented = training_features(DEFAULT_FEATURES, MEAN, augmentation)
    assert isinstance(augmented, AugmentedFeatures)
    assert (augmented.settings, augmented.mean is MEAN, augmented.options) == (DEFAULT_FEATURES, True, augmentation)
    assert training_features(DEFAULT_FEATURES, MEAN, None) == PlainFeatures(DEFAULT_FEATURES)
