"""Ogg streams that follow one another are read as one."""

import io

import numpy as np
import pytest
import soundfile
from conftest import VOICES
from encoded import chained

from audio.decode import decode
from audio.errors import UnusableAudioError
from audio.ogg import links

VOICE = VOICES / "p225" / "p225_001.flac"
RATE = 16_000


@pytest.fixture(scope="module")
def parts():
    samples, rate = soundfile.read(VOICE)
    assert rate == RATE
    return samples[:RATE], samples[RATE : 2 * RATE], samples[2 * RATE : 2 * RATE + 4000]


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_a_chain_is_what_its_streams_are(tmp_path, parts, subtype):
    path = tmp_path / "x.ogg"
    path.write_bytes(chained(*parts, rate=RATE, subtype=subtype))
    samples = np.concatenate(
        [soundfile.read(io.BytesIO(chained(part, rate=RATE, subtype=subtype)), dtype="float32")[0] for part in parts]
    )
    soundfile.write(tmp_path / "x.wav", samples, soundfile.info(path).samplerate, subtype="FLOAT")
    for source in (path, io.BytesIO(path.read_bytes())):
        np.testing.assert_array_equal(decode(source), decode(tmp_path / "x.wav"))
    np.testing.assert_array_equal(decode(path, 0.9, 2.1), decode(tmp_path / "x.wav", 0.9, 2.1))


def test_the_same_file_twice_is_a_chain_too(parts):
    once = chained(parts[0], rate=RATE)
    assert len(decode(io.BytesIO(once + once))) == 2 * len(decode(io.BytesIO(once)))


def test_links_are_found_across_reads(parts, monkeypatch):
    monkeypatch.setattr("audio.ogg.AT_ONCE", 50)
    contents = [chained(part, rate=RATE) for part in parts]
    assert links(io.BytesIO(b"".join(contents))) == [0, len(contents[0]), len(contents[0]) + len(contents[1])]


def test_a_chain_that_changes_is_refused(parts):
    for other in (chained(parts[1], rate=8000), chained(np.stack([parts[1]] * 2, axis=1), rate=RATE)):
        with pytest.raises(UnusableAudioError, match="chain of Ogg streams of different rates or numbers of channels"):
            decode(io.BytesIO(chained(parts[0], rate=RATE) + other))


def test_a_chain_without_end_is_refused(parts, monkeypatch):
    monkeypatch.setattr("audio.ogg.MOST_STREAMS", 2)
    with pytest.raises(UnusableAudioError, match="a chain of more than 2 Ogg streams"):
        decode(io.BytesIO(chained(*parts, rate=RATE)))


def test_a_file_of_marks_is_not_read_to_its_end(parts):
    file = io.BytesIO(chained(parts[0], rate=RATE) + b"OggS\0\x02" * 1_000_000)
    with pytest.raises(UnusableAudioError, match="a chain of more than 1000 Ogg streams"):
        decode(file)
    assert file.tell() < 3 << 20


def test_a_damaged_link_is_refused(parts):
    whole = chained(*parts, rate=RATE)
    second = len(chained(parts[0], rate=RATE))
    with pytest.raises(UnusableAudioError, match="not readable as audio"):
        decode(io.BytesIO(whole[: second + 28] + bytes(100) + whole[second + 128 :]))
