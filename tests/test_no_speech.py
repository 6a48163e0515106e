"""The benchmark of sounds without speech makes them as they are called, and counts refusals."""

import json
import sys

import no_speech
import numpy as np
import pytest
import soundfile
from conftest import SPEAKERS, copy_voices
from no_speech import VARIANTS, made, refused_recordings, refused_sounds
from sounds import SOUNDS


@pytest.mark.parametrize("name", SOUNDS)
def test_a_sound_can_be_made_at_every_rate_and_is_the_same_again(name):
    for variant in range(3):
        samples, rate = made(SOUNDS[name], 1, variant)
        assert samples.dtype == np.int16 and 0.5 * rate <= len(samples) <= 1.5 * rate
        assert np.array_equal(samples, made(SOUNDS[name], 1, variant)[0])
        assert samples.any() == (name != "zeros")


@pytest.mark.parametrize("name, octave", [("white noise", 0), ("pink noise", -3), ("brown noise", -6)])
def test_noise_has_its_colour(name, octave):
    rate = 8000
    time = np.arange(60 * rate) / rate
    power = np.abs(np.fft.rfft(SOUNDS[name](time, rate, np.random.default_rng(0)))) ** 2
    bands = [power[60 * hertz : 120 * hertz].mean() for hertz in (200, 400, 800)]
    assert np.diff(10 * np.log10(bands)) == pytest.approx([octave] * 2, abs=0.3)


def test_zeros_are_refused_and_counted():
    assert refused_sounds(SOUNDS["zeros"], 1) == {"made": VARIANTS, "refused": VARIANTS}


def test_recordings_are_counted_with_the_reasons(tmp_path):
    folder = copy_voices(tmp_path / "voices", SPEAKERS[:1], 3)
    soundfile.write(folder / "silence.wav", np.zeros(8000), 8000)
    found = refused_recordings(folder)
    assert (found["recordings"], found["refused"], found["one_in"]) == (4, 1, 4)
    assert list(found["why"].values()) == [1]


def test_it_prints_a_line_for_each_sound_and_folder(tmp_path, monkeypatch, capsys):
    folder = copy_voices(tmp_path / "voices", SPEAKERS[:1], 1)
    monkeypatch.setattr(no_speech, "SOUNDS", {"zeros": SOUNDS["zeros"]})
    monkeypatch.setattr(sys, "argv", ["", str(folder), "--seconds", "1"])
    no_speech.main()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("sound", line.get("folder")) for line in lines][-5:] == ["zeros", "all"] + 3 * ["voices"]
    assert [line["voice"] for line in lines[-3:]] == ["as recorded", "whispered", "sung"]
    assert lines[-3] | {"benchmark": "", "why": ""} == {
        "benchmark": "", "folder": "voices", "voice": "as recorded",
        "recordings": 1, "refused": 0, "one_in": None, "why": "",
    }  # fmt: skip
