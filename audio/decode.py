"""Decode any recording to mono at the working rate."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr

SAMPLE_RATE = 8_000  # Hz, v1's working rate
RESAMPLER_QUALITY = "HQ"  # soxr's name for its 20-bit setting
LOWEST_RATE, HIGHEST_RATE = 2_000, 768_000  # Hz, of a recording; a false 1 Hz would make 8,000 samples of each
BLOCK = 1 << 18  # samples of all channels read at once, whatever length the header claims
PCM_SCALE = 32_768  # 16-bit full scale
HIGHEST_FLOAT = 16  # of full scale 1; what is mixed or resampled may go a little above it
NO_PROMISE = 0x7FFF_0000  # bytes: a program that can't go back to its header states that much or more
SEEKABLE = {"WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "FLAC"}  # in whose PCM a seek is exact
TOLERANCE = 0.1  # s by which a part may end after its recording, as times are rounded
LONGEST = 1800 * SAMPLE_RATE  # samples, half an hour: it bounds memory, which a few bytes of FLAC could fill

_NO_UTF_8 = re.compile("[\udc80-\udcff]")  # how Python keeps bytes in names
# What libsndfile notes of a header that promises more than the file holds, and of how much that is: stated and there.
_PROMISES = (
    re.compile(r"(?:data|SSND|BODY|riff|Data Size)\s*: (?P<stated>\d+) \(should be (?P<there>\d+)\)"),
    re.compile(r"frame count (?P<there>\d+) does not match value from 'ds64' chunk of (?P<stated>\d+)"),
)


class UnusableAudioError(ValueError):
    """The file can't serve as an utterance; the message is the reason, fit for a list of skipped files."""


class _Stream(soundfile.SoundFile):
    """A file read from first to last: the seek after each block fails in a FLAC that does not state its length."""

    def seekable(self) -> bool:
        return False


def decode(source: Path | BinaryIO, start: float | None = None, end: float | None = None) -> np.ndarray:
    """Read a recording or a part of one, mix its channels to mono, and resample it.

    Args:
        source: a file, open or not, of any format that libsndfile reads, any sample rate and number of channels.
        start, end: s, of the part; cut at the nearest samples of the file. None for the file's beginning and end.

    Returns:
        int16 array, shape = (samples,), at `SAMPLE_RATE`.

    Raises:
        UnusableAudioError: not audio, damaged, cut short, empty, of a rate that no recording has, longer than
            `LONGEST`, with samples that are not finite, or without the part.
    """
    try:
        with ExitStack() as stack:
            file = stack.enter_context(_Stream(_openable(source, stack)))
            _check_complete(file)
            return _at_working_rate(_mono_blocks(file, start, end), file.samplerate)
    except (soundfile.LibsndfileError, OSError, ValueError, TypeError) as error:  # TypeError: a name that ends in .raw
        if isinstance(error, UnusableAudioError):
            raise
        raise UnusableAudioError(f"not readable as audio ({_reason(error)})") from error


def convert(samples: np.ndarray, rate: int) -> np.ndarray:
    """The same for samples in memory.

    Args:
        samples: int16, or floating point of full scale 1 as soundfile reads it; (samples,) or (samples, channels).
        rate: samples a second.

    Raises:
        UnusableAudioError: as `decode`, or of another type or shape.
    """
    if samples.ndim == 2 and not samples.shape[1]:
        raise UnusableAudioError("it has no channels")
    if samples.ndim not in (1, 2) or not (samples.dtype == np.int16 or np.issubdtype(samples.dtype, np.floating)):
        raise UnusableAudioError(
            "expected int16 or floating-point samples of shape (samples,) or (samples, channels). "
            f"Received {samples.dtype} of shape {samples.shape}"
        )
    if samples.dtype != np.int16 and samples.size and np.abs(samples).max() > HIGHEST_FLOAT:
        raise UnusableAudioError(
            "expected floating-point samples from -1 to 1; did you supply 16-bit values as floats?"
        )
    return _at_working_rate(_array_blocks(samples if samples.ndim == 2 else samples[:, None]), rate)


def _at_working_rate(blocks: Iterator[np.ndarray], rate: int) -> np.ndarray:
    _check_rate(rate)
    converted = list(_bounded(_to_pcm(block) for block in _resampled(blocks, rate)))
    if not sum(block.size for block in converted):
        raise UnusableAudioError("empty: it holds no samples")
    return np.concatenate(converted)


def _check_rate(rate: int) -> None:
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise UnusableAudioError(f"it states {rate} samples a second; expected {LOWEST_RATE} to {HIGHEST_RATE}")


def _openable(source: Path | BinaryIO, stack: ExitStack) -> Path | BinaryIO:
    """What soundfile opens; it encodes names as UTF-8, which those of files need not be."""
    if isinstance(source, Path) and _NO_UTF_8.search(str(source)):
        return stack.enter_context(open(source, "rb"))
    return source


def _check_complete(file: soundfile.SoundFile) -> None:
    """Refuse a file that holds less than its header promises, where the format tells."""
    log = file.extra_info
    for promise in _PROMISES:
        if (match := promise.search(log)) is not None:
            stated, there = int(match["stated"]), int(match["there"])
            if there < stated < NO_PROMISE and file.frames:
                seconds = file.frames / file.samplerate
                raise UnusableAudioError(
                    f"cut short: its header promises {seconds * stated / there:.1f} s, it holds {seconds:.1f} s"
                )
    if "Seems to be a truncated file" in log:  # of VOC, which states no length
        raise UnusableAudioError("cut short")


def _mono_blocks(file: soundfile.SoundFile, start: float | None, end: float | None) -> Iterator[np.ndarray]:
    """Yield float32 of 16-bit full scale; libsndfile hands out 16-bit samples faster as what they are."""
    dtype = "int16" if file.subtype == "PCM_16" else "float32"
    first = 0 if start is None else round(start * file.samplerate)
    last = file.frames if end is None else round(end * file.samplerate)
    if not 0 <= first < last and (start, end) != (None, None):
        raise UnusableAudioError(f"it has no part from {start} to {end} s")
    size, left = max(BLOCK // file.channels, 1), last - _skip(file, first)
    while left > 0 and len(block := file.read(min(size, left), dtype=dtype, always_2d=True)):
        left -= len(block)
        yield _mono(block)
    if end is not None and left > TOLERANCE * file.samplerate:
        raise UnusableAudioError(f"it ends before the part that goes to {end:g} s")


def _skip(file: soundfile.SoundFile, first: int) -> int:
    """Go to the frame `first`, or as near as the file is long; returns where that is."""
    if not first:
        return 0
    if file.format in SEEKABLE and file.subtype.startswith(("PCM", "FLOAT", "DOUBLE", "ULAW", "ALAW")):
        return file.seek(min(first, file.frames))
    size, position = max(BLOCK // file.channels, 1), 0
    while position < first and (skipped := len(file.read(min(size, first - position), dtype="int16", always_2d=True))):
        position += skipped
    return position


def _array_blocks(samples: np.ndarray) -> Iterator[np.ndarray]:
    size = max(BLOCK // max(samples.shape[1], 1), 1)
    return (_mono(samples[start : start + size]) for start in range(0, len(samples), size))


def _mono(block: np.ndarray) -> np.ndarray:
    """(samples, channels), int16 or of full scale 1, to (samples,) float32 of 16-bit full scale."""
    with np.errstate(over="ignore", invalid="ignore"):  # whose outcome is refused
        mono = block[:, 0].astype(np.float32) if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)
        return mono if block.dtype == np.int16 else _finite(mono * PCM_SCALE)


def _finite(signal: np.ndarray) -> np.ndarray:
    if not np.isfinite(signal).all():
        raise UnusableAudioError("it holds samples that are NaN or infinite")
    return signal


def _bounded(blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    left = LONGEST
    for block in blocks:
        left -= len(block)
        if left < 0:
            raise UnusableAudioError(f"longer than {LONGEST / SAMPLE_RATE / 60:g} minutes; cut it into utterances")
        yield block


def _resampled(blocks: Iterator[np.ndarray], rate: int) -> Iterator[np.ndarray]:
    if rate == SAMPLE_RATE:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality=RESAMPLER_QUALITY)
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _to_pcm(signal: np.ndarray) -> np.ndarray:
    """Round to int16; among samples of 1e34, the resampler's sums overflow."""
    return np.clip(np.rint(_finite(signal)), -PCM_SCALE, PCM_SCALE - 1).astype(np.int16)


def _reason(error: Exception) -> str:
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return text.strip().rstrip(".")
