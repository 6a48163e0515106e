"""What libsndfile does not read is read by FFmpeg: whole, refused where it is cut or damaged, and nothing but sound."""

import io
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import soxr
from command_line import ROOT, succeed
from conftest import VOICES
from encoded import AS_FFMPEG, encoded

from audio.decode import SAMPLE_RATE, convert, decode
from audio.errors import UnusableAudioError
from audio.ffmpeg import demuxer
from inference import SpeakerEncoder

VOICE = VOICES / "p225" / "p225_001.flac"
SAME_VOICE = 0.85  # cosine; AMR of 12 kbit/s is the farthest
PADDING, LOSS = 0.15, 0.05  # s that an encoder may add, or leave out at the end


def voice(rate: int, channels: int = 1) -> np.ndarray:
    samples, given = soundfile.read(VOICE)
    samples = soxr.resample(samples, given, rate)
    return np.stack([samples] * channels, axis=1) if channels > 1 else samples


def as_format(name: str, channels: int = 1) -> bytes:
    container, codec, rate, bit_rate = AS_FFMPEG[name]
    return encoded(voice(rate, channels), rate, container, codec, bit_rate)


@pytest.fixture(scope="module")
def encoder():
    return SpeakerEncoder()


@pytest.mark.parametrize("name", AS_FFMPEG)
def test_the_voice_is_the_same_in_every_format(tmp_path, encoder, name):
    path = tmp_path / name
    path.write_bytes(as_format(name))
    with pytest.raises(soundfile.LibsndfileError):
        soundfile.SoundFile(path)
    whole = decode(VOICE)
    assert -LOSS * SAMPLE_RATE < len(decode(path)) - len(whole) < PADDING * SAMPLE_RATE
    assert encoder.similarity(encoder.embed_utterance(path), encoder.embed_utterance(VOICE)) > SAME_VOICE
    np.testing.assert_array_equal(decode(io.BytesIO(path.read_bytes())), decode(path))


@pytest.mark.parametrize("name", ["m4a", "webm", "wma", "mov"])
def test_channels_are_read(name):
    content = as_format(name, channels=2)
    stereo = decode(io.BytesIO(content), channel=2)
    assert np.corrcoef(stereo, decode(io.BytesIO(content), channel="mix"))[0, 1] > 0.99


@pytest.mark.parametrize("name", ["m4a", "mp4", "alac.m4a", "webm", "mka", "mov", "wma", "3gp", "wv"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_file_cut_short_is_refused_where_its_length_is_stated(name, share):
    content = as_format(name)
    with pytest.raises(UnusableAudioError, match=r"cut short|damaged|not readable as audio|empty") as caught:
        decode(io.BytesIO(content[: int(len(content) * share)]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["aac", "ac3"])
def test_a_stream_of_frames_may_end_anywhere(name):
    content = as_format(name)
    half = decode(io.BytesIO(content[: len(content) // 2]))
    assert 0.3 < len(half) / len(decode(VOICE)) < 0.7


def test_a_part_is_what_is_cut_from_the_whole(tmp_path):
    (tmp_path / "x.m4a").write_bytes(as_format("alac.m4a"))
    part = decode(tmp_path / "x.m4a", 0.5, 1.25)
    whole = decode(tmp_path / "x.m4a")
    assert len(part) == 0.75 * SAMPLE_RATE
    np.testing.assert_allclose(part[100:-100], whole[4000:10_000][100:-100], atol=3)
    with pytest.raises(UnusableAudioError, match="expected a part of it"):
        decode(tmp_path / "x.m4a", 1, 99)


@pytest.mark.parametrize("number", range(40))
def test_damage_is_told_in_a_line(number):
    rng = np.random.default_rng(number)
    names = list(AS_FFMPEG)
    content = bytearray(as_format(names[number % len(names)]))
    for place in rng.integers(12, len(content), size=20 * (1 + number % 3)):
        content[place] ^= 1 << rng.integers(8)
    try:
        assert len(decode(io.BytesIO(content)))
    except UnusableAudioError as error:
        assert str(error).strip() and "\n" not in str(error)


def test_half_an_hour_is_enough(monkeypatch):
    monkeypatch.setattr("audio.decode.LONGEST", 2 * SAMPLE_RATE)
    for name in ("m4a", "webm", "aac"):
        with pytest.raises(UnusableAudioError, match="longer than"):
            decode(io.BytesIO(as_format(name)))


@pytest.mark.parametrize(
    "content",
    [
        b"#EXTM3U\n#EXTINF:1,\nhttp://localhost:1/x.ts\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
        b"<?xml version='1.0'?><MPD></MPD>",
        b"plain text, and no sound\n" * 100,
        np.random.default_rng(0).bytes(9000),
        b"",
    ],
)
def test_neither_playlists_nor_texts_reach_ffmpeg(tmp_path, content):
    assert demuxer(io.BytesIO(content)) is None
    (tmp_path / "x.m4a").write_bytes(content)
    with pytest.raises(UnusableAudioError, match="not readable as audio"):
        decode(tmp_path / "x.m4a")


@pytest.mark.parametrize(
    "start",
    [b"\0\0\0\x1cftypM4A ", b"\x1a\x45\xdf\xa3", b"#!AMR\n", b"\x0b\x77", b"wvpk", b"ID3\4\0\0\0\0\0\0\xff\xf1"],
)
def test_a_beginning_alone_is_no_file(start):
    for rest in (b"", bytes(1000), np.random.default_rng(1).bytes(5000)):
        with pytest.raises(UnusableAudioError):
            decode(io.BytesIO(start + rest))


def test_a_film_without_sound_is_refused():
    import av

    content = io.BytesIO()
    with av.open(content, "w", format="mp4") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        for _ in range(5):
            file.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        file.mux(stream.encode(None))
    with pytest.raises(UnusableAudioError, match="no sound track"):
        decode(content)


def test_pyav_is_not_loaded_for_what_libsndfile_reads():
    decoding = f"from pathlib import Path; from audio.decode import decode; decode(Path({str(VOICE)!r}))"
    succeed("-c", f"{decoding}; import sys; assert 'av' not in sys.modules")


def test_without_pyav_it_is_said_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UnusableAudioError, match=r"PyAV, which reads such files, is not here.*pip install av"):
        decode(io.BytesIO(as_format_before(monkeypatch)))


def as_format_before(monkeypatch) -> bytes:
    """M4A, made while PyAV is there."""
    with monkeypatch.context() as context:
        context.delitem(sys.modules, "av")
        return as_format("m4a")


def test_m4a_on_standard_input():
    command = [sys.executable, "cli.py", "--verify", "-", str(VOICE)]
    done = subprocess.run(command, cwd=ROOT, input=as_format("m4a"), capture_output=True, check=True)
    assert done.stdout.startswith(b"same speaker")


def test_an_mp3_of_varying_bit_rate_without_a_tag_is_read_whole(tmp_path):
    """libsndfile stops at the length that it guesses from the first frames, here of silence."""
    silence = np.zeros(16_000)
    soundfile.write(tmp_path / "x.mp3", np.concatenate([voice(16_000), silence]), 16_000, bitrate_mode="VARIABLE")
    content = bytearray((tmp_path / "x.mp3").read_bytes())
    tag = max(content.find(b"Xing"), content.find(b"Info"))
    assert tag > 0
    content[tag : tag + 4] = bytes(4)
    length = len(decode(VOICE)) + SAMPLE_RATE
    assert len(decode(io.BytesIO(content))) == pytest.approx(length, abs=PADDING * SAMPLE_RATE)


def test_mp3_files_one_after_another_are_read_whole(tmp_path):
    soundfile.write(tmp_path / "x.mp3", voice(16_000), 16_000)
    content = (tmp_path / "x.mp3").read_bytes()
    alone = len(decode(io.BytesIO(content)))
    assert len(decode(io.BytesIO(content + content))) == pytest.approx(2 * alone, abs=2 * PADDING * SAMPLE_RATE)
    np.testing.assert_array_equal(decode(io.BytesIO(content + b"TAG" + bytes(125))), decode(io.BytesIO(content)))


@pytest.mark.parametrize("channels", [9, 16])
def test_more_channels_than_pyav_has_planes_for_are_read(tmp_path, channels):
    import av

    path = tmp_path / "many.mov"
    samples = np.zeros((1, 8000 * channels), np.int16)
    samples[0, ::channels] = np.rint(9000 * np.sin(np.arange(8000) / 3))
    with av.open(str(path), "w", format="mov") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout=f"{channels} channels")
        frame = av.AudioFrame.from_ndarray(samples, "s16", layout=f"{channels} channels")
        frame.sample_rate = 8000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    np.testing.assert_allclose(decode(path, channel=1), samples[0, ::channels], atol=1)


@pytest.mark.parametrize("channel", ["left", 1.5, True, 0])
def test_what_is_no_channel_is_refused_in_a_line(channel):
    with pytest.raises(UnusableAudioError, match="expected"):
        convert(np.ones((8000, 2), np.int16), 8000, channel)
