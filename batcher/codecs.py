"""Speech through the codecs of telephones and phone apps, encoded and decoded again by the usual libraries.

    ULAW, ALAW, GSM610, IMA_ADPCM    libsndfile, which has them for WAV files
    AMR, OPUS, MP3                   FFmpeg, in PyAV's wheels; imported when first needed

Signals are float32 of 16-bit full scale, shape (samples,), at 8 kHz, and come back as long; some codecs delay them by
some milliseconds. Bit rates are drawn.
"""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import soundfile
import soxr

from audio.decode import PCM_SCALE, SAMPLE_RATE
from storage.errors import UserError

if TYPE_CHECKING:
    from av import AudioCodecContext, AudioFrame


class MissingCodecError(UserError):
    """PyAV was built without a codec; the message says which."""


class Codec(NamedTuple):
    """A codec of FFmpeg: how to encode and decode with it, and at which bit rates."""

    encoder: str
    decoder: str
    sample_format: str  # what the encoder takes
    bit_rates: tuple[int, ...]
    options: dict[str, str]  # of the encoder: its fastest setting, as quality is not the aim here


IN_WAV = ("ULAW", "ALAW", "GSM610", "IMA_ADPCM")
IN_FFMPEG = {
    "AMR": Codec("libopencore_amrnb", "amrnb", "s16", (4750, 5900, 6700, 7400, 7950, 10_200, 12_200), {}),
    "OPUS": Codec("libopus", "libopus", "s16", (6000, 8000, 12_000, 16_000), {"compression_level": "0"}),
    "MP3": Codec("libmp3lame", "mp3float", "s16p", (8000, 16_000, 24_000), {"compression_level": "9"}),
}
TELEPHONE_CODECS = ("ULAW", "ALAW", "GSM610", "AMR")
APP_CODECS = ("OPUS", "MP3", "IMA_ADPCM")


def code(signal: np.ndarray, codec: str, rng: np.random.Generator) -> np.ndarray:
    """Encode a signal and decode it again, as it arrives at the other end of a call.

    Args:
        codec: one of `IN_WAV` or `IN_FFMPEG`.
    """
    pcm = to_pcm(signal)
    if codec in IN_WAV:
        return _through_wav(pcm, codec)
    chosen = IN_FFMPEG[codec]
    return _through_ffmpeg(pcm, chosen, int(rng.choice(chosen.bit_rates)))


def to_pcm(signal: np.ndarray) -> np.ndarray:
    """Round samples to int16, and clip those beyond its range."""
    return np.clip(np.rint(signal), -PCM_SCALE, PCM_SCALE - 1).astype(np.int16)


def _through_wav(pcm: np.ndarray, subtype: str) -> np.ndarray:
    file = io.BytesIO()
    soundfile.write(file, pcm, SAMPLE_RATE, format="WAV", subtype=subtype)
    file.seek(0)
    return soundfile.read(file, dtype="int16", frames=len(pcm))[0].astype(np.float32)


def _through_ffmpeg(pcm: np.ndarray, codec: Codec, bit_rate: int) -> np.ndarray:
    encoder, decoder = _coders(codec, bit_rate)
    decoded: list[AudioFrame] = []
    for frame in _frames(pcm, encoder.frame_size, codec.sample_format):
        for packet in encoder.encode(frame):
            decoded += decoder.decode(packet)
    blocks = [_full_scale(frame.to_ndarray()[0]) for frame in decoded]
    coded = soxr.resample(np.concatenate(blocks), decoded[0].sample_rate, SAMPLE_RATE, "LQ")
    return np.pad(coded[: len(pcm)], (0, max(len(pcm) - len(coded), 0)))


def _coders(codec: Codec, bit_rate: int) -> "tuple[AudioCodecContext, AudioCodecContext]":
    from av import AudioCodecContext, CodecContext
    from av.codec.codec import UnknownCodecError

    try:
        encoder, decoder = CodecContext.create(codec.encoder, "w"), CodecContext.create(codec.decoder, "r")
    except UnknownCodecError as error:
        raise MissingCodecError(
            f"expected PyAV with FFmpeg's {codec.encoder} and {codec.decoder}. Received one without ({error}); "
            "the wheels of 'pip install av' have them, and --disturbed_copies 0 does without"
        ) from error
    if not isinstance(encoder, AudioCodecContext) or not isinstance(decoder, AudioCodecContext):
        raise TypeError(f"expected codecs of sound. Received {codec.encoder} and {codec.decoder}")
    for coder in (encoder, decoder):
        coder.sample_rate, coder.layout, coder.thread_count = SAMPLE_RATE, "mono", 1
    encoder.format, encoder.bit_rate, encoder.options = codec.sample_format, bit_rate, codec.options
    encoder.open()
    decoder.extradata = encoder.extradata
    return encoder, decoder


def _frames(pcm: np.ndarray, size: int, sample_format: str) -> "Iterator[AudioFrame | None]":
    """Cut samples into the frames that an encoder takes; the None at the end asks it for what it still holds."""
    from av import AudioFrame

    padded = np.pad(pcm, (0, -len(pcm) % size))
    for begin in range(0, len(padded), size):
        frame = AudioFrame.from_ndarray(padded[None, begin : begin + size], format=sample_format, layout="mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, begin
        yield frame
    yield None


def _full_scale(samples: np.ndarray) -> np.ndarray:
    """Convert decoded samples, int16 or floating point of full scale 1, to float32 of 16-bit full scale."""
    return samples.astype(np.float32) if samples.dtype == np.int16 else samples * np.float32(PCM_SCALE)
