"""What a file's header says of its length, and how that compares with what the file holds.

libsndfile reads what there is, and mentions a difference only in its log, in which this looks for it.
"""

import io
import re
import struct
from pathlib import Path
from typing import BinaryIO

import soundfile

NEVER_WRITTEN = 0x7FFF_0000  # bytes or samples; from here on, a header holds what programs write before they know more
NIST_HEADER = 1024  # bytes
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


def bytes_at(file: BinaryIO, place: int, length: int) -> bytes:
    """Read bytes at a place of an open file, whose position changes."""
    file.seek(place)
    return file.read(length)


def start_of(source: Path | BinaryIO, length: int, place: int = 0) -> bytes:
    """Read bytes at a place near the start of a file; its position stays the same."""
    if isinstance(source, Path):
        with open(source, "rb") as file:
            return bytes_at(file, place, length)
    before = source.tell()
    content = bytes_at(source, place, length)
    source.seek(before)
    return content


def _size(source: Path | BinaryIO) -> int:
    if isinstance(source, Path):
        return source.stat().st_size
    before = source.tell()
    size = source.seek(0, io.SEEK_END)
    source.seek(before)
    return size
