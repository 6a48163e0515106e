"""Decode what libsndfile does not read (AAC, WMA, AMR, AC-3, …; the sound of videos) with FFmpeg, by way of PyAV.

The demuxer is chosen here by the file's first bytes, and FFmpeg gets the open file and no name: so no playlist can lead
it to other files or to the network, and nothing but a sound track is decoded.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from audio.errors import UnusableAudioError
from audio.header import after_id3, start_of

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream

MAGIC = (  # place, bytes there, FFmpeg's name of the format
    *((4, name, "mov") for name in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")),
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
    (0, bytes.fromhex("3026b2758e66cf11"), "asf"),
    (0, b"#!AMR", "amr"),
    (0, b"wvpk", "wv"),
    (0, b"OggS", "ogg"),
)
LOOKED_AT = 64  # bytes
CAF_ENCODINGS = (b"aac ", b"opus", b"ima4", b".mp3")  # beside those that libsndfile reads
STATES_LENGTH = {"mov", "matroska", "asf", "wv"}  # elsewhere FFmpeg guesses it from the first frames
RAW = {"aac", "mp3", "ac3", "eac3"}  # formats of frames alone: what stands between them is passed over
MOST_DAMAGED = 0.05  # of the packets of such a file
OPTIONS = {"protocol_whitelist": "none"}  # nothing is opened but the file that is handed over
ENDLESS = 1 << 62  # samples


def demuxer(source: Path | BinaryIO) -> str | None:
    """Find FFmpeg's name of a file's format; None for a file that is not for FFmpeg."""
    start = start_of(source, LOOKED_AT)
    for place, magic, name in MAGIC:
        if start.startswith(magic, place):
            return name
    if start.startswith(b"caff"):
        return "caf" if start[28:32] in CAF_ENCODINGS else None
    if start.startswith(b"\x0b\x77"):
        return "ac3" if len(start) > 5 and start[5] >> 3 <= 10 else "eac3"  # the version of the bit stream
    frame = start_of(source, 2, after_id3(start))
    if len(frame) < 2 or frame[0] != 0xFF or frame[1] & 0xE0 != 0xE0:
        return None
    return "aac" if frame[1] & 0xF6 == 0xF0 else "mp3" if frame[1] & 0x06 else None


class FfmpegFile:
    """A sound track, with as much of `soundfile.SoundFile` as reading from first to last takes.

    Raises:
        UnusableAudioError: it can't be read, or there is no PyAV to read it with.
    """

    subtype = "FLOAT"
    frames = ENDLESS  # what a header states is not always true; the end tells

    def __init__(self, source: Path | BinaryIO, name: str):
        try:
            import av
        except ImportError as error:
            raise UnusableAudioError(f"PyAV, which reads such files, is not here ({error}); pip install av") from error
        self.format = name
        self._opened: BinaryIO | None = None
        if isinstance(source, Path):
            source = self._opened = open(source, "rb")  # noqa: SIM115, `close` closes it
        source.seek(0)
        try:
            self._container = av.open(source, "r", format=name, options=OPTIONS, metadata_errors="ignore")
            self._start()
        except (av.FFmpegError, LookupError, AttributeError, ValueError, UnusableAudioError) as error:
            self.close()
            raise _unusable(error) from error

    def _start(self) -> None:
        from av.audio.stream import AudioStream

        stream = self._container.streams.best("audio")
        if not isinstance(stream, AudioStream) or not _is_decodable(stream):
            raise UnusableAudioError("it has no sound track that can be decoded")
        self._stream, self._layout = stream, stream.layout  # the stream's own follows what is decoded
        self.samplerate, self.channels = stream.rate, stream.channels
        self.promised = self._promised()
        self._left = np.zeros((0, self.channels), np.float32)
        self._decoded = self._blocks()

    def __enter__(self) -> "FfmpegFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it, and the file if it was opened here."""
        if hasattr(self, "_container"):
            self._container.close()
        if self._opened is not None:
            self._opened.close()

    def read(self, frames: int, **_: object) -> NDArray[np.float32]:
        """Read the next samples, fewer than asked for at the end: float32 of full scale 1, (samples, channels).

        Raises:
            UnusableAudioError: it is damaged.
        """
        parts, count = [self._left], len(self._left)
        while count < frames and (block := next(self._decoded, None)) is not None:
            parts.append(block)
            count += len(block)
        samples = np.concatenate(parts)
        self._left = samples[frames:]
        return samples[:frames]

    def _promised(self) -> int | None:
        """How many samples the header states; None where it does not."""
        if self.format not in STATES_LENGTH:
            return None
        if self._stream.duration is not None and self._stream.time_base is not None:
            return round(self._stream.duration * self._stream.time_base * self.samplerate)
        if self._container.duration is None:
            return None
        return round(self._container.duration * self.samplerate / 1_000_000)

    def _blocks(self) -> Iterator[NDArray[np.float32]]:
        """The sound in blocks, float32 (samples, channels), of one rate and layout even if the track changes these."""
        import av

        was: tuple[str, str, int] | None = None
        resampler: av.AudioResampler | None = None
        for frame in self._frames():
            kind = frame.format.name, frame.layout.name, frame.sample_rate
            if resampler is None or kind != was:
                yield from map(self._samples, resampler.resample(None) if resampler else ())
                was, resampler = kind, av.AudioResampler("flt", self._layout, self.samplerate)
            frame.pts = None
            yield from map(self._samples, resampler.resample(frame))
        yield from map(self._samples, resampler.resample(None) if resampler else ())

    def _samples(self, frame: "av.AudioFrame") -> NDArray[np.float32]:
        """The samples, in one plane: PyAV reads beyond its list of planes where there are more than eight."""
        return frame.to_ndarray().astype(np.float32, copy=False).reshape(-1, self.channels)

    def _frames(self) -> Iterator["av.AudioFrame"]:
        import av

        packets = damaged = 0
        try:
            for packet in self._container.demux(self._stream):
                packets += 1
                try:
                    yield from self._stream.decode(packet)
                except av.FFmpegError:
                    damaged += 1
                    if self.format not in RAW:
                        raise
        except av.FFmpegError as error:
            raise _unusable(error) from error
        if damaged > max(MOST_DAMAGED * packets, 1):
            raise UnusableAudioError(f"damaged: {damaged} of its {packets} packets can't be decoded")


def _is_decodable(stream: "AudioStream") -> bool:
    return stream.codec_context is not None and bool(stream.rate and stream.channels)


def _unusable(error: Exception) -> UnusableAudioError:
    if isinstance(error, UnusableAudioError):
        return error
    reason = getattr(error, "strerror", None) or str(error)
    return UnusableAudioError(f"not readable as audio ({reason.strip().rstrip('.')})")
