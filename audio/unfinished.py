"""Files whose header was never finished, by a program that was killed or that wrote to a pipe."""

import io
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from audio.header import NEVER_WRITTEN, bytes_at

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MOST_CHUNKS = 100  # that are looked through for the audio; a file of zeros would seem to have millions


def completed(file: BinaryIO) -> io.RawIOBase | None:
    """Finish the header of a file; None if it is finished, or no more could be read with another one.

    In an unfinished header the length is 0 or -1. libsndfile itself reads most of such files, but not WAV, RF64 and AU
    with a length of 0, nor CAF with -1.
    """
    field = _unwritten(file, file.seek(0, io.SEEK_END))
    return _Patched(file, *field) if field else None


def _unwritten(file: BinaryIO, size: int) -> tuple[int, bytes] | None:
    """Where the length belongs, and what is to be there."""
    file.seek(0)
    magic = file.read(12)
    if len(magic) < 12:
        return None
    if magic[:4] in (b"RIFF", b"RF64") and magic[8:] == b"WAVE":
        chunks = dict(_chunks(file, 12, "<I", size))
        place, stated = chunks.get(b"data", (size, -1))
        if stated == 0 and not _is_chunk(file, place, size):
            return place - 4, struct.pack("<I", min(size - place, NEVER_WRITTEN))
        if magic.startswith(b"RF64") and b"ds64" in chunks and not any(bytes_at(file, chunks[b"ds64"][0] + 8, 8)):
            return chunks[b"ds64"][0] + 8, struct.pack("<Q", size - place)
    if magic.startswith(b".snd") and struct.unpack(">I", magic[8:12])[0] in (0, 0x7FFF_FFFF):
        return 8, b"\xff" * 4  # "unknown"
    if magic.startswith(b"caff"):
        place, stated = dict(_chunks(file, 8, ">q", size)).get(b"data", (size, 0))
        return (place - 8, struct.pack(">q", size - place)) if stated == -1 else None
    return None


def _chunks(file: BinaryIO, place: int, layout: str, size: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Yield (name, (place of its content, its stated length)) up to the audio."""
    header = 4 + struct.calcsize(layout)
    for _ in range(MOST_CHUNKS):
        if place + header > size:
            return
        name, stated = bytes_at(file, place, 4), *struct.unpack(layout, bytes_at(file, place + 4, header - 4))
        yield name, (place + header, stated)
        if name == b"data" or stated < 0:
            return
        place += header + stated + (stated % 2 if layout == "<I" else 0)


def _is_chunk(file: BinaryIO, place: int, size: int) -> bool:
    """Whether a chunk stands there, or nothing; samples look otherwise."""
    head = bytes_at(file, place, 8)
    return len(head) < 8 or (
        all(32 <= byte < 127 for byte in head[:4]) and struct.unpack("<I", head[4:])[0] <= size - place - 8
    )


class _Patched(io.RawIOBase):
    """A file with other bytes at one place of it."""

    def __init__(self, file: BinaryIO, place: int, new: bytes):
        self.file, self.place, self.new = file, place, new
        file.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        start = self.file.tell()
        content = bytearray(self.file.read(len(view)))
        for place, byte in enumerate(self.new, self.place - start):
            if 0 <= place < len(content):
                content[place] = byte
        view[: len(content)] = content
        return len(content)
