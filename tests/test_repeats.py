"""Copies, cuts and other formats of a recording are known by their sound; other recordings are not."""

import io

import numpy as np
import pytest
import soundfile
from conftest import VOICES
from scipy.signal import resample_poly

from inference.recordings import load_speech
from inference.repeats import Repeat, best_correlation, repeats

A, A_AGAIN, B = (VOICES / name[:4] / f"{name}.flac" for name in ("p225_001", "p225_002", "p226_001"))


def samples(path=A):
    return soundfile.read(path)


def as_mp3(sound, rate):
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format="MP3")
    return soundfile.read(io.BytesIO(file.getvalue()))


CHANGES = {
    "as it is": lambda sound, rate: (sound, rate),
    "at another level": lambda sound, rate: (0.3 * sound, rate),
    "at another rate": lambda sound, rate: (resample_poly(sound, 3, 2), rate * 3 // 2),
    "cut": lambda sound, rate: (sound[len(sound) // 4 : -len(sound) // 8], rate),
    "with noise": lambda sound, rate: (sound + np.random.default_rng(0).normal(0, sound.std() / 10, len(sound)), rate),
    "as MP3": as_mp3,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_copy_is_known(change):
    signals = [load_speech(A).signal, load_speech(B).signal, load_speech(*change(*samples())).signal]
    (found,) = repeats(signals)
    assert {found.row, found.holder} == {0, 2}


def test_the_longest_is_kept_and_of_equals_the_first():
    whole = load_speech(A).signal
    part = whole[: len(whole) // 2]
    assert repeats([part, whole, whole, part]) == [Repeat(0, 1), Repeat(2, 1), Repeat(3, 1)]


def test_other_recordings_are_not_repeats():
    signals = [load_speech(path).signal for path in [*sorted((VOICES / "p225").iterdir())[:5], B]]
    assert repeats(signals) == []


def test_a_tone_in_both_does_not_make_them_one():
    tone = np.sin(2 * np.pi * 440 * np.arange(80_000) / 8000)
    signals = [load_speech(path).signal / 8 for path in (A, A_AGAIN, B)]
    with_tone = [(one + 6 * one.std() * tone[: len(one)]).astype(np.int16) for one in signals]
    assert repeats(with_tone) == []


@pytest.mark.parametrize("signal", [np.zeros(4000, np.int16), np.zeros(1, np.int16), np.zeros(0, np.int16)])
def test_silence_and_nothing_are_no_sound(signal):
    assert repeats([signal, load_speech(A).signal, signal]) == []
    assert best_correlation(signal.astype(np.float32), signal.astype(np.float32)) == 0


@pytest.mark.parametrize(("correlation", "count"), [(0.74, 0), (0.76, 1)])
def test_sounds_are_the_same_from_three_quarters_on(monkeypatch, correlation, count):
    monkeypatch.setattr("inference.repeats.best_correlation", lambda longer, shorter: correlation)
    assert len(repeats([np.ones(9, np.int16), np.ones(8, np.int16)])) == count
