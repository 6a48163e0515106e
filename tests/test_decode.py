"""Any recording becomes int16 mono at 8 kHz; what is none is refused with a reason."""

import os
import struct
import tracemalloc
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from conftest import VOICES, write_tone
from stated import flac_of_length, lying_wav

from audio.decode import HIGHEST_RATE, LOWEST_RATE, SAMPLE_RATE, UnusableAudioError, decode

HERTZ = 500
AMPLITUDE = 16384  # `write_tone` writes half of full scale
EDGE = 400  # samples at either end, where a resampler rings
DEMONSTRATION = VOICES.parent / "PhilippeRemy"


def check_tone(signal: np.ndarray, tolerance: float, amplitude: float = AMPLITUDE) -> None:
    """Fit a sine of `HERTZ` and look at what is left over."""
    middle = signal[EDGE:-EDGE].astype(float)
    phase = 2 * np.pi * HERTZ * np.arange(EDGE, EDGE + len(middle)) / SAMPLE_RATE
    basis = np.stack([np.sin(phase), np.cos(phase)], axis=1)
    weights = np.linalg.lstsq(basis, middle)[0]
    assert np.hypot(*weights) == pytest.approx(amplitude, rel=tolerance)
    assert np.sqrt(np.mean((middle - basis @ weights) ** 2)) < tolerance * amplitude
    assert abs(np.arctan2(weights[1], weights[0])) < 0.01  # radians: no shift in time either


@pytest.mark.parametrize(
    "subtype, tolerance",
    [
        ("PCM_U8", 0.01),
        ("PCM_16", 1e-3),
        ("PCM_24", 1e-3),
        ("PCM_32", 1e-3),
        ("FLOAT", 1e-3),
        ("DOUBLE", 1e-3),
        ("ALAW", 0.02),
        ("ULAW", 0.02),
    ],
)
@pytest.mark.parametrize("rate", [8000, 16000])
def test_every_sample_format(tmp_path, subtype, tolerance, rate):
    check_tone(decode(write_tone(tmp_path / "tone.wav", rate=rate, subtype=subtype)), tolerance)


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
def test_flac(tmp_path, subtype):
    check_tone(decode(write_tone(tmp_path / "tone.flac", rate=16000, subtype=subtype)), 0.01)


@pytest.mark.parametrize("rate", [4000, 8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 192000])
def test_a_sine_keeps_frequency_amplitude_phase_and_length_at_every_rate(tmp_path, rate):
    signal = decode(write_tone(tmp_path / "tone.wav", seconds=0.5, rate=rate))
    assert signal.dtype == np.float32
    assert len(signal) == pytest.approx(0.5 * SAMPLE_RATE, abs=2)
    check_tone(signal, 1e-3)


def test_what_8_khz_can_not_hold_is_filtered_and_not_folded(tmp_path):
    signal = decode(write_tone(tmp_path / "tone.wav", rate=16000, hertz=5000))
    assert np.abs(signal[EDGE:-EDGE]).max() < 5


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("rate", [8000, 48000])
def test_channels_are_averaged(tmp_path, channels, rate):
    time = np.arange(rate // 2) / rate
    sines = np.zeros((len(time), channels))
    sines[:, -1] = 0.5 * np.sin(2 * np.pi * HERTZ * time)
    soundfile.write(tmp_path / "tone.wav", sines, rate, subtype="FLOAT")
    check_tone(decode(tmp_path / "tone.wav"), 2e-3, AMPLITUDE / channels)


def test_8_khz_16_bit_comes_out_as_it_is(tmp_path):
    samples = np.random.default_rng(0).integers(-32768, 32768, 300_000).astype(np.int16)  # more than a block
    samples[:2] = -32768, 32767
    soundfile.write(tmp_path / "noise.wav", samples, SAMPLE_RATE)
    np.testing.assert_array_equal(decode(tmp_path / "noise.wav"), samples)


def test_what_exceeds_full_scale_is_neither_clipped_nor_wrapped(tmp_path):
    soundfile.write(tmp_path / "loud.wav", np.array([1.5, -1.5, 1.0, -1.0, 0.25]), SAMPLE_RATE, subtype="FLOAT")
    assert decode(tmp_path / "loud.wav").tolist() == [49152, -49152, 32768, -32768, 8192]


@pytest.mark.parametrize(
    "path",
    [VOICES / "p225" / "p225_001.flac", *(DEMONSTRATION / f"recording_{n}.wav" for n in (1, 2, 3))],
    ids=lambda path: path.name,
)
def test_it_agrees_with_librosa(path):
    ours = decode(path) / 32768
    theirs, _ = librosa.load(path, sr=SAMPLE_RATE)
    length = min(len(ours), len(theirs))
    assert abs(len(ours) - len(theirs)) <= 2
    assert np.corrcoef(ours[:length], theirs[:length])[0, 1] > 0.9999
    assert np.std(ours) == pytest.approx(np.std(theirs), rel=1e-3)


def test_a_long_file_is_the_same_in_blocks(tmp_path):
    noise = np.random.default_rng(1).normal(0, 0.1, 600_000).astype(np.float32)  # three blocks
    soundfile.write(tmp_path / "long.wav", noise, 16000, subtype="FLOAT")
    theirs, _ = librosa.load(tmp_path / "long.wav", sr=SAMPLE_RATE)
    ours = decode(tmp_path / "long.wav")
    assert len(ours) == len(theirs)
    assert np.abs(ours - 32768 * theirs)[EDGE:-EDGE].max() < 2  # beyond its ends, theirs counts as zero


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_a_constant_stays_one_at_every_rate(tmp_path, rate):
    """A step at either end would ring, and that would be heard."""
    soundfile.write(tmp_path / "constant.wav", np.full(rate, 0.5), rate, subtype="PCM_16")
    np.testing.assert_array_equal(decode(tmp_path / "constant.wav"), np.full(SAMPLE_RATE, 16384))


def damaged_files(folder: Path) -> dict[str, Path]:
    whole = write_tone(folder / "whole.wav").read_bytes()
    flac = write_tone(folder / "whole.flac").read_bytes()
    contents = {
        "text.wav": b"this is not audio\n" * 100,
        "empty.wav": b"",
        "header cut.wav": whole[:30],
        "no rate.wav": whole[:24] + bytes(4) + whole[28:],
        "noise.wav": np.random.default_rng(0).bytes(5000),
        "cut.flac": flac[: len(flac) // 2],
        "damaged.flac": flac[:2000] + b"\xff" * 100 + flac[2100:],
    }
    (folder / "loop.wav").symlink_to(folder / "loop.wav")
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in contents}


def test_what_is_no_audio_is_refused(tmp_path):
    for path in (*damaged_files(tmp_path).values(), tmp_path, tmp_path / "missing.wav", tmp_path / "loop.wav"):
        with pytest.raises(UnusableAudioError, match="not readable as audio"):
            decode(path)


@pytest.mark.parametrize("suffix, header", [("wav", 44), ("flac", 42)])
def test_a_header_cut_anywhere_is_refused(tmp_path, suffix, header):
    whole = write_tone(tmp_path / f"tone.{suffix}").read_bytes()
    for length in range(header + 1):
        (tmp_path / f"cut.{suffix}").write_bytes(whole[:length])
        with pytest.raises(UnusableAudioError, match=r"not readable as audio|empty"):
            decode(tmp_path / f"cut.{suffix}")


@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_file_without_samples_is_empty(tmp_path, rate):
    with pytest.raises(UnusableAudioError, match="empty"):
        decode(write_tone(tmp_path / "none.wav", seconds=0, rate=rate))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("rate", [8000, 16000])
def test_samples_that_are_not_finite_are_refused(tmp_path, bad, rate):
    samples = np.zeros((1000, 2))
    samples[700, 1] = bad
    soundfile.write(tmp_path / "bad.wav", samples, rate, subtype="DOUBLE")
    with pytest.raises(UnusableAudioError, match="NaN or infinite"):
        decode(tmp_path / "bad.wav")


@pytest.mark.parametrize("large", [1e34, 3e38])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.filterwarnings("error")
def test_finite_samples_never_become_silence(tmp_path, large, channels, rate):
    """Some overflow when scaled, others in the resampler, and NaN as an integer is 0."""
    samples = np.tile([[large], [-large]], (500, channels))
    samples[::3] = large
    soundfile.write(tmp_path / "large.wav", samples, rate, subtype="FLOAT")
    try:
        assert decode(tmp_path / "large.wav").any()
    except UnusableAudioError as error:
        assert "NaN or infinite" in str(error)


def test_a_header_that_claims_3_gb_costs_no_memory(tmp_path):
    path = lying_wav(tmp_path / "liar.wav", 3 << 30, struct.pack("<h", 1000) * 512)
    tracemalloc.start()
    try:
        signal = decode(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert signal.tolist() == [1000] * 512
    assert peak < 20e6


@pytest.mark.parametrize("rate", [1, LOWEST_RATE - 1, HIGHEST_RATE + 1])
def test_a_rate_that_no_recording_has_is_refused(tmp_path, rate):
    """A stated 1 Hz would multiply the samples by 8,000: 2 kB became 16 MB."""
    path = lying_wav(tmp_path / "rate.wav", 2000, struct.pack("<h", 1000) * 1000, rate)
    with pytest.raises(UnusableAudioError, match=f"states {rate} samples a second; expected 2000 to 768000"):
        decode(path)


@pytest.mark.parametrize("rate", [LOWEST_RATE, HIGHEST_RATE])
def test_the_lowest_and_the_highest_rate_are_read(tmp_path, rate):
    assert len(decode(write_tone(tmp_path / "tone.wav", seconds=0.1, rate=rate))) == pytest.approx(800, abs=2)


def test_a_headerless_file_is_refused(tmp_path):
    (tmp_path / "x.raw").write_bytes(bytes(2000))
    with pytest.raises(UnusableAudioError, match="not readable as audio"):
        decode(tmp_path / "x.raw")


@pytest.mark.parametrize("stated", [0, 4000, 4001, 2**36 - 1])
def test_a_flac_is_read_to_its_end_whatever_length_it_states(tmp_path, stated):
    expected = decode(write_tone(tmp_path / "whole.flac"))
    np.testing.assert_array_equal(decode(flac_of_length(tmp_path / "stated.flac", stated)), expected)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_recording_of_days_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch, rate):
    """Of silence, FLAC makes a thousandth: 0.5 MB is six hours."""
    monkeypatch.setattr("audio.decode.LONGEST", 360 * SAMPLE_RATE)
    soundfile.write(tmp_path / "minutes.flac", np.zeros(361 * rate, np.int16), rate)
    with pytest.raises(UnusableAudioError, match=r"longer than 6 minutes; cut it"):
        decode(tmp_path / "minutes.flac")


@pytest.mark.skipif(os.name != "posix", reason="names of bytes are POSIX's")
@pytest.mark.parametrize("name", [b"caf\xe9.wav", "café.wav".encode()])
def test_a_file_of_any_name_is_read(tmp_path, name):
    expected = decode(write_tone(tmp_path / "x.wav"))
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    (tmp_path / "x.wav").rename(path)
    np.testing.assert_array_equal(decode(path), expected)
    path.write_bytes(b"RIFF")
    with pytest.raises(UnusableAudioError, match="not readable"):
        decode(path)
