"""Read a recording, or a part of it, in blocks, and refuse one that was cut short."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from audio.header import NEVER_WRITTEN, completed, mp3_states_length, stated_samples

BLOCK = 1 << 18  # samples of all channels read at once, whatever length the header claims
SLACK = 0.01  # s that a file may lack of what it states: some programs count the header in
MP3_SLACK = 0.25  # s; writers of its tag do not agree on whether the first and the last frames count
BEYOND = 0.1  # s that the end of a part may lie beyond the recording's: times are rounded
SOUGHT = {"WAV", "WAVEX", "RF64", "W64", "FLAC"}  # formats where seeking goes to the very sample,
SOUGHT_AS = {"PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW"}  # if so encoded

_NO_UTF_8 = re.compile("[\udc80-\udcff]")  # how Python keeps such bytes in names, which soundfile can't encode


class UnusableAudioError(ValueError):
    """The file can't serve as an utterance; the message is the reason, fit for a list of skipped files."""


class _Stream(soundfile.SoundFile):
    """A file read from first to last: the seek after each block fails in a FLAC that does not state its length."""

    def seekable(self) -> bool:
        return False


class _OwningStream(_Stream):
    """The same of something in whose place a file was opened, which is closed with it."""

    def __init__(self, source: BinaryIO, opened: BinaryIO | None):
        self.opened = opened
        super().__init__(source)

    def close(self) -> None:
        super().close()
        if self.opened is not None:
            self.opened.close()


def open_recording(source: Path | BinaryIO) -> _Stream:
    """Open a recording; one that seems to be empty or broken may have a header that was just never completed.

    Raises:
        soundfile.LibsndfileError, OSError, TypeError: it is not audio, or not readable.
    """
    try:
        file = _opened(source)
        return file if file.frames else _completed(source) or file
    except soundfile.LibsndfileError:
        if isinstance(source, Path) and not source.is_file():
            raise
        if file := _completed(source):
            return file
        raise


def samples_of(
    file: soundfile.SoundFile, source: Path | BinaryIO, start: float | None = None, end: float | None = None
) -> Iterator[np.ndarray]:
    """Yield the samples of a part in blocks, (samples, channels): int16 of 16-bit files, else float32 of full scale 1.

    (libsndfile hands out 16-bit samples faster as what they are.)

    Args:
        file: what `open_recording` gave for `source`.
        start: s, cut at the nearest sample; the beginning if not given.
        end: s, likewise; the end if not given.

    Raises:
        UnusableAudioError: the file was cut short, or there is no such part.
        soundfile.LibsndfileError: it is damaged.
    """
    check_whole(file, stated_samples(file, source), file.frames)
    first = round(start * file.samplerate) if start else 0
    last = None if end is None else round(end * file.samplerate)
    dtype = "int16" if file.subtype == "PCM_16" else "float32"
    position = _skip(file, first, dtype)
    for block in _blocks(file, (file.frames if last is None else min(last, file.frames)) - position, dtype):
        position += len(block)
        yield block
    if last is None and _states_length(file, source):
        check_whole(file, file.frames, position)
    if start or end is not None:
        _check_reached(position / file.samplerate, first / file.samplerate, end)


def check_part(start: float | None, end: float | None) -> None:
    """Refuse times, in s, that are no part of any recording.

    Raises:
        UnusableAudioError: a time is negative, not finite, or the start is not before the end.
    """
    begin, finish = start or 0, math.inf if end is None else end
    if not 0 <= begin < finish or end == math.inf:
        raise UnusableAudioError(f"expected 0 <= start < end, in seconds. Received start={start}, end={end}")


def check_whole(file: soundfile.SoundFile, promised: float, held: int) -> None:
    """Refuse a file that holds fewer samples of each channel than its header promises; one without any is just empty.

    Raises:
        UnusableAudioError: as said.
    """
    slack = MP3_SLACK if file.format == "MP3" else SLACK
    if held and promised - held > slack * file.samplerate:
        times = f"{promised / file.samplerate:.2f} s, and it holds {held / file.samplerate:.2f} s"
        raise UnusableAudioError(f"cut short: its header promises {times}")


def _opened(source: Path | BinaryIO) -> _Stream:
    if not isinstance(source, Path) or _NO_UTF_8.search(str(source)) is None:
        return _Stream(source)
    raw = source.open("rb")
    try:
        return _OwningStream(raw, raw)
    except soundfile.LibsndfileError:
        raw.close()
        raise


def _completed(source: Path | BinaryIO) -> _Stream | None:
    raw = source.open("rb") if isinstance(source, Path) else source
    opened = None if raw is source else raw
    if patched := completed(raw):
        return _OwningStream(patched, opened)
    if opened:
        opened.close()
    return None


def _check_reached(reached: float, start: float, end: float | None) -> None:
    if reached <= start or (end is not None and reached < end - BEYOND):
        part = f"from {start:.2f} s to {'its end' if end is None else f'{end:.2f} s'}"
        raise UnusableAudioError(f"expected a part of it. Received {part}; it ends at {reached:.2f} s")


def _blocks(file: soundfile.SoundFile, count: int, dtype: str) -> Iterator[np.ndarray]:
    size = max(BLOCK // file.channels, 1)
    while count > 0 and len(block := file.read(min(size, count), dtype=dtype, always_2d=True)):
        count -= len(block)
        yield block


def _skip(file: soundfile.SoundFile, count: int, dtype: str) -> int:
    """Go to sample `count`, or to the end; returns where that is. (Most formats do not seek to the very sample.)"""
    if count and file.format in SOUGHT and file.subtype in SOUGHT_AS and file.frames < NEVER_WRITTEN:
        return file.seek(min(count, file.frames))
    return sum(map(len, _blocks(file, min(count, file.frames), dtype)))


def _states_length(file: soundfile.SoundFile, source: Path | BinaryIO) -> bool:
    """Whether the length that libsndfile tells is the header's, so that fewer samples mean a file cut short."""
    if file.format == "MP3":
        return mp3_states_length(source)
    return file.format == "FLAC" and file.frames < NEVER_WRITTEN
