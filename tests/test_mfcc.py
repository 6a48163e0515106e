"""Golden values, shape, derivatives and dither of the features."""

import numpy as np
import pytest
import python_speech_features as psf
from conftest import VOICES
from feature_settings import NONSENSE

from audio.decode import SAMPLE_RATE, decode
from audio.feature_settings import DEFAULT_FEATURES, MOST_FILTERS, FeatureSettings
from audio.mfcc import FRAMES_AT_ONCE, cepstra_with_derivatives, log_mel, mfcc, speech_log_mel
from audio.speech_activity import active_cells

V1 = FeatureSettings(num_filters=26, num_cepstra=13)

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


def all_frames(signal: np.ndarray, settings: FeatureSettings = DEFAULT_FEATURES) -> np.ndarray:
    """The features of an utterance whose every frame counts, at the level at which it was recorded."""
    return cepstra_with_derivatives(log_mel(signal, settings), settings)


def test_golden_values():
    features = all_frames(chirp(), V1)
    columns = [*range(17), *range(26, 30)]
    for frame, text in GOLDEN.items():
        np.testing.assert_allclose(features[frame, columns], [float(word) for word in text.split()], atol=2e-3)


def test_derivatives_equal_the_librarys(speech):
    features = mfcc(speech)
    cepstra, deltas, second = np.split(features, 3, axis=1)
    np.testing.assert_allclose(deltas, psf.delta(cepstra, 2), atol=1e-4)
    np.testing.assert_allclose(second, psf.delta(deltas, 2), atol=1e-4)
    assert deltas.std() > 0.1  # of v1's none varied


@pytest.mark.parametrize("filters, cepstra", [(26, 13), (32, 20)])
def test_cepstra_equal_the_librarys(speech, filters, cepstra):
    long = np.tile(speech, 4)  # longer than what is done at once
    dithered = long + (np.random.default_rng(7).random(len(long), dtype=np.float32) - 0.5)
    theirs = psf.mfcc(dithered, SAMPLE_RATE, numcep=cepstra, nfilt=filters, nfft=256, winfunc=np.hamming)
    assert len(theirs) > FRAMES_AT_ONCE
    settings = FeatureSettings(num_filters=filters, num_cepstra=cepstra, dither_seed=7)
    ours = all_frames(long, settings)[:, :cepstra]
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("samples, frames", [(1, 1), (200, 1), (201, 2), (280, 2), (281, 3), (8000, 99)])
def test_a_frame_of_25_ms_every_10_ms(samples, frames):
    features = all_frames(chirp()[:samples])
    assert features.shape == (frames, 60)
    assert np.isfinite(features).all()
    assert np.isfinite(mfcc(chirp()[:samples])).all()


def test_settings_shape_the_features():
    assert (V1.size, V1.log_mel_size) == (39, 27)
    assert all_frames(chirp(), V1).shape == (99, 39)
    assert mfcc(chirp(), V1).shape[1] == 39
    assert log_mel(chirp(), V1).shape == (99, 27)


def test_log_mel_is_the_librarys_and_the_energy(speech):
    dithered = speech + (np.random.default_rng(0).random(len(speech), dtype=np.float32) - 0.5)
    power, energy = psf.fbank(dithered, SAMPLE_RATE, nfilt=32, nfft=256, winfunc=np.hamming)
    theirs = np.log(np.column_stack([energy, power]))
    np.testing.assert_allclose(log_mel(speech), theirs, rtol=1e-6, atol=1e-6)


def test_windows_become_cepstra_as_utterances_do(speech):
    windows = np.stack([log_mel(speech)[first : first + 50].astype(np.float32) for first in (0, 20, 60)])
    together = cepstra_with_derivatives(windows)
    assert together.dtype == np.float32
    for window, cepstra in zip(windows, together):
        np.testing.assert_array_equal(cepstra_with_derivatives(window), cepstra)


def test_a_channel_moves_cepstra_and_leaves_derivatives_alone(speech):
    mel = log_mel(speech)
    channel = np.random.default_rng(0).normal(size=mel.shape[1])
    moved = cepstra_with_derivatives(mel + channel) - cepstra_with_derivatives(mel)
    np.testing.assert_allclose(moved, np.tile(moved[0], (len(moved), 1)), atol=1e-9)
    assert np.abs(moved[:, :20]).max() > 1
    np.testing.assert_allclose(moved[:, 20:], 0, atol=1e-9)


def test_dither_makes_digital_silence_a_steady_noise():
    assert np.log(np.finfo(float).eps) < -36  # what the library puts in the place of log 0
    features = mfcc(np.zeros(SAMPLE_RATE, np.int16))
    assert np.abs(features[:, 0]).max() < 2
    assert features[:, 0].std() < 0.5


def test_only_frames_with_speech_are_left_relative_to_their_own_mean_energy(speech):
    signal = np.concatenate([speech, np.zeros(SAMPLE_RATE), speech]).astype(np.int16)
    spoken = speech_log_mel(signal)
    centres = (np.arange(len(log_mel(signal))) * 80 + 100) // 80
    assert len(spoken) == active_cells(signal)[centres].sum() < len(centres) - 95
    every = log_mel(signal)[active_cells(signal)[centres]]
    np.testing.assert_allclose(spoken, every - np.log(np.exp(every[:, 0]).mean()))
    assert np.exp(spoken[:, 0]).mean() == pytest.approx(1)
    assert mfcc(signal).dtype == np.float32
    np.testing.assert_allclose(mfcc(signal), cepstra_with_derivatives(spoken), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("settings", [FeatureSettings(frame_step=0.005), FeatureSettings(frame_length=0.02)], ids=str)
def test_frames_of_another_length_or_step_are_judged_by_their_centres(speech, settings):
    pause = np.concatenate([speech, np.zeros(2 * SAMPLE_RATE), speech]).astype(np.int16)
    lost = len(log_mel(pause, settings)) - len(speech_log_mel(pause, settings))
    alone = len(log_mel(speech.astype(np.int16), settings)) - len(speech_log_mel(speech.astype(np.int16), settings))
    assert lost - 2 * alone == pytest.approx(2 / settings.frame_step, rel=0.1)


def test_dither_changes_nothing_that_is_loud():
    a, b = (mfcc(chirp(), FeatureSettings(dither_seed=seed)) for seed in (0, 1))
    assert not np.array_equal(a, b)
    assert np.abs(a - b)[:, 0].max() < 1e-3


def test_the_same_signal_and_seed_give_the_same_features(speech):
    before = speech.copy()
    np.testing.assert_array_equal(mfcc(speech), mfcc(speech))
    np.testing.assert_array_equal(speech, before)


def test_a_louder_recording_has_the_same_features(speech):
    quiet, loud = mfcc(speech // 4), mfcc(speech // 4 * 4)
    frames = quiet[:, 0] > np.quantile(quiet[:, 0], 0.7)
    assert np.abs(loud - quiet)[frames, 0].max() < 0.01
    assert np.median(np.abs(loud - quiet)[frames, 1:20]) < 0.3  # where dither and rounding count, on weak filters


@pytest.mark.parametrize("filters", [26, 32, 43, 44, 55, 64, 86, 87, 100, MOST_FILTERS])
def test_no_number_of_filters_makes_features_of_loudness(filters):
    quiet = np.random.default_rng(0).normal(0, 300, SAMPLE_RATE).astype(np.int16)  # far above the dither
    settings = FeatureSettings.fitting(filters)
    difference = np.abs(mfcc(10 * quiet, settings) - mfcc(quiet, settings))  # 20 dB, 4.6 as a logarithm
    assert difference.max() < 0.15
    assert difference.mean() < 0.01


@pytest.mark.parametrize("filters, size", [(1, 256), (26, 256), (32, 256), (64, 512), (MOST_FILTERS, 1024)])
def test_the_fft_is_as_long_as_the_filters_need(filters, size):
    settings = FeatureSettings.fitting(filters, num_cepstra=1, dither_seed=3)
    assert settings == FeatureSettings(fft_size=size, num_filters=filters, num_cepstra=1, dither_seed=3)
    with pytest.raises(ValueError, match=f"expected num_filters from 1 to {MOST_FILTERS}. Received 1000"):
        FeatureSettings.fitting(1000)


@pytest.mark.parametrize("settings", NONSENSE, ids=str)
def test_settings_without_sense_are_refused_in_one_short_line(settings):
    with pytest.raises(ValueError, match=r"^expected .*\. Received [^\n]{1,50}$"):
        FeatureSettings(**settings)


def test_the_loudest_signal_stays_finite_in_float16():
    signal = np.tile(np.array([32767, -32768], np.int16), 4000)
    assert np.isfinite(mfcc(signal).astype(np.float16)).all()


def test_an_empty_signal_is_an_error():
    with pytest.raises(ValueError, match="Received an empty one"):
        mfcc(np.zeros(0, np.int16))
