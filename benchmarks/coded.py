"""Samples through a codec and back, for `microphones.py`. FFmpeg's come with PyAV, imported where they are needed."""

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr
from held_out import to_pcm

from audio.decode import PCM_SCALE, SAMPLE_RATE

if TYPE_CHECKING:
    import av

FORMATS = ("s16", "s16p", "fltp")  # of one channel, as FFmpeg calls them

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]  # of samples of full scale 1, at 8 kHz


def libsndfile(subtype: str) -> Change:
    """One of the codecs that libsndfile has for WAV or AU files."""

    def change(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        file = io.BytesIO()
        container = "WAV" if soundfile.check_format("WAV", subtype) else "AU"
        soundfile.write(file, to_pcm(samples), SAMPLE_RATE, format=container, subtype=subtype)
        file.seek(0)
        return as_long(soundfile.read(file)[0], len(samples))

    return change


def ffmpeg(encoder: str, decoder: str, rate: int, bit_rate: int) -> Change:
    """One of FFmpeg's codecs, at a rate in Hz and a bit rate."""

    def change(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        there, back = coders(encoder, decoder, rate, bit_rate)
        pcm = to_pcm(soxr.resample(samples, SAMPLE_RATE, rate))
        frames = [
            frame for given in blocks(pcm, there) for packet in there.encode(given) for frame in back.decode(packet)
        ]
        frames += back.decode(None)
        heard = [frame.to_ndarray()[0] for frame in frames]
        full = [one / PCM_SCALE if one.dtype == np.int16 else one.astype(np.float64) for one in heard]
        return as_long(soxr.resample(np.concatenate(full), frames[0].sample_rate, SAMPLE_RATE), len(samples))

    return change


def coders(encoder: str, decoder: str, rate: int, bit_rate: int) -> "tuple[av.AudioCodecContext, av.AudioCodecContext]":
    """An encoder and a decoder, new and open."""
    from av import CodecContext

    there, back = CodecContext.create(encoder, "w"), CodecContext.create(decoder, "r")
    for one in (there, back):
        one.sample_rate, one.layout = rate, "mono"
    there.format, there.bit_rate = sample_format(there), bit_rate
    there.open()
    back.extradata = there.extradata
    return there, back


def sample_format(encoder: "av.AudioCodecContext") -> str:
    """What the encoder takes: 16 bits if it can."""
    known = [one.name for one in encoder.codec.audio_formats]
    return next(name for name in FORMATS if name in known)


def blocks(pcm: np.ndarray, encoder: "av.AudioCodecContext") -> "Iterator[av.AudioFrame | None]":
    """The samples as the encoder takes them; None in the end, at which it gives what it still holds."""
    from av import AudioFrame

    size = encoder.frame_size
    padded = np.append(pcm, np.zeros(-len(pcm) % size + 2 * size, np.int16))  # what it delays comes out too
    floating = encoder.format.name.startswith("flt")
    given = (padded / np.float32(PCM_SCALE)).astype(np.float32) if floating else padded
    for start in range(0, len(given), size):
        frame = AudioFrame.from_ndarray(given[None, start : start + size], encoder.format.name, "mono")
        frame.sample_rate, frame.pts = encoder.sample_rate, start
        yield frame
    yield None


def as_long(samples: np.ndarray, length: int) -> np.ndarray:
    """Cut, or with zeros at the end."""
    return np.pad(samples[:length], (0, max(length - len(samples), 0)))
