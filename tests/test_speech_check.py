"""Whether anybody speaks: sounds of all kinds are told from voices."""

import numpy as np
import pytest
from conftest import VOICES
from no_speech import made
from sounds import SOUNDS

from audio import speech_check
from audio.decode import convert, decode
from audio.detector import speech_probability
from audio.errors import UnusableAudioError
from audio.speech_check import Movement, holds_speech, movement_of
from audio.utterance import NO_SPEECH, utterance_in

RECORDINGS = sorted(VOICES.rglob("*.flac"))[::20]


@pytest.mark.parametrize("seconds", [1, 4])
@pytest.mark.parametrize("name", SOUNDS)
def test_what_is_no_speech_is_refused(name, seconds):
    samples, rate = made(SOUNDS[name], seconds, variant=0)
    with pytest.raises(UnusableAudioError, match=f"{NO_SPEECH}|silent|too short"):
        utterance_in(convert(samples[:, None], rate).signal)


def test_voices_are_taken_and_most_of_them_without_the_detector(monkeypatch):
    asked = []
    monkeypatch.setattr(speech_check, "speech_probability", lambda *how: asked.append(1) or speech_probability(*how))
    assert all(len(utterance_in(decode(path)).signal) for path in RECORDINGS)
    assert len(asked) <= len(RECORDINGS) / 3


@pytest.mark.parametrize("name", ["white noise", "hum", "tone", "engine"])
def test_so_is_what_stands_still_refused(name, monkeypatch):
    monkeypatch.setattr(speech_check, "speech_probability", lambda *_: pytest.fail("it was asked"))
    samples, _ = made(SOUNDS[name], 4, variant=0)
    assert not holds_speech(samples)


def test_half_a_second_is_enough():
    signal = utterance_in(decode(RECORDINGS[0])).signal
    assert holds_speech(signal[: len(signal) // 6])


@pytest.mark.parametrize("size", [1, 2, 159, 161])
def test_a_few_samples_are_measured_and_no_speech(size):
    signal = np.full(size, 100, np.int16)
    assert movement_of(signal).frames <= 1
    assert not holds_speech(signal)


def test_any_sound_is_taken_if_asked_for():
    samples, rate = made(SOUNDS["white noise"], 1, variant=0)
    assert len(utterance_in(convert(samples[:, None], rate).signal, any_sound=True).signal) > 0.9 * 8000


def test_a_long_signal_heard_in_parts_is_as_probable_as_heard_in_one(monkeypatch):
    voices = np.concatenate([utterance_in(decode(path)).signal for path in RECORDINGS[:4]])
    noise = np.random.default_rng(0).normal(0, 3000, 80_000).astype(np.int16)
    in_parts = [speech_probability(signal) for signal in (voices, noise)]
    monkeypatch.setattr("audio.detector.SEGMENT", 10**9)
    in_one = [speech_probability(signal) for signal in (voices, noise)]
    np.testing.assert_allclose(in_parts, in_one, atol=0.15)


def test_it_stops_listening_when_it_has_heard_enough():
    voice = utterance_in(decode(RECORDINGS[0])).signal
    whole = speech_probability(voice)
    assert 0.6 <= speech_probability(voice, 0.6) < whole
    assert speech_probability(voice[:4000], 1.0) <= 1.0


def test_the_detector_knows_a_voice_from_noise():
    voice = utterance_in(decode(RECORDINGS[0])).signal
    assert speech_probability(voice) > 0.9
    assert speech_probability(np.random.default_rng(0).normal(0, 3000, 16_000).astype(np.int16)) < 0.3
    assert speech_probability(voice[:100]) < 0.9


CLEAR = Movement(frames=100, level=8.0, step=3.0, usual_step=2.0, tilt=0.3, level_held=0.8, tone_held=0.7)


def decided(movement: Movement, monkeypatch) -> bool | None:
    """Whether an utterance that moves so holds speech; None if the detector is asked."""
    asked = []
    monkeypatch.setattr(speech_check, "movement_of", lambda signal: movement)
    monkeypatch.setattr(speech_check, "speech_probability", lambda *how: asked.append(how) or 0.0)
    answer = holds_speech(np.zeros(8000, np.int16))
    return None if asked else answer


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [
        ("frames", 20, 1e9),
        ("level", 4.5, 1e9),
        ("step", 1.5, 5.2),
        ("usual_step", 0.9, 4.0),
        ("tilt", 0.05, 1.0),
        ("level_held", 0.55, 1.0),
        ("tone_held", 0.35, 0.92),
    ],
)
def test_what_moves_as_speech_does_is_speech_and_the_detector_is_asked_beyond_that(field, low, high, monkeypatch):
    for value in (1.01 * low, 0.99 * high):
        assert decided(CLEAR._replace(**{field: value}), monkeypatch) is True
    assert decided(CLEAR._replace(**{field: 0.99 * low}), monkeypatch) is None
    assert high == 1e9 or decided(CLEAR._replace(**{field: 1.01 * high}), monkeypatch) is None


@pytest.mark.parametrize(("field", "least"), [("level", 1.5), ("step", 0.6), ("usual_step", 0.3), ("tilt", 0.01)])
def test_what_hardly_moves_is_no_speech_if_there_is_enough_of_it(field, least, monkeypatch):
    assert decided(CLEAR._replace(**{field: 0.99 * least}), monkeypatch) is False
    assert decided(CLEAR._replace(**{field: 1.01 * least}), monkeypatch) is None
    assert decided(CLEAR._replace(**{field: 0.99 * least}, frames=19), monkeypatch) is None


@pytest.mark.parametrize(("probability", "answer"), [(0.59, False), (0.6, True)])
def test_the_detector_has_to_be_sure_enough(probability, answer, monkeypatch):
    monkeypatch.setattr(speech_check, "speech_probability", lambda signal, enough: probability if enough == 0.6 else 0)
    short = utterance_in(decode(RECORDINGS[0])).signal[:2400]  # 15 frames
    assert holds_speech(short) is answer
