"""Samples in formats that libsndfile does not write, by way of PyAV; and several Ogg streams one after another."""

import io

import av
import numpy as np
import soundfile

AS_FFMPEG = {  # name: FFmpeg's container, codec, the rate in Hz that it is tried with, bits a second
    "m4a": ("ipod", "aac", 44_100, 96_000),
    "mp4": ("mp4", "aac", 16_000, 48_000),
    "alac.m4a": ("ipod", "alac", 16_000, 0),
    "aac": ("adts", "aac", 16_000, 48_000),
    "webm": ("webm", "libopus", 48_000, 32_000),
    "mka": ("matroska", "ac3", 48_000, 96_000),
    "mov": ("mov", "pcm_s16le", 16_000, 0),
    "wma": ("asf", "wmav2", 44_100, 64_000),
    "amr": ("amr", "libopencore_amrnb", 8_000, 12_200),
    "3gp": ("3gp", "libopencore_amrnb", 8_000, 12_200),
    "ac3": ("ac3", "ac3", 48_000, 96_000),
    "ec3": ("eac3", "eac3", 48_000, 96_000),
    "wv": ("wv", "wavpack", 16_000, 0),
}


def encoded(samples: np.ndarray, rate: int, container: str, codec: str, bit_rate: int = 0) -> bytes:
    """The content of a file; `samples` of full scale 1, (samples,) or (samples, channels)."""
    rows = np.atleast_2d(samples.T).astype(np.float32)
    layout = {1: "mono", 2: "stereo"}[len(rows)]
    content = io.BytesIO()
    with av.open(content, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout=layout)
        if codec == "wavpack":
            stream.codec_context.format = av.AudioFormat("s16p")  # its first choice has 8 bits
        if bit_rate:
            stream.bit_rate = bit_rate
        whole = av.AudioFrame.from_ndarray(np.ascontiguousarray(rows), format="fltp", layout=layout)
        whole.sample_rate, whole.pts = rate, 0
        fifo = av.AudioFifo()
        for frame in av.AudioResampler(stream.codec_context.format, layout, rate).resample(whole):
            fifo.write(frame)
        stream.codec_context.open()
        size = stream.codec_context.frame_size or 1024
        while (frame := fifo.read(size, partial=True)) is not None:
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return content.getvalue()


def chained(*parts: np.ndarray, rate: int, subtype: str = "VORBIS") -> bytes:
    """An Ogg stream of each part, one after another."""
    whole = io.BytesIO()
    for part in parts:
        content = io.BytesIO()
        soundfile.write(content, part, rate, format="OGG", subtype=subtype)
        whole.write(content.getvalue())
    return whole.getvalue()
