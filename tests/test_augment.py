"""What augmentation disturbs, and what it leaves alone."""

import numpy as np
import pytest

from batcher.augment import MASKS_IN_TIME, Augmentation, augment
from batcher.windows import Batch

WINDOWS = 400
FRAMES = 160
UNTOUCHED = Augmentation(longest_mask=0, cepstra_masked=0, noise=0)


def batch(frames: int = FRAMES) -> Batch:
    """Windows of thousands, which no mean is near."""
    windows = np.random.default_rng(0).uniform(1000, 2000, (WINDOWS, frames, 39)).astype(np.float32)
    return Batch(windows, np.arange(WINDOWS))


def augmented(inputs, frames: int = FRAMES, seed: int = 1, **options) -> np.ndarray:
    how = Augmentation(**{"longest_mask": 0, "cepstra_masked": 0, "noise": 0, **options})
    return augment(batch(frames), inputs.mean, inputs.deviation, how, np.random.default_rng(seed)).windows


def test_shapes_types_and_labels_stay(tiny_inputs):
    before, after = (
        batch(),
        augment(batch(), tiny_inputs.mean, tiny_inputs.deviation, Augmentation(), np.random.default_rng(0)),
    )
    assert (after.windows.shape, after.windows.dtype) == (before.windows.shape, np.float32)
    np.testing.assert_array_equal(after.labels, before.labels)
    assert not np.array_equal(after.windows, before.windows)


def test_the_generator_decides(tiny_inputs):
    options = {"longest_mask": 30, "cepstra_masked": 0.1, "noise": 0.2}
    first, again, other = (augmented(tiny_inputs, seed=seed, **options) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_zeros_do_nothing(tiny_inputs):
    np.testing.assert_array_equal(augmented(tiny_inputs), batch().windows)


def test_masked_frames_hold_the_mean_and_the_others_stay(tiny_inputs):
    after = augmented(tiny_inputs, longest_mask=20)
    masked = (after == tiny_inputs.mean).all(axis=2)  # (windows, frames)
    np.testing.assert_array_equal(after[~masked], batch().windows[~masked])
    assert masked.sum(axis=1).max() <= 20 * MASKS_IN_TIME
    assert np.abs(np.diff(masked.astype(int))).sum(axis=1).max() <= 2 * MASKS_IN_TIME  # whole stretches
    assert masked.mean() * FRAMES == pytest.approx(MASKS_IN_TIME * 10, rel=0.1)  # lengths from 0 to 20, overlaps few


@pytest.mark.parametrize("frames", [1, 3, 16, 50])
def test_no_more_than_half_of_a_window_is_masked(tiny_inputs, frames):
    after = augmented(tiny_inputs, frames, longest_mask=1000)
    masked = (after == tiny_inputs.mean).all(axis=2)
    assert masked.sum(axis=1).max() <= frames // 2


def test_a_cepstrum_is_masked_with_its_derivatives_in_the_stated_share(tiny_inputs):
    after = augmented(tiny_inputs, cepstra_masked=0.3)
    masked = (after == tiny_inputs.mean).all(axis=1).reshape(WINDOWS, 3, 13)  # cepstra, deltas, delta-deltas
    assert (masked == masked[:, :1]).all()
    assert masked.mean() == pytest.approx(0.3, abs=0.03)
    untouched = ~masked.reshape(WINDOWS, 39)[:, None].repeat(FRAMES, axis=1)
    np.testing.assert_array_equal(after[untouched], batch().windows[untouched])


def test_noise_is_in_units_of_each_features_deviation(tiny_inputs):
    noise = (augmented(tiny_inputs, noise=0.2) - batch().windows) / tiny_inputs.deviation
    levels = noise.std(axis=(1, 2))  # of each window, uniform from 0 to 0.2
    assert levels.max() < 0.21
    assert levels.mean() == pytest.approx(0.1, rel=0.1)
    np.testing.assert_allclose(noise.std(axis=(0, 1)), noise.std(), rtol=0.05)
