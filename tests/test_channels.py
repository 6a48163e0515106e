"""Of several channels, the one with the speech is taken; two people are mixed, and that is said."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import VOICES

from audio import channels
from audio.channels import choose
from audio.decode import SAMPLE_RATE, convert, decode, decode_recording
from audio.errors import UnusableAudioError

A, B = VOICES / "p225" / "p225_001.flac", VOICES / "p226" / "p226_001.flac"
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def voices():
    """Two people at once, (samples,) float64 each, and the rate."""
    (a, rate), (b, _) = soundfile.read(A), soundfile.read(B)
    length = min(len(a), len(b))
    return a[:length], b[:length] * np.std(a) / np.std(b), rate


def late(signal: np.ndarray, samples: int) -> np.ndarray:
    return np.concatenate([np.zeros(samples), signal[: len(signal) - samples]])


def in_a_room(signal: np.ndarray, rate: int) -> np.ndarray:
    """With an echo that fades by 60 dB within 0.3 s and is as loud as the voice."""
    length = int(0.3 * rate)
    echo = RNG.normal(size=length) * np.exp(-6.9 * np.arange(length) / length)
    echo /= np.sqrt(np.sum(echo**2))
    echo[0] += 1
    return np.convolve(signal, echo)[: len(signal)]


def chosen(*signals: np.ndarray, rate: int = 16_000):
    return choose(iter([np.stack(signals, axis=1).astype(np.float32)]), rate)[0]


def noise(size: int, loudness: float) -> np.ndarray:
    return loudness * RNG.normal(size=size)


def test_a_copy_never_cancels(voices):
    a, _, rate = voices
    alone = convert(a[:, None], rate).signal
    for copy in (a, -a, 0.3 * a, late(a, 8), -late(a, 8), late(a, rate // 200), late(a, rate // 50)):
        for pair in ((a, copy), (copy, a)):
            decoded = convert(np.stack(pair, axis=1).astype(np.float32), rate)
            assert not decoded.channels_differ
            assert np.std(decoded.signal) == pytest.approx(np.std(alone), rel=0.05) or copy.std() < 0.5 * a.std()
            shifted = np.correlate(decoded.signal[2000:], alone[2000:-2000], "valid") / np.linalg.norm(alone) ** 2
            assert np.abs(shifted).max() > 0.25


def test_other_microphones_are_the_same_speech(voices):
    a, _, rate = voices
    telephone = np.convolve(a, np.sin(0.8 * np.arange(-20, 21)) / np.maximum(np.abs(np.arange(-20, 21)), 1), "same")
    for other in (in_a_room(a, rate), telephone, np.tanh(20 * a), a + noise(len(a), 0.1 * np.std(a))):
        assert not chosen(a, other).differ


def test_the_channel_with_the_wider_range_is_taken(voices):
    a, _, _ = voices
    noisy = a + noise(len(a), 0.3 * np.std(a))
    assert chosen(noisy, a).channel == 1
    assert chosen(a, noisy, 2 * noisy).channel == 0


def hum(size: int) -> np.ndarray:
    time = np.arange(size) / 16_000
    return sum(np.sin(2 * np.pi * 50 * k * time + k) / k for k in range(1, 8))


@pytest.mark.parametrize(
    "other",
    [
        lambda size: np.zeros(size),
        lambda size: np.full(size, 0.3),
        lambda size: noise(size, 1e-4),
        lambda size: noise(size, 0.3),
        lambda size: np.cumsum(noise(size, 0.01)) * 0.1,
        lambda size: 0.3 * hum(size),
        lambda size: 1e-4 * hum(size) + noise(size, 1e-5),
    ],
    ids=["zeros", "constant", "hiss", "noise", "brown", "hum", "faint hum"],
)
def test_a_channel_without_speech_does_not_count(voices, other):
    a, _, _ = voices
    assert chosen(a, other(len(a))) == (0, False)
    assert chosen(other(len(a)), a) == (1, False)
    assert chosen(other(len(a)), a, other(len(a)), np.zeros(len(a))) == (1, False)


def test_two_people_are_mixed_and_that_is_said(voices):
    a, b, rate = voices
    apart = np.concatenate([a, noise(len(b), 1e-4)]), np.concatenate([noise(len(a), 1e-4), b])
    over = np.concatenate([a, 0.1 * b]), np.concatenate([0.1 * a, b])  # each is heard by the other's microphone
    for pair in ((a, b), (a, 0.2 * b), apart, over):
        assert chosen(*pair) == (None, True)
        assert chosen(*pair, np.zeros(len(pair[0]))) == (None, True)
    decoded = convert(np.stack([a, b], axis=1), rate)
    assert decoded.channels_differ
    np.testing.assert_allclose(decoded.signal, convert(((a + b) / 2)[:, None], rate).signal, atol=0.1)


@pytest.mark.parametrize("level", [0.05, 0.2, 0.3])
def test_two_people_are_mixed_where_one_of_them_is_in_noise(voices, level):
    a, b, _ = voices
    assert chosen(a + noise(len(a), level * np.std(a)), b) == (None, True)


@pytest.mark.parametrize(("decibels", "choice"), [(-30, (None, True)), (-45, (0, False))])
def test_another_person_counts_who_is_less_than_40_db_below(voices, decibels, choice):
    a, b, _ = voices
    assert chosen(a, 10 ** (decibels / 20) * b) == choice


@pytest.mark.parametrize(("seconds", "differ"), [(0.04, False), (0.1, False), (0.2, True), (0.5, True)])
def test_a_channel_may_be_a_tenth_of_a_second_late(voices, seconds, differ):
    a, _, rate = voices
    assert chosen(a, late(a, round(seconds * rate))).differ is differ


def test_a_channel_may_be_named(voices, tmp_path):
    a, b, rate = voices
    soundfile.write(tmp_path / "x.wav", np.stack([a, b], axis=1), rate, subtype="FLOAT")
    for number, one in ((1, a), (2, b), ("mix", (a + b) / 2)):
        decoded = decode_recording(tmp_path / "x.wav", channel=number)
        assert not decoded.channels_differ
        np.testing.assert_allclose(decoded.signal, convert(one[:, None], rate).signal, atol=0.1)
    with pytest.raises(UnusableAudioError, match=r"expected one of its 2 channels\. Received channel 3"):
        decode(tmp_path / "x.wav", channel=3)
    np.testing.assert_array_equal(decode(A, channel=2), decode(A))  # of one channel there is no choice


def test_two_equal_channels_are_one(tmp_path):
    samples, rate = soundfile.read(A, dtype="int16")
    soundfile.write(tmp_path / "x.wav", np.stack([samples, samples], axis=1), rate)
    np.testing.assert_array_equal(decode(tmp_path / "x.wav"), decode(A))


def test_all_blocks_come_back_and_few_are_held(monkeypatch):
    monkeypatch.setattr(channels, "LOOKED_AT", 3000)
    taken = []

    def blocks():
        for number in range(9):
            taken.append(number)
            yield np.full((500, 2), number, np.int16)

    choice, again = choose(blocks(), SAMPLE_RATE)
    assert taken == [0, 1, 2]
    assert [int(choice.of(block)[0]) for block in again] == list(range(9))


def test_one_channel_is_not_looked_at(monkeypatch):
    monkeypatch.setattr(channels, "_levels", None)
    assert len(decode(A))


def test_what_is_not_finite_is_refused_in_any_channel():
    for bad in (np.nan, np.inf, 1e30):
        samples = np.zeros((9000, 2), np.float32)
        samples[700, 1] = bad
        samples[::7, 0] = 0.1
        with pytest.raises(UnusableAudioError, match="NaN or infinite"):
            convert(samples, SAMPLE_RATE)


@pytest.mark.parametrize("length", [0, 1, 10, 300])
def test_next_to_nothing_is_no_error(length):
    samples = RNG.normal(size=(length, 3)).astype(np.float32)
    assert chosen(*samples.T, rate=SAMPLE_RATE).differ is False


def test_standard_deviations_of_zero_are_no_error(recwarn):
    tone = np.tile([0.5, -0.5], 8000)
    assert not chosen(tone, -tone).differ
    assert not recwarn.list


CASES = Path(__file__).resolve().parents[2] / "shared" / "cases" / "stereo_downmix"


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not here")
@pytest.mark.parametrize("name", ["inverted", "delayed_half_ms", "one_channel_noise", "two_people"])
def test_the_cases(name):
    assert decode_recording(CASES / f"{name}.flac").channels_differ == (name == "two_people")
