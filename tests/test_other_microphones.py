"""The benchmark of other microphones changes recordings reproducibly, and as it is finds the figure of `--evaluate`."""

import json
import sys

import numpy as np
import other_microphones
import pytest
from conftest import SPEAKERS, VOICES
from microphones import CHANGES, LOST
from other_microphones import SAMPLE_RATE, at_8_khz

from evaluation.evaluate import evaluate
from evaluation.held_out_speakers import held_out_trials
from inference.encoder import SpeakerEncoder

DELAY = 1000  # samples by which a codec may be late


def speech() -> np.ndarray:
    """Of a bundled voice, at 8 kHz and of full scale 1."""
    samples, rate = other_microphones.held_out.soundfile.read(VOICES / "p225" / "p225_001.flac")
    return other_microphones.soxr.resample(samples, rate, SAMPLE_RATE)


def changed(name, samples):
    return CHANGES[name](samples, np.random.default_rng(1))


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_keeps_the_length_and_is_the_same_again(name):
    before = speech()
    one, again = changed(name, before), changed(name, before)
    assert np.array_equal(one, again) and np.isfinite(one).all()
    assert one.shape == before.shape
    assert np.array_equal(one, before) == (name == "none")


@pytest.mark.parametrize("name", ["mu_law", "gsm", "g721", "g723_1", "opus", "mp3", "aac", "amr"])
def test_what_was_coded_is_still_that_speech(name):
    before, after = (np.abs(one) for one in (speech(), changed(name, speech())))
    envelopes = [np.convolve(one, np.ones(400), "same") for one in (before, after)]
    best = max(np.corrcoef(envelopes[0], np.roll(envelopes[1], -lag))[0, 1] for lag in range(0, DELAY, 20))
    assert best > 0.9


def test_a_telephone_has_a_band():
    spectrum = np.abs(np.fft.rfft(changed("telephone_band", np.eye(1, SAMPLE_RATE, 4000)[0])))  # a bin is 1 Hz
    decibels = 20 * np.log10(spectrum)
    assert decibels[500:3000].min() > -1
    assert decibels[:200].max() < -30 and decibels[3800:].max() < -30


def test_packets_are_lost_at_their_rate():
    kept = CHANGES["lost_packets"](np.ones(100 * SAMPLE_RATE), np.random.default_rng(0))
    assert 1 - kept.mean() == pytest.approx(LOST, abs=0.01)


def run(monkeypatch, capsys, *arguments):
    """The JSON lines after the machine's."""
    monkeypatch.setattr(sys, "argv", ["", *map(str, arguments)])
    other_microphones.main()
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if "machine" not in line]


@pytest.fixture
def listed(tmp_path):
    path = tmp_path / "speakers.txt"
    path.write_text("\n".join(SPEAKERS))
    return path


def test_unchanged_recordings_have_the_error_rate_of_evaluate(tiny_cache, listed, monkeypatch, capsys):
    command = (tiny_cache.folder, "--test_speakers_file", listed, "--changes", "none")
    row, mean = run(monkeypatch, capsys, *command)
    encoder = SpeakerEncoder()
    trials, _ = held_out_trials([encoder], tiny_cache, SPEAKERS)
    (expected,) = evaluate(encoder, tiny_cache, trials, [encoder.scoring], cuts=[None]).results
    assert row["eer"] == pytest.approx(expected.estimates["eer"].value, rel=1e-3)
    assert (row["eer_low"], row["eer_high"]) == (None, None)  # of three speakers
    assert (row["speakers"], row["utterances"], row["refused"]) == (3, 15, 0)
    assert (mean["change"], mean["eer"]) == ("none", row["eer"])


def test_an_unknown_change_is_a_usage_mistake(tiny_cache, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, capsys, tiny_cache.folder, "--changes", "none,cassette")
    assert "cassette" in capsys.readouterr().err


def test_recordings_are_read_at_8_khz(tiny_cache):
    one = next(iter(tiny_cache.utterances.values()))
    samples = at_8_khz(one)
    blanks = (one.leading_blank_ms + one.trailing_blank_ms) * SAMPLE_RATE / 1000
    assert len(samples) == pytest.approx(one.samples + blanks, abs=1)
