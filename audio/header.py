"""What a file's header says of its length: how that compares with what the file holds, and where it was never written.

libsndfile reads what there is, and mentions a difference only in its log, in which this looks for it.
"""

import io
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import soundfile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

NEVER_WRITTEN = 0x7FFF_0000  # bytes or samples; from here on, a header holds what programs write before they know more
NIST_HEADER = 1024  # bytes
MOST_CHUNKS = 100  # that are looked through for the audio; a file of zeros would seem to have millions
ID3_HEADER = 10  # bytes
MP3_TAGS_BEHIND = 4096  # bytes of titles at the end, which are no sound; a longer file is decoded to see
MP3_TAG_WITHIN = 4096  # bytes of the first frame, which the tag that states the length is in

_SHOULD = r" *: (?P<stated>\d+) \(should be (?P<held>\d+)\)$"
_RIFF = r" *: (?P<whole>\d+) \(should be (?P<size>\d+)\)$"
_PATTERNS = {  # format: what its log says of the audio's length, and of what there is of it, in a unit of its own
    "WAV": r"^data" + _SHOULD,
    "WAVEX": r"^data" + _SHOULD,
    "AIFF": r"^ SSND" + _SHOULD,
    "AU": r"^  Data Size" + _SHOULD,
    "SVX": r"^ BODY" + _SHOULD,
    "WVE": r"^Data length (?P<stated>\d+) should be (?P<held>\d+)",
    "MAT4": r"truncated\. (?P<held>\d+) <--> (?P<stated>\d+)",
    "W64": r"^riff" + _RIFF + r"[\s\S]*^data *: (?P<stated>\d+)$",  # of which the end of the file is missing
    "RF64": r"^  Riff size" + _RIFF + r"[\s\S]*^  Data size *: (?P<stated>\d+)$",
    "AVR": r"^  Frames *: (?P<stated>\d+)",
    "MPC2K": r"^  Frames *: (?P<stated>\d+)",
    "MAT5": r"Rows : \d+ +Cols : (?P<stated>\d+)\s+Type : \d+ +Size : \d+\s+Name : wavedata",
}
STATED = {name: re.compile(pattern, re.MULTILINE) for name, pattern in _PATTERNS.items()}
NIST_COUNT = re.compile(r"^sample_count -i (?P<stated>\d+)", re.MULTILINE)


def stated_samples(file: soundfile.SoundFile, source: Path | BinaryIO) -> float:
    """Find how many samples of a channel the header promises; if it promises none, as many as the file holds.

    FLAC and MP3 are not asked: libsndfile believes them, and only reading shows how many samples there are.

    Args:
        source: what `file` reads; its position stays the same.
    """
    name, match = file.format, None
    if name in STATED:
        match = STATED[name].search(file.extra_info)
    elif name == "NIST":
        match = NIST_COUNT.search(start_of(source, NIST_HEADER).decode("latin-1"))
    if match is None:
        return file.frames
    numbers = {name: int(text) for name, text in match.groupdict().items()}
    if max(numbers.values()) >= NEVER_WRITTEN:
        return file.frames
    missing = numbers.get("whole", 0) - numbers.get("size", 0)
    held = numbers.get("held", numbers["stated"] - missing if missing else file.frames)
    return file.frames * max(numbers["stated"] / held, 1) if held > 0 else file.frames


def mp3_states_length(source: Path | BinaryIO) -> bool:
    """Decide whether an MP3's length is written in it, and true, and not guessed from its first frames.

    It is in a tag of Xing's, LAME's or Fraunhofer's, beside the number of bytes that the tag is about: where more than
    these follow, another file was appended.
    """
    begin = after_id3(start_of(source, ID3_HEADER))
    head = start_of(source, MP3_TAG_WITHIN, begin)
    if match := re.search(rb"(?:Xing|Info)\0\0\0([\x01\x03\x05\x07\x09\x0b\x0d\x0f])....(....)", head, re.DOTALL):
        stated = struct.unpack(">I", match[2])[0] if match[1][0] & 2 else None  # a bit for each field that is there
    elif match := re.search(rb"VBRI.{6}(....)", head, re.DOTALL):
        stated = struct.unpack(">I", match[1])[0]
    else:
        return False
    return not stated or _size(source) - begin <= stated + MP3_TAGS_BEHIND


def after_id3(start: bytes) -> int:
    """Find where an ID3v2 tag at the start of a file ends; 0 where there is none."""
    if not start.startswith(b"ID3") or len(start) < ID3_HEADER:
        return 0
    return sum((byte & 0x7F) << shift for byte, shift in zip(start[6:10], (21, 14, 7, 0))) + ID3_HEADER


def completed(file: BinaryIO) -> io.RawIOBase | None:
    """Complete the header of a file in which it was never completed; None for other files.

    A program that was killed, or writes to a pipe, leaves 0 or -1 for the length. libsndfile itself reads most of such
    files, but not WAV, RF64 and AU with a length of 0, nor CAF with -1.
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
        if magic.startswith(b"RF64") and b"ds64" in chunks and not any(_at(file, chunks[b"ds64"][0] + 8, 8)):
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
        name, stated = _at(file, place, 4), *struct.unpack(layout, _at(file, place + 4, header - 4))
        yield name, (place + header, stated)
        if name == b"data" or stated < 0:
            return
        place += header + stated + (stated % 2 if layout == "<I" else 0)


def _is_chunk(file: BinaryIO, place: int, size: int) -> bool:
    """Whether a chunk stands there, or nothing; samples look otherwise."""
    head = _at(file, place, 8)
    return len(head) < 8 or (
        all(32 <= byte < 127 for byte in head[:4]) and struct.unpack("<I", head[4:])[0] <= size - place - 8
    )


def _at(file: BinaryIO, place: int, length: int) -> bytes:
    file.seek(place)
    return file.read(length)


def start_of(source: Path | BinaryIO, length: int, place: int = 0) -> bytes:
    """Read bytes at a place near the start of a file; its position stays the same."""
    if isinstance(source, Path):
        with open(source, "rb") as file:
            return _at(file, place, length)
    before = source.tell()
    content = _at(source, place, length)
    source.seek(before)
    return content


def _size(source: Path | BinaryIO) -> int:
    if isinstance(source, Path):
        return source.stat().st_size
    before = source.tell()
    size = source.seek(0, io.SEEK_END)
    source.seek(before)
    return size


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
