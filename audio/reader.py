"""Read a recording, or a part of it, in blocks, and refuse a recording that was cut short."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from audio.errors import UnusableAudioError
from audio.ffmpeg import FfmpegFile
from audio.header import NEVER_WRITTEN, mp3_states_length, stated_samples
from audio.opening import Opened, SoundStream

BLOCK = 1 << 18  # samples of all channels read at once, whatever length the header claims
SLACK = 0.01  # s that a file may lack of what it states: some programs count the header in
LOOSE_SLACK = 0.25  # s, of MP3, AAC and their kind: writers do not agree on whether the first and last frames count
BEYOND = 0.1  # s that the end of a part may lie beyond the recording's: times are rounded
SOUGHT = {"WAV", "WAVEX", "RF64", "W64", "FLAC"}  # formats where seeking goes to the very sample,
SOUGHT_AS = {"PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW"}  # if so encoded


def samples_of(
    file: Opened, source: Path | BinaryIO, start: float | None = None, end: float | None = None
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
    if last is None and (promised := _promised(file, source)) is not None:
        check_whole(file, promised, position)
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


def check_whole(file: Opened, promised: float, held: int) -> None:
    """Refuse a file that holds fewer samples of each channel than its header promises; one without any is just empty.

    Raises:
        UnusableAudioError: it was cut short.
    """
    slack = LOOSE_SLACK if file.format == "MP3" or isinstance(file, FfmpegFile) else SLACK
    if held and promised - held > slack * file.samplerate:
        times = f"{promised / file.samplerate:.2f} s, and it holds {held / file.samplerate:.2f} s"
        raise UnusableAudioError(f"cut short: its header promises {times}")


def _check_reached(reached: float, start: float, end: float | None) -> None:
    if reached <= start or (end is not None and reached < end - BEYOND):
        part = f"from {start:.2f} s to {'its end' if end is None else f'{end:.2f} s'}"
        raise UnusableAudioError(f"expected a part of it. Received {part}; it ends at {reached:.2f} s")


def _blocks(file: Opened, count: int, dtype: str) -> Iterator[np.ndarray]:
    size = max(BLOCK // file.channels, 1)
    while count > 0 and len(block := file.read(min(size, count), dtype=dtype, always_2d=True)):
        count -= len(block)
        yield block


def _skip(file: Opened, count: int, dtype: str) -> int:
    """Go to sample `count`, or to the end; returns where that is."""
    if count and isinstance(file, SoundStream) and _seeks_exactly(file):
        return file.seek(min(count, file.frames))
    return sum(map(len, _blocks(file, min(count, file.frames), dtype)))


def _seeks_exactly(file: SoundStream) -> bool:
    """Whether seeking goes to the very sample, as it does in few formats."""
    return file.format in SOUGHT and file.subtype in SOUGHT_AS and file.frames < NEVER_WRITTEN


def _promised(file: Opened, source: Path | BinaryIO) -> int | None:
    """How many samples the header states, where only reading to the end shows whether there are so many."""
    if isinstance(file, FfmpegFile):
        return file.promised
    if file.format == "MP3":
        return file.frames if mp3_states_length(source) else None
    return file.frames if file.format == "FLAC" and file.frames < NEVER_WRITTEN else None
