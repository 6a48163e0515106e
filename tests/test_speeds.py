"""Windows at another speed have the spectrum of speech that was played at it."""

import numpy as np
import pytest
import soxr
from conftest import VOICES
from python_speech_features.base import hz2mel, mel2hz

from audio.decode import SAMPLE_RATE, decode
from audio.feature_settings import DEFAULT_FEATURES
from audio.mfcc import log_mel
from batcher.sampling.speeds import SpeedClasses, change_speeds

INNER = slice(4, -6)  # filters whose neighbours were recorded


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return decode(VOICES / "p225" / "p225_001.flac")


def played(signal: np.ndarray, speed: float) -> np.ndarray:
    """The samples of a tape that runs faster."""
    return np.rint(soxr.resample(signal.astype(np.float64), SAMPLE_RATE * speed, SAMPLE_RATE)).astype(np.int16)


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_the_mean_spectrum_is_that_of_resampled_speech(speech, speed):
    target = log_mel(played(speech, speed))[:, 1:].mean(axis=0)
    windows = log_mel(speech)[None].astype(np.float32)
    changed = change_speeds(windows.copy(), np.array([speed]), DEFAULT_FEATURES)[0, :, 1:].mean(axis=0)
    plain = windows[0, :, 1:].mean(axis=0)
    assert np.abs(changed - target)[INNER].mean() < 0.7 * np.abs(plain - target)[INNER].mean()


def shifted_by_loop(frame: np.ndarray, speed: float) -> list[float]:
    """Each filter gets what lay at its frequency divided by the speed, on the line between the two filters there."""
    step = hz2mel(SAMPLE_RATE / 2) / (len(frame) + 1)  # from filter to filter
    shifted = []
    for number in range(len(frame)):
        place = hz2mel(mel2hz(step * (number + 1)) / speed) / step - 1
        place = min(max(place, 0), len(frame) - 1)  # the outermost filters stand for what was not recorded
        below = min(int(place), len(frame) - 2)
        shifted.append(frame[below] + (place - below) * (frame[below + 1] - frame[below]))
    return shifted


def test_spectra_shift_as_in_a_plain_loop_and_1_leaves_them_alone():
    before = np.random.default_rng(0).normal(0, 1, (6, 5, 33)).astype(np.float32)
    speeds = np.array([1.0, 0.9, 1.1, 0.9, 2.0, 1.0])
    after = change_speeds(before.copy(), speeds, DEFAULT_FEATURES)
    for speed, frames, changed in zip(speeds, before, after):
        np.testing.assert_allclose(changed[:, 1:], [shifted_by_loop(frame[1:], speed) for frame in frames], atol=1e-5)
    np.testing.assert_array_equal(after[speeds == 1], before[speeds == 1])
    np.testing.assert_array_equal(after[..., 0], before[..., 0])  # the energy stays


def test_windows_change_in_place():
    windows = np.random.default_rng(0).normal(0, 1, (2, 5, 33)).astype(np.float32)
    assert change_speeds(windows, np.array([0.9, 1.0]), DEFAULT_FEATURES) is windows


def test_a_flat_spectrum_stays_flat():
    windows = np.full((2, 5, 33), 7, np.float32)
    np.testing.assert_allclose(change_speeds(windows, np.array([0.9, 1.1]), DEFAULT_FEATURES), 7, rtol=1e-6)


CLASSES = SpeedClasses(3, (1.0, 0.9))  # speakers 0, 1, 2 as recorded, then the same at 0.9


def test_a_speaker_at_another_speed_is_a_further_class():
    labels = CLASSES.labels(np.array([0, 2, 0, 2]), np.array([0, 0, 1, 1]))
    assert labels.tolist() == [0, 2, 3, 5]
    assert CLASSES.are_as_recorded(labels).tolist() == [True, True, False, False]
    assert CLASSES.count == 6


def test_outputs_and_columns_are_in_the_order_of_the_classes():
    names = CLASSES.named(["ann", "bob", "cid"])
    assert names == [(1.0, "ann"), (1.0, "bob"), (1.0, "cid"), (0.9, "ann"), (0.9, "bob"), (0.9, "cid")]
    columns = CLASSES.at_every_speed(np.array([[10, 20, 30]]))
    assert columns.tolist() == [[10, 20, 30, 10, 20, 30]]
    assert CLASSES.as_recorded(np.arange(12).reshape(2, 6)).tolist() == [[0, 1, 2], [6, 7, 8]]


def test_without_other_speeds_the_classes_are_the_speakers():
    classes = SpeedClasses(4)
    assert (classes.count, classes.labels(np.array([3]), np.array([0])).tolist()) == (4, [3])
