"""Ogg files of several streams one after another ("chained"), of which libsndfile reads the first alone."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from audio.errors import UnusableAudioError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

FIRST_PAGE = re.compile(rb"OggS\0[\x02\x06]")  # a page with which a stream begins, and with which it may end, too
LONGEST_MARK = 6  # bytes
PAGE_HEADER = 27  # bytes before the sizes of its segments, of which there are up to 255
AT_ONCE = 1 << 20  # bytes
MOST_STREAMS = 1000  # of a file; each has headers of its own to be read


def links(file: BinaryIO) -> list[int]:
    """Find where the streams begin that follow one another; those that run side by side begin together, and count once.

    Args:
        file: it is left at another position.

    Raises:
        UnusableAudioError: there are too many.
    """
    places: list[int] = []
    end: int | None = None
    for number, place in enumerate(_first_pages(file)):
        if number == MOST_STREAMS:
            raise UnusableAudioError(f"a chain of more than {MOST_STREAMS} Ogg streams")
        if place != end:
            places.append(place)
        file.seek(place)
        header = file.read(PAGE_HEADER + 255)
        sizes = header[PAGE_HEADER : PAGE_HEADER + header[PAGE_HEADER - 1]] if len(header) >= PAGE_HEADER else b""
        end = place + PAGE_HEADER + len(sizes) + sum(sizes)
    return places


class ChainedOgg:
    """The streams as one, with as much of `soundfile.SoundFile` as reading from first to last takes.

    Args:
        places: what `links` found in it.

    Raises:
        UnusableAudioError: the streams are of several rates or numbers of channels.
        soundfile.LibsndfileError: one of them is not audio.
    """

    format, subtype = "OGG", "FLOAT"

    def __init__(self, source: Path | BinaryIO, places: list[int]):
        self._opened: BinaryIO | None = None
        if isinstance(source, Path):
            source = self._opened = open(source, "rb")  # noqa: SIM115, `close` closes it
        self._file = source
        self._spans = list(zip(places, [*places[1:], self._file.seek(0, io.SEEK_END)]))
        try:
            self._settle()
        except (UnusableAudioError, soundfile.LibsndfileError):
            self.close()
            raise
        self._blocks = self._read()

    def _settle(self) -> None:
        shapes = [(stream.samplerate, stream.channels, stream.frames) for stream in self._streams()]
        if len({shape[:2] for shape in shapes}) > 1:
            raise UnusableAudioError("a chain of Ogg streams of different rates or numbers of channels")
        self.samplerate, self.channels, _ = shapes[0]
        self.frames = sum(frames for *_, frames in shapes)

    def __enter__(self) -> "ChainedOgg":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file that was opened for it."""
        if self._opened is not None:
            self._opened.close()

    def read(self, frames: int, **_: object) -> NDArray[np.float32]:
        """Read the next samples, of one stream, or none at the end: float32 of full scale 1, (samples, channels).

        Args:
            frames: the most of them; the same for each call but the last.
        """
        self._most = frames
        return next(self._blocks, np.zeros((0, self.channels), np.float32))

    def _read(self) -> Iterator[NDArray[np.float32]]:
        for stream in self._streams():
            while len(block := stream.read(self._most, dtype="float32", always_2d=True)):
                yield block

    def _streams(self) -> Iterator[soundfile.SoundFile]:
        for start, end in self._spans:
            with soundfile.SoundFile(Span(self._file, start, end)) as stream:
                yield stream


class Span(io.RawIOBase):
    """A part of a file, in bytes, as a file."""

    def __init__(self, file: BinaryIO, start: int, end: int):
        self._file, self._start, self._end = file, start, end
        self._place = start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: self._start, io.SEEK_CUR: self._place, io.SEEK_END: self._end}[whence]
        self._place = min(max(origin + offset, self._start), self._end)
        return self.tell()

    def tell(self) -> int:
        return self._place - self._start

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        self._file.seek(self._place)
        content = self._file.read(min(len(view), self._end - self._place))
        view[: len(content)] = content
        self._place += len(content)
        return len(content)


def _first_pages(file: BinaryIO) -> Iterator[int]:
    place = 0
    while True:
        file.seek(place)
        content = file.read(AT_ONCE)
        if len(content) < LONGEST_MARK:
            return
        yield from (place + match.start() for match in FIRST_PAGE.finditer(content))
        place += len(content) - LONGEST_MARK + 1
