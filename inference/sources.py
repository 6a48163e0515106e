"""What a recording may be given as: a name, standard input, an open file, or samples in memory."""

import io
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO, TypeGuard

import numpy as np

from audio.arrays import rate_in, samples_in
from audio.channels import Wanted
from audio.decode import Decoded, convert, decode_recording
from audio.errors import UnusableAudioError

STANDARD_INPUT = "-"
LARGEST_INPUT = 1 << 29  # bytes of a stream, which is kept in memory: 46 minutes of 96 kHz stereo in 16 bits

Source = str | bytes | os.PathLike | BinaryIO | object  # the last one: samples, see `audio.arrays.samples_in`


def is_name(source: Source) -> TypeGuard[str | bytes | os.PathLike]:
    """Tell whether it names a file, or standard input."""
    return isinstance(source, str | bytes | os.PathLike)


def source_name(source: Source) -> str:
    """Return what to call a recording in messages."""
    if is_name(source):
        name = os.fsdecode(source)
        return "standard input" if name == STANDARD_INPUT else name
    if _is_stream(source):
        stream_name = getattr(source, "name", None)
        return stream_name if isinstance(stream_name, str) else "the stream"
    return "the array"


def sources_in(given: Iterable[Source] | Source) -> list[Source]:
    """Return the recordings that were given, or the one that was given instead of a list.

    Raises:
        UnusableAudioError: an array of two dimensions, which may be one recording or several.
    """
    if is_name(given) or _is_stream(given) or not isinstance(given, Iterable):
        return [given]
    if getattr(given, "ndim", 1) != 1:
        shape = tuple(getattr(given, "shape", ()))
        raise UnusableAudioError(f"expected a list of recordings. Received an array of shape {shape}")
    several = list(given)
    return [given] if several and np.isscalar(several[0]) and not is_name(several[0]) else several


def decode_source(source: Source, sample_rate: int | None = None, channel: Wanted = None) -> Decoded:
    """Decode a recording, whatever it is given as.

    Args:
        sample_rate: Hz, of samples; a file states its own.

    Raises:
        UnusableAudioError: it can't be used, or is of another kind.
    """
    if is_name(source):
        return _of_name(os.fsdecode(source), channel)
    if _is_stream(source):
        return decode_recording(_whole(source), channel=channel)
    return convert(samples_in(source), rate_in(sample_rate), channel)


def _is_stream(source: Source) -> TypeGuard[BinaryIO]:
    return isinstance(source, io.BufferedIOBase | io.RawIOBase)


def _of_name(name: str, channel: Wanted) -> Decoded:
    if name == STANDARD_INPUT:
        if sys.stdin is None:
            raise UnusableAudioError("it is closed")
        return decode_recording(_whole(sys.stdin.buffer), channel=channel)
    try:
        mode = Path(name).stat().st_mode
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = "does not exist" if isinstance(error, FileNotFoundError) else f"not readable ({error})"
        raise UnusableAudioError(reason) from error
    if S_ISDIR(mode):
        raise UnusableAudioError("expected a recording. Received a folder")
    if not S_ISREG(mode):
        raise UnusableAudioError(f"neither a file nor a link to one; {STANDARD_INPUT} reads from standard input")
    return decode_recording(Path(name), channel=channel)


def _whole(stream: BinaryIO) -> io.BytesIO:
    content = stream.read(LARGEST_INPUT + 1)
    if not content:
        raise UnusableAudioError("empty")
    if len(content) > LARGEST_INPUT:
        raise UnusableAudioError(f"more than {LARGEST_INPUT >> 20} MB")
    return io.BytesIO(content)
