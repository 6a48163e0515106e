"""Recordings of any kind become speech, or are refused in one line."""

import io
import os
import struct
import sys

import numpy as np
import pytest
import soundfile
import soxr
from conftest import VOICES, write_voice

from audio.decode import SAMPLE_RATE, decode
from audio.speech_activity import speech_seconds
from audio.utterance import utterance_in
from inference.recordings import RecordingError, enrolment_remarks, load_speech, remarks

VOICE = VOICES / "p225" / "p225_001.flac"
NOT_A_NUMBER = float("nan")


@pytest.fixture(scope="module")
def voice():
    """Samples of 16-bit full scale 1, and their rate."""
    return soundfile.read(VOICE)


def test_the_outer_silence_is_cut_as_the_cache_does():
    speech = load_speech(VOICE)
    np.testing.assert_array_equal(speech.signal, utterance_in(decode(VOICE)).signal)
    assert speech.name == str(VOICE)


def test_samples_in_memory_are_worth_what_their_file_is(voice):
    samples, rate = voice
    expected = load_speech(VOICE).signal
    stereo = np.stack([samples, samples], axis=1)
    given = (
        samples,
        samples.astype(np.float32),
        stereo,
        stereo.T,
        samples.tolist(),
        soundfile.read(VOICE, dtype="int32")[0],
    )
    for one in given:
        np.testing.assert_allclose(load_speech(one, rate).signal, expected, atol=1)


def test_16_bit_values_as_floats_are_worth_what_they_are(voice, tmp_path):
    values = soundfile.read(VOICE, dtype="int16")[0].astype(np.float32)
    expected = load_speech(VOICE).signal
    expected = expected / np.abs(expected).max()
    soundfile.write(tmp_path / "x.wav", values, voice[1], subtype="FLOAT")
    for loudness in (1, 256, 65_536, 1e-3):  # 24-bit and 32-bit values, and quiet ones
        signal = load_speech(loudness * values, voice[1]).signal
        np.testing.assert_allclose(signal / np.abs(signal).max(), expected, atol=2e-4)
    signal = load_speech(tmp_path / "x.wav").signal
    np.testing.assert_allclose(signal / np.abs(signal).max(), expected, atol=2e-4)


def test_other_sources(voice):
    expected = load_speech(VOICE).signal
    with open(VOICE, "rb") as file:
        speech = load_speech(file)
    assert speech.name == str(VOICE)
    for one in (speech, load_speech(io.BytesIO(VOICE.read_bytes())), load_speech(os.fsencode(VOICE))):
        np.testing.assert_array_equal(one.signal, expected)


@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG", "AIFF"])
def test_standard_input_may_be_of_any_format(voice, monkeypatch, format):
    content = io.BytesIO()
    soundfile.write(content, *voice, format=format)
    content.seek(0)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content))
    speech = load_speech("-")
    assert speech.name == "standard input"
    assert len(speech.signal) == pytest.approx(len(load_speech(VOICE).signal), rel=0.05)


def test_too_much_on_standard_input_is_refused(monkeypatch):
    monkeypatch.setattr("inference.sources.LARGEST_INPUT", 99)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(VOICE.read_bytes())))
    with pytest.raises(RecordingError, match="standard input: more than"):
        load_speech("-")


@pytest.mark.parametrize(("rate", "channels"), [(192_000, 1), (44_100, 2), (96_000, 6)])
def test_any_rate_and_channels_serve(tmp_path, voice, rate, channels):
    resampled = soxr.resample(*voice, rate)
    soundfile.write(tmp_path / "a.wav", np.stack([resampled] * channels, axis=1), rate)
    speech = load_speech(tmp_path / "a.wav")
    assert len(speech.signal) == pytest.approx(len(load_speech(VOICE).signal), abs=80)
    assert speech.rate == rate


def bad_files(folder):
    """Paths and what is said of them."""
    (folder / "text.wav").write_text("this is not audio")
    (folder / "nothing.wav").touch()
    soundfile.write(folder / "empty.wav", np.zeros(0), 8000)
    soundfile.write(folder / "silent.wav", np.zeros(16_000), 8000)
    soundfile.write(folder / "short.wav", soundfile.read(VOICE)[0][8000:8700], 8000)
    soundfile.write(folder / "nan.wav", np.full(8000, NOT_A_NUMBER), 8000, subtype="FLOAT")
    soundfile.write(folder / "slow.wav", np.ones(8000), 100)
    os.mkfifo(folder / "pipe.wav")
    (folder / "folder.wav").mkdir()
    (folder / "broken.flac").write_bytes(VOICE.read_bytes()[:60])
    return {
        "text.wav": "not readable as audio",
        "nothing.wav": "not readable as audio",
        "empty.wav": "empty",
        "silent.wav": "silent",
        "short.wav": "too short",
        "nan.wav": "NaN",
        "slow.wav": "100 samples a second",
        "pipe.wav": "neither a file nor a link to one",
        "folder.wav": "Received a folder",
        "broken.flac": "",
        "missing.wav": "does not exist",
        "nul\0.wav": "not readable",
    }


def test_bad_files_are_named_with_a_reason(tmp_path):
    for name, reason in bad_files(tmp_path).items():
        with pytest.raises(RecordingError) as caught:
            load_speech(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: ")
        assert reason in str(caught.value)
        assert "\n" not in str(caught.value)


def test_three_hours_are_refused(tmp_path):
    size = 2 * 3 * 3600 * 8000  # bytes, of 16-bit samples
    header = b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, 8000, 16_000, 2, 16, b"data", size
    with open(tmp_path / "a.wav", "wb") as file:
        file.write(struct.pack("<4sI4s4sIHHIIHH4sI", *header))
        file.truncate(file.tell() + size)  # holes, which take no space
    with pytest.raises(RecordingError, match="longer than 30 minutes"):
        load_speech(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("samples", "rate", "reason"),
    [
        (np.zeros(0), 8000, "empty"),
        (np.zeros(8000), 8000, "silent"),
        (np.full(8000, NOT_A_NUMBER), 8000, "NaN"),
        (np.full(8000, np.inf), 8000, "infinite"),
        (np.ones(8000), 1, "1 samples a second"),
    ],
)
def test_arrays_without_speech_are_refused(samples, rate, reason):
    with pytest.raises(RecordingError, match=f"the array: .*{reason}"):
        load_speech(samples, rate)


def test_pauses_are_no_speech(voice):
    speech = load_speech(VOICE).signal
    pause = np.random.default_rng(0).integers(-3, 4, 4 * SAMPLE_RATE).astype(np.int16)
    alone = speech_seconds(speech)
    assert 0 < alone <= len(speech) / SAMPLE_RATE
    assert speech_seconds(np.concatenate([speech, pause, speech])) == pytest.approx(2 * alone, rel=0.1)


def test_clipped_speech_is_told_from_loud_speech(voice):
    samples, rate = voice
    loud = samples / np.abs(samples).max()
    assert not load_speech(0.999 * loud, rate).is_clipped
    clipped = load_speech(np.clip(8 * loud, -1, 1), rate)
    assert clipped.is_clipped
    assert any("clipped" in remark for remark in remarks(clipped))
    assert load_speech(0.3 * np.clip(8 * loud, -1, 1), rate).is_clipped  # turned down afterwards
    assert load_speech(0.3 * soxr.resample(np.clip(8 * loud, -1, 1), rate, 11_025), 11_025).is_clipped
    assert load_speech(np.clip(8 * loud, -1, 1) + 1, rate).is_clipped  # of a microphone with an offset


def test_low_rates_are_remarked_on(voice):
    samples, rate = voice
    low = load_speech(soxr.resample(samples, rate, 4000), 4000)
    assert remarks(low) == ["the array: 4000 samples a second, which hold less than the 8000 that the network knows"]
    assert remarks(load_speech(soxr.resample(samples, rate, 8000), 8000)) == []


def test_short_speech_is_remarked_on(tmp_path):
    short = load_speech(write_voice(tmp_path / "noise.wav"))
    assert f"only {short.seconds:.1f} s of speech" in remarks(short)[0]
    assert 0 < short.seconds < 0.6
    assert "3 s or more are reliable" in enrolment_remarks([short, short])[-1]
    assert enrolment_remarks([short] * 30) == []
