"""A part of a recording is what is cut from the whole at its own rate."""

import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from conftest import VOICES, write_tone
from stated import flac_of_length

from audio.channels import Choice
from audio.decode import SAMPLE_RATE, UnusableAudioError, decode
from audio.reader import check_whole

DEMONSTRATION = VOICES.parent / "PhilippeRemy"


def cut_then_decoded(path: Path, start: float, end: float, folder: Path) -> np.ndarray:
    """What a part is by definition: read everything, cut at the file's own rate, and decode that."""
    samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
    part = samples[round(start * rate) : round(end * rate)]
    soundfile.write(folder / "part.wav", part, rate, subtype="DOUBLE")
    return decode(folder / "part.wav")


@pytest.mark.parametrize("start, end", [(0, 0.5), (0.3, 1.7), (1.23456, 2.34567), (2.9, 3), (0, 3), (0.00004, 2.99996)])
@pytest.mark.parametrize("container, subtype", [
    *(("WAV", subtype) for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "MS_ADPCM")),
    ("WAVEX", "PCM_16"), ("RF64", "PCM_16"), ("W64", "PCM_24"), ("AIFF", "PCM_16"), ("AU", "PCM_16"), ("CAF", "PCM_16"),
    ("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"),
])  # fmt: skip
def test_a_part_is_what_is_cut_from_the_whole(tmp_path, container, subtype, start, end):
    noise = np.random.default_rng(0).normal(0, 0.1, 3 * 16_000)
    soundfile.write(tmp_path / "whole", noise, 16_000, format=container, subtype=subtype)
    expected = cut_then_decoded(tmp_path / "whole", start, end, tmp_path)
    for source in (tmp_path / "whole", io.BytesIO((tmp_path / "whole").read_bytes())):
        part = decode(source, start, end)
        assert len(part) == len(expected)
        assert np.abs(part - expected).max() <= 1  # float32 sums here, float64 there


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("container", ["WAV", "FLAC", "OGG"])
def test_a_part_beyond_the_first_block_is_exact(tmp_path, container, channels):
    soundfile.write(
        tmp_path / "long", np.random.default_rng(1).normal(0, 0.1, (700_000, channels)), 8000, format=container
    )
    whole = decode(tmp_path / "long", channel=channels)
    for start, end in ((50.0001, 80.5), (86, None), (None, 40)):
        part = decode(tmp_path / "long", start, end, channels)
        np.testing.assert_array_equal(part, whole[slice(*(at and round(at * 8000) for at in (start, end)))])


@pytest.mark.parametrize("path", [VOICES / "p225" / "p225_001.flac", DEMONSTRATION / "recording_1.wav"])
def test_from_0_to_the_duration_is_the_whole(path):
    duration = soundfile.info(path).duration
    for start, end in ((0, duration), (None, duration), (0, None), (0, duration + 0.09)):
        np.testing.assert_array_equal(decode(path, start, end), decode(path))


@pytest.mark.parametrize("start, end", [
    (1, 1), (2, 1), (-1, 1), (-0.1, None), (None, 0), (None, -1),
    (np.nan, 1), (0, np.nan), (np.nan, None), (None, np.nan), (0, np.inf), (np.inf, None),
])  # fmt: skip
def test_times_that_are_no_part_are_refused(tmp_path, start, end):
    with pytest.raises(UnusableAudioError, match=r"expected 0 <= start < end, in seconds\. Received start="):
        decode(write_tone(tmp_path / "tone.wav"), start, end)


@pytest.mark.parametrize("container", ["WAV", "FLAC", "AU"])
@pytest.mark.parametrize(
    "start, end", [(0, 0.61), (0.2, 0.7), (0.5, 0.55), (0.5, None), (0.55, 0.6), (7, 8), (1e300, None)]
)
def test_a_part_that_is_not_there_is_refused(tmp_path, container, start, end):
    write_tone(tmp_path / "tone", format=container)
    with pytest.raises(UnusableAudioError, match=r"expected a part of it\. Received from .*; it ends at 0\.50 s"):
        decode(tmp_path / "tone", start, end)


@pytest.mark.parametrize("stated", [0, 4001, 2**36 - 1])
def test_a_part_of_a_flac_that_states_a_false_length(tmp_path, stated):
    expected = decode(write_tone(tmp_path / "whole.flac"))
    path = flac_of_length(tmp_path / "stated.flac", stated)
    np.testing.assert_array_equal(decode(path, 0.25), expected[2000:])
    np.testing.assert_array_equal(decode(path, 0.1, 0.4), expected[800:3200])
    with pytest.raises(UnusableAudioError, match=r"it ends at 0\.50 s"):
        decode(path, 0.6, 0.9)


def test_only_the_part_must_be_shorter_than_the_longest(tmp_path, monkeypatch):
    monkeypatch.setattr("audio.decode.LONGEST", 60 * SAMPLE_RATE)
    for container in ("FLAC", "AU"):
        soundfile.write(tmp_path / "minutes", np.zeros(300 * SAMPLE_RATE, np.int16), SAMPLE_RATE, format=container)
        assert len(decode(tmp_path / "minutes", 200, 260)) == 60 * SAMPLE_RATE
        with pytest.raises(UnusableAudioError, match="longer than 1 minutes"):
            decode(tmp_path / "minutes", 200, 261)


@pytest.mark.parametrize("container", ["WAV", "FLAC", "AU"])
def test_what_comes_before_a_part_is_not_resampled(tmp_path, monkeypatch, container):
    resampled = []
    mono = Choice.of
    monkeypatch.setattr(Choice, "of", lambda choice, block: resampled.append(len(block)) or mono(choice, block))
    soundfile.write(tmp_path / "long", np.zeros(600_000, np.int16), 16_000, format=container)
    decode(tmp_path / "long", 30, 31)
    assert resampled == [16_000]


@pytest.mark.parametrize(("format", "slack"), [("WAV", 80), ("MP3", 2000)])
def test_a_file_may_lack_a_hundredth_of_a_second_and_a_lossy_one_a_quarter(format, slack):
    file = SimpleNamespace(format=format, samplerate=8000)
    check_whole(file, 16_000, 16_000 - slack)
    with pytest.raises(UnusableAudioError, match=r"cut short: its header promises 2\.00 s"):
        check_whole(file, 16_000, 16_000 - slack - 1)
