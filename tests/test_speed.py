"""Windows at another speed have the spectrum of speech that was played at it."""

import numpy as np
import pytest
import soxr
from conftest import VOICES

from audio.decode import SAMPLE_RATE, decode
from audio.mfcc import DEFAULT_FEATURES, log_mel
from batcher.speed import change_speeds

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


def test_each_window_has_its_own_speed_and_1_is_none(speech):
    windows = np.stack([log_mel(speech)[:50]] * 3).astype(np.float32)
    changed = change_speeds(windows.copy(), np.array([1.0, 0.9, 1.1]), DEFAULT_FEATURES)
    np.testing.assert_array_equal(changed[0], windows[0])
    assert not np.allclose(changed[1], changed[2], atol=0.1)
    np.testing.assert_array_equal(changed[..., 0], windows[..., 0])  # the energy stays


def test_a_flat_spectrum_stays_flat():
    windows = np.full((2, 5, 33), 7, np.float32)
    np.testing.assert_allclose(change_speeds(windows, np.array([0.9, 1.1]), DEFAULT_FEATURES), 7, rtol=1e-6)


def test_a_peak_moves_to_the_frequency_times_the_speed():
    centres = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 4000 / 700), 34)[1:-1] / 2595) - 1)
    windows = -np.square(np.log(centres / 1000))[None, None].astype(np.float32)  # highest at 1 kHz
    windows = np.concatenate([windows[..., :1], windows], axis=2)
    for speed in (0.9, 1.1):
        changed = change_speeds(windows.copy(), np.array([speed]), DEFAULT_FEATURES)[0, 0, 1:]
        assert centres[changed.argmax()] == pytest.approx(1000 * speed, rel=0.06)
