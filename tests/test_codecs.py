"""Speech through codecs: it stays speech, of the same length, and what each of them is known for is lost."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile
from conftest import VOICES

from batcher.codecs import APP_CODECS, IN_FFMPEG, IN_WAV, TELEPHONE_CODECS, MissingCodecError, code, to_pcm

ALL = (*IN_WAV, *IN_FFMPEG)
DECIBELS = {"ULAW": (30, 45), "ALAW": (30, 45), "IMA_ADPCM": (12, 40)}  # signal to error, of those that keep waves


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    path = sorted((VOICES / "p225").iterdir())[0]
    return soundfile.read(path, dtype="int16")[0].astype(np.float32)


def spectrum(signal: np.ndarray) -> np.ndarray:
    """Log powers of 20 ms frames, of loud frames only, in 8 bands of 500 Hz."""
    frames = signal[: len(signal) // 160 * 160].reshape(-1, 160) * np.hanning(160)
    power = np.square(np.abs(np.fft.rfft(frames, axis=1)))[:, :80].reshape(len(frames), 8, 10).sum(axis=2)
    return np.log(power[power.sum(axis=1) > np.percentile(power.sum(axis=1), 70)].mean(axis=0))


def test_every_codec_has_its_use():
    assert {*TELEPHONE_CODECS, *APP_CODECS} == set(ALL)


@pytest.mark.parametrize("codec", ALL)
def test_speech_comes_back_changed_but_like_itself(speech, codec):
    coded = code(speech, codec, np.random.default_rng(0))
    assert (coded.dtype, coded.shape) == (np.float32, speech.shape)
    assert not np.array_equal(coded, speech)
    assert np.abs(spectrum(coded) - spectrum(speech))[:4].max() < 1.5  # natural logarithms, below 2 kHz
    delay = np.correlate(coded[8000:20_000], speech[8000:16_000]).argmax()
    assert delay < 1800  # samples; MP3's is the longest


@pytest.mark.parametrize("codec", DECIBELS)
def test_waveform_codecs_keep_the_wave(speech, codec):
    error = code(speech, codec, np.random.default_rng(0)) - speech
    ratio = 10 * np.log10(np.square(speech).mean() / np.square(error).mean())
    low, high = DECIBELS[codec]
    assert low < ratio < high


def test_companded_samples_are_256_values():
    every = np.arange(-32_768, 32_768, dtype=np.float32)
    for codec, values in (("ULAW", 255), ("ALAW", 256)):  # mu-law has a zero with either sign
        assert len(np.unique(code(every, codec, np.random.default_rng(0)))) == values


@pytest.mark.parametrize("codec", IN_FFMPEG)
def test_bit_rates_are_drawn(speech, codec):
    rates = {code(speech[:8000], codec, np.random.default_rng(seed)).tobytes() for seed in range(40)}
    assert len(rates) == len(IN_FFMPEG[codec].bit_rates)


@pytest.mark.parametrize("codec", ALL)
@pytest.mark.parametrize("samples", [1, 159, 161, 1000])
def test_short_signals_come_back_as_long_as_they_were(codec, samples):
    coded = code(np.full(samples, 1000, np.float32), codec, np.random.default_rng(0))
    assert coded.shape == (samples,)
    assert np.isfinite(coded).all()


def test_what_is_too_loud_is_clipped_and_not_turned_over():
    np.testing.assert_array_equal(to_pcm(np.array([-1e6, -1.6, 0.4, 1e6])), [-32768, -2, 0, 32767])


@pytest.mark.parametrize("missing", ["encoder", "decoder"])
def test_a_codec_that_pyav_lacks_is_one_line(monkeypatch, missing):
    monkeypatch.setitem(IN_FFMPEG, "AMR", IN_FFMPEG["AMR"]._replace(**{missing: "no_such_codec"}))
    with pytest.raises(MissingCodecError, match=r"^expected PyAV with FFmpeg's .*no_such_codec.*pip install av[^\n]*$"):
        code(np.ones(1000, np.float32), "AMR", np.random.default_rng(0))


def test_pyav_is_loaded_by_those_who_need_it_only():
    done = subprocess.run([sys.executable, "-c", "import batcher.codecs, sys; print('av' in sys.modules)"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout == "False\n"
