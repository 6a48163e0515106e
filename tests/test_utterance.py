"""From a decoded recording to the utterance in it."""

import numpy as np
import pytest
from conftest import VOICES

from audio.decode import decode
from audio.errors import UnusableAudioError
from audio.mfcc import mfcc
from audio.utterance import QUIET_PEAK, utterance_in

DECODED = decode(VOICES / "p225" / "p225_001.flac")


@pytest.mark.parametrize("offset", [-8000, 655.36, 20_000])
def test_an_offset_makes_no_difference(offset):
    plain, moved = utterance_in(DECODED), utterance_in(DECODED + np.float32(offset))
    assert (plain.leading, plain.trailing) == (moved.leading, moved.trailing)
    np.testing.assert_allclose(mfcc(moved.signal), mfcc(plain.signal), atol=0.1)


def test_leading_and_trailing_silence_are_counted():
    found = utterance_in(np.concatenate([np.zeros(800), DECODED, np.zeros(1600)]).astype(np.float32))
    plain = utterance_in(DECODED)
    assert found.leading - plain.leading == pytest.approx(800, abs=100)  # the percentile moves a little
    assert found.trailing - plain.trailing == pytest.approx(1600, abs=100)


@pytest.mark.parametrize("decibels", [-40, -66, -75])
def test_a_quiet_recording_is_heard(decibels):
    quiet = DECODED * np.float32(10 ** (decibels / 20) * 32768 / np.abs(DECODED).max())
    signal = utterance_in(quiet).signal
    assert np.abs(signal).max() == pytest.approx(QUIET_PEAK, abs=60)
    loud = utterance_in(DECODED).signal
    assert np.corrcoef(signal, loud[: len(signal)])[0, 1] > 0.999


def test_one_beyond_full_scale_is_turned_down_and_not_clipped():
    loud = utterance_in(DECODED * np.float32(4 * 32768 / np.abs(DECODED).max())).signal
    assert np.abs(loud.astype(int)).max() in (32766, 32767)
    assert np.mean(np.abs(loud.astype(int)) > 32000) < 0.002
    assert np.corrcoef(loud, utterance_in(DECODED).signal)[0, 1] > 0.999


def test_an_ordinary_level_stays_as_it_is():
    half = utterance_in(DECODED / 2).signal
    np.testing.assert_allclose(2 * half.astype(int), utterance_in(DECODED).signal, atol=1.5)


@pytest.mark.parametrize(
    "signal", [np.zeros(8000), np.full(8000, 9000), np.random.default_rng(0).integers(-1, 2, 8000)]
)
def test_a_dead_channel_is_silent(signal):
    with pytest.raises(UnusableAudioError, match="silent"):
        utterance_in(signal.astype(np.float32))


def test_a_few_ms_are_too_short():
    with pytest.raises(UnusableAudioError, match="too short: 50 ms"):
        utterance_in(np.tile(np.array([5000, -5000], np.float32), 200))


@pytest.mark.parametrize(("samples", "is_enough"), [(796, False), (804, True)])
def test_a_tenth_of_a_second_is_enough(samples, is_enough):
    square = np.tile(np.array([5000, -5000], np.float32), samples // 2)
    if is_enough:
        assert len(utterance_in(square, any_sound=True).signal) >= 800
        return
    with pytest.raises(UnusableAudioError, match=r"too short: \d\d ms between its silences"):
        utterance_in(square, any_sound=True)
