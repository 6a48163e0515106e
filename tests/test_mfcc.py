"""Golden values, shape, derivatives and dither of the features."""

import numpy as np
import pytest
import python_speech_features as psf
from conftest import VOICES

from audio.decode import SAMPLE_RATE, decode
from audio.mfcc import FRAMES_AT_ONCE, FeatureSettings, mfcc

GOLDEN = {  # frame: cepstra 0 to 12, then the first four deltas and delta-deltas, of `chirp`
    0: "16.997 9.573 22.133 21.113 18.207 7.701 -2.790 -13.861 -23.080 -30.959 -31.367 -28.254 -23.688 "
    "0.166 7.102 1.608 -0.969 0.033 -0.618 -0.653 -1.118",
    50: "21.683 -15.255 -33.226 42.914 -1.868 -48.905 37.661 20.274 -52.313 16.767 32.817 -38.774 -4.270 "
    "0.032 -1.083 0.342 2.581 -0.001 0.110 -0.055 -0.208",
    98: "22.571 -28.516 20.626 -15.157 2.175 9.378 -23.768 33.399 -37.700 36.129 -32.831 22.301 -13.040 "
    "-0.002 0.141 0.105 -0.455 -0.002 -0.228 0.196 -0.003",
}


def chirp() -> np.ndarray:
    """A second that rises from 100 to 3,000 Hz."""
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    return np.rint(10_000 * np.cos(2 * np.pi * (100 * time + 1450 * time**2))).astype(np.int16)


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return decode(VOICES / "p225" / "p225_001.flac")


def test_golden_values():
    features = mfcc(chirp())
    columns = [*range(17), *range(26, 30)]
    for frame, text in GOLDEN.items():
        np.testing.assert_allclose(features[frame, columns], [float(word) for word in text.split()], atol=2e-3)


def test_derivatives_equal_the_librarys(speech):
    features = mfcc(speech)
    cepstra, deltas, second = np.split(features, 3, axis=1)
    np.testing.assert_allclose(deltas, psf.delta(cepstra, 2), atol=1e-4)
    np.testing.assert_allclose(second, psf.delta(deltas, 2), atol=1e-4)
    assert deltas.std() > 0.1  # of v1's none varied


def test_cepstra_equal_the_librarys(speech):
    long = np.tile(speech, 4)  # longer than what is done at once
    dithered = long + (np.random.default_rng(7).random(len(long), dtype=np.float32) - 0.5)
    theirs = psf.mfcc(dithered, SAMPLE_RATE, numcep=13, nfilt=26, nfft=256, winfunc=np.hamming)
    assert len(theirs) > FRAMES_AT_ONCE
    ours = mfcc(long, FeatureSettings(dither_seed=7))[:, :13]
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("samples, frames", [(1, 1), (200, 1), (201, 2), (280, 2), (281, 3), (8000, 99)])
def test_a_frame_of_25_ms_every_10_ms(samples, frames):
    features = mfcc(chirp()[:samples])
    assert features.shape == (frames, 39)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()


def test_settings_shape_the_features():
    settings = FeatureSettings(num_cepstra=20, num_filters=32)
    assert settings.size == 60
    assert mfcc(chirp(), settings).shape == (99, 60)


def test_dither_gives_digital_silence_an_ordinary_energy():
    energy = mfcc(np.zeros(SAMPLE_RATE, np.int16))[:, 0]
    assert np.log(np.finfo(float).eps) < -36  # what the library puts in the place of log 0
    assert energy.min() > 0
    assert energy.max() < 5  # and it stays far below speech, which is at 15 to 20
    assert energy.std() < 0.5


def test_dither_changes_nothing_that_is_loud():
    a, b = (mfcc(chirp(), FeatureSettings(dither_seed=seed)) for seed in (0, 1))
    assert not np.array_equal(a, b)
    assert np.abs(a - b)[:, 0].max() < 1e-3


def test_the_same_signal_and_seed_give_the_same_features(speech):
    before = speech.copy()
    np.testing.assert_array_equal(mfcc(speech), mfcc(speech))
    np.testing.assert_array_equal(speech, before)


def test_a_louder_voice_differs_in_the_energy_only(speech):
    quiet, loud = mfcc(speech // 4), mfcc(speech // 4 * 4)
    frames = quiet[:, 0] > np.quantile(quiet[:, 0], 0.7)
    np.testing.assert_allclose((loud - quiet)[frames, 0], 2 * np.log(4), atol=0.01)
    assert np.median(np.abs(loud - quiet)[frames, 1:13]) < 0.3


def test_the_loudest_signal_stays_finite_in_float16():
    signal = np.tile(np.array([32767, -32768], np.int16), 4000)
    assert np.isfinite(mfcc(signal).astype(np.float16)).all()


def test_an_empty_signal_is_an_error():
    with pytest.raises(ValueError, match="Received an empty one"):
        mfcc(np.zeros(0, np.int16))
