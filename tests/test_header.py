"""A file that was cut short is refused, and one whose header was never completed is read to its end."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import write_tone
from stated import lying_wav

from audio.decode import SAMPLE_RATE, UnusableAudioError, decode

NO_LENGTH = {"IRCAM", "OGG", "PAF", "PVF", "SD2", "XI"}  # is stated there; a stream may end anywhere
UNTOLD_LENGTH = {"SDS", "VOC"}  # libsndfile says too little of it
WRITABLE = [
    (container, subtype)
    for container in sorted(set(soundfile.available_formats()) - {"RAW"} - NO_LENGTH - UNTOLD_LENGTH)
    for subtype in soundfile.available_subtypes(container)
    if soundfile.check_format(container, subtype)
]


def written(path: Path, container: str, subtype: str, seconds: float = 3, channels: int = 1) -> bytes:
    """Noise in any format that libsndfile writes; what it can't write of these, the test skips."""
    noise = np.random.default_rng(0).normal(0, 0.1, (int(seconds * SAMPLE_RATE), channels))
    try:
        soundfile.write(path, noise, SAMPLE_RATE, format=container, subtype=subtype)
    except soundfile.LibsndfileError as error:
        pytest.skip(str(error))
    return path.read_bytes()


@pytest.mark.parametrize("container, subtype", WRITABLE)
def test_a_file_cut_short_is_refused_in_every_format_that_states_its_length(tmp_path, container, subtype):
    path = tmp_path / "cut"
    whole = written(path, container, subtype)
    assert len(decode(path)) >= 3 * SAMPLE_RATE
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(UnusableAudioError, match=r"cut short|not readable as audio"):
        decode(path)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("container, subtype", [
    *(("WAV", subtype) for subtype in ("PCM_U8", "PCM_16", "PCM_24", "FLOAT", "ULAW")),
    *((container, "PCM_16") for container in ("WAVEX", "RF64", "W64", "AIFF", "AU", "NIST")),
])  # fmt: skip
def test_it_is_said_how_much_is_promised_and_how_much_is_there(tmp_path, container, subtype, channels):
    path = tmp_path / "cut"
    whole = written(path, container, subtype, channels=channels)
    with soundfile.SoundFile(path) as file:
        audio = len(whole) - file.frames * channels * {"PCM_U8": 1, "ULAW": 1, "PCM_24": 3, "FLOAT": 4}.get(subtype, 2)
    path.write_bytes(whole[: audio + (len(whole) - audio) // 2])
    for source in (path, io.BytesIO(path.read_bytes())):
        with pytest.raises(UnusableAudioError, match=r"^cut short: its header promises 3\.00 s, and it holds 1\.50 s$"):
            decode(source)


def test_a_flac_cut_between_two_frames_is_refused(tmp_path):
    """libsndfile ends there without an error; the frames begin with a sync code."""
    whole = written(tmp_path / "cut", "FLAC", "PCM_16")
    cuts = [place for place in range(1000, len(whole)) if whole[place : place + 2] == b"\xff\xf8"]
    for place in cuts:
        with pytest.raises(UnusableAudioError, match=r"cut short: its header promises 3\.00 s|not readable as audio"):
            decode(io.BytesIO(whole[:place]))
    assert len(cuts) >= 3


def test_an_mp3_whose_length_is_only_guessed_is_read_to_its_end(tmp_path):
    content = bytearray(written(tmp_path / "tone.mp3", "MP3", "MPEG_LAYER_III"))
    place = content.find(b"Xing") + 7
    assert content[place] & 1  # of the tag: "the number of frames is stated"
    cut = len(content) * 2 // 3
    with pytest.raises(UnusableAudioError, match=r"cut short: its header promises 3\.00 s"):
        decode(io.BytesIO(content[:cut]))
    content[place - 7 : place - 3] = bytes(4)  # no tag
    assert len(decode(io.BytesIO(content[:cut]))) > SAMPLE_RATE


def test_what_is_cut_off_after_the_samples_is_not_missed(tmp_path):
    whole = write_tone(tmp_path / "tone.wav").read_bytes()
    note = b"LIST" + struct.pack("<I", 100) + b"INFOISFT" + bytes(92)
    longer = whole[:4] + struct.pack("<I", len(whole) + len(note) - 8) + whole[8:] + note
    expected = decode(tmp_path / "tone.wav")
    for length in (len(longer), len(longer) - 50, len(whole)):
        np.testing.assert_array_equal(decode(io.BytesIO(longer[:length])), expected)


def test_a_length_that_counts_the_header_in_is_no_loss(tmp_path):
    path = lying_wav(tmp_path / "slip.wav", 8044, struct.pack("<h", 1000) * 4000)
    assert len(decode(path)) == 4000


NOTHING, UNKNOWN, PIPED = 0, 0xFFFF_FFFF, 0x7FFF_F000


def unfinished(path: Path) -> dict[str, bytes]:
    """Files whose length was not known when their header was written, as by a program that was killed or that piped."""
    wav = lying_wav(path, 8000, struct.pack("<4000h", *range(4000))).read_bytes()
    audio, swapped = wav[44:], np.frombuffer(wav[44:], "<i2").astype(">i2").tobytes()
    files = {}
    for riff, data in ((36, 0), (0, 0), (8, 0), (8036, 0), (UNKNOWN, 0), (UNKNOWN, UNKNOWN), (0, UNKNOWN),
                       (PIPED + 36, PIPED), (0x8000_0024, 0x8000_0000), (UNKNOWN, 0x7FFF_FFFF)):  # fmt: skip
        files[f"WAV {riff:x} {data:x}"] = (
            wav[:4] + struct.pack("<I", riff) + wav[8:40] + struct.pack("<I", data) + audio
        )
    for size in (NOTHING, UNKNOWN, 0x7FFF_FFFF, PIPED):
        files[f"AU {size:x}"] = b".snd" + struct.pack(">6I", 28, size, 3, SAMPLE_RATE, 1, 0) + swapped
    rate = bytes.fromhex("400bfa00000000000000")  # 8000 in 80 bits
    for size in (NOTHING, UNKNOWN, PIPED):
        chunks = b"COMM" + struct.pack(">IHIH", 18, 1, size // 2, 16) + rate + b"SSND" + struct.pack(">3I", size, 0, 0)
        files[f"AIFF {size:x}"] = b"FORM" + struct.pack(">I", size) + b"AIFF" + chunks + swapped
    described = b"caff" + struct.pack(">2H", 1, 0) + b"desc" + struct.pack(">qd", 32, SAMPLE_RATE) + b"lpcm"
    files["CAF"] = described + struct.pack(">5I", 2, 2, 1, 1, 16) + b"data" + struct.pack(">qI", -1, 0) + audio
    for container in ("RF64", "W64"):
        whole = io.BytesIO()
        soundfile.write(whole, np.frombuffer(audio, "<i2"), SAMPLE_RATE, format=container)
        content = bytearray(whole.getvalue())
        place = content.find(b"ds64") + 8 if container == "RF64" else 16
        content[place : place + (24 if container == "RF64" else 8)] = bytes(24 if container == "RF64" else 8)
        if container == "W64":
            place = content.find(b"data") + 16
            content[place : place + 8] = bytes(8)
        files[container] = bytes(content)
    return files


def test_a_header_that_was_never_completed_is_no_loss(tmp_path):
    for name, content in unfinished(tmp_path / "wav").items():
        path = tmp_path / name.replace(" ", "_")
        path.write_bytes(content)
        for source in (path, io.BytesIO(content)):
            assert decode(source).tolist() == list(range(4000)), name


def test_a_part_of_a_file_that_was_never_completed(tmp_path):
    content = unfinished(tmp_path / "wav")["WAV 24 0"]
    assert decode(io.BytesIO(content), 0.1, 0.2).tolist() == list(range(800, 1600))


@pytest.mark.parametrize("after", [b"", b"LIST" + struct.pack("<I", 12) + b"INFOISFT" + bytes(4)])
def test_an_empty_file_with_notes_behind_it_is_empty(tmp_path, after):
    path = lying_wav(tmp_path / "none.wav", 0, after)
    with pytest.raises(UnusableAudioError, match="empty"):
        decode(path)


def test_the_callers_file_stays_open(tmp_path):
    for content in unfinished(tmp_path / "wav").values():
        file = io.BytesIO(content)
        decode(file)
        assert not file.closed


def test_a_file_of_endless_empty_chunks_is_soon_given_up(tmp_path):
    content = io.BytesIO(b"RIFF" + struct.pack("<I", 36) + b"WAVE" + bytes(50_000_000))
    with pytest.raises(UnusableAudioError):
        decode(content)
