"""Decode any recording to mono at the working rate."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from audio.channels import PCM_SCALE, Choice, Wanted, choose
from audio.clipping import FEWEST_TOPS, FlatTops, has_wavy_tops
from audio.errors import UnusableAudioError
from audio.opening import open_recording
from audio.reader import BLOCK, check_part, samples_of

SAMPLE_RATE = 8_000  # Hz, v1's working rate
RESAMPLER_QUALITY = "HQ"  # soxr's name for its 20-bit setting
LOWEST_RATE, HIGHEST_RATE = 2_000, 768_000  # Hz, of a recording; a false 1 Hz would make 8,000 samples of each
LONGEST = 1800 * SAMPLE_RATE  # samples, half an hour: it bounds memory, which a few bytes of FLAC could fill


@dataclass(frozen=True)
class Decoded:
    """A recording at the working rate, and how it was recorded."""

    signal: NDArray[np.float32]  # (samples,), at `SAMPLE_RATE`, of 16-bit full scale, which it may exceed
    rate: int  # Hz, of the recording
    channels_differ: bool = False  # whether several have speech, not the same, and were mixed
    flat_tops: int = 0  # before it was resampled, see `audio.clipping`

    @property
    def is_clipped(self) -> bool:
        """Whether it was recorded too loud."""
        return self.flat_tops >= FEWEST_TOPS or has_wavy_tops(self.signal)


def decode(
    source: Path | BinaryIO, start: float | None = None, end: float | None = None, channel: Wanted = None
) -> NDArray[np.float32]:
    """Decode a recording as `decode_recording` does, to its signal alone."""
    return decode_recording(source, start, end, channel, counts_tops=False).signal


def decode_recording(
    source: Path | BinaryIO,
    start: float | None = None,
    end: float | None = None,
    channel: Wanted = None,
    counts_tops: bool = True,
) -> Decoded:
    """Read a recording, or a part of it, choose one of its channels or mix them, and resample it.

    Args:
        source: a file, open or not, of any format that libsndfile or `audio.ffmpeg` reads, any sample rate and number
            of channels.
        start: s, where the part begins, cut at the nearest sample of the file's own rate; the beginning if not given.
        end: s, where the part ends, likewise; it may lie up to `BEYOND` after the end, which it is if not given.
        channel: of several, see `audio.channels.choose`.
        counts_tops: whether to look for clipping, which takes as long as to remove rumble.

    Raises:
        UnusableAudioError: not audio, damaged, cut short, empty, of a rate that no recording has, with samples that are
            not finite; longer than `LONGEST`, of which only the part counts; or there is no such part or channel.
    """
    check_part(start, end)
    try:
        with open_recording(source) as file:
            return _decoded(samples_of(file, source, start, end), file.samplerate, channel, counts_tops)
    except (soundfile.LibsndfileError, OSError, ValueError, TypeError) as error:  # TypeError: a name that ends in .raw
        if isinstance(error, UnusableAudioError):
            raise
        raise UnusableAudioError(f"not readable as audio ({_reason(error)})") from error


def convert(samples: np.ndarray, rate: int, channel: Wanted = None) -> Decoded:
    """Bring samples in memory to mono at the working rate, as `decode_recording` does.

    Args:
        samples: int16, or floating point of full scale 1 as soundfile reads it; (samples, channels).
        rate: samples a second.

    Raises:
        UnusableAudioError: as `decode_recording`.
    """
    size = max(BLOCK // samples.shape[1], 1)
    return _decoded((samples[start : start + size] for start in range(0, len(samples), size)), rate, channel)


def _decoded(blocks: Iterator[np.ndarray], rate: int, channel: Wanted, counts_tops: bool = True) -> Decoded:
    _check_rate(rate)
    choice, blocks = choose(blocks, rate, channel)
    mono, tops = (_mono(block, choice) for block in blocks), FlatTops(rate)
    signal = _at_working_rate(tops.watched(mono) if counts_tops else mono, rate)
    return Decoded(signal, rate, choice.differ, tops.count)


def _at_working_rate(blocks: Iterator[NDArray[np.float32]], rate: int) -> NDArray[np.float32]:
    converted = list(_bounded(_finite(block) for block in _resampled(blocks, rate)))
    if not sum(block.size for block in converted):
        raise UnusableAudioError("empty: it holds no samples")
    return np.concatenate(converted)


def _check_rate(rate: int) -> None:
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise UnusableAudioError(f"it states {rate} samples a second; expected {LOWEST_RATE} to {HIGHEST_RATE}")


def _mono(block: np.ndarray, choice: Choice) -> NDArray[np.float32]:
    """(samples, channels), int16 or of full scale 1, to (samples,) float32 of 16-bit full scale."""
    with np.errstate(over="ignore", invalid="ignore"):  # whose outcome is refused
        mono = choice.of(block)
        return mono if block.dtype == np.int16 else _finite(mono * PCM_SCALE)


def _finite(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    if not np.isfinite(signal).all():
        raise UnusableAudioError("it holds samples that are NaN or infinite")
    return signal


def _bounded(blocks: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    left = LONGEST
    for block in blocks:
        left -= len(block)
        if left < 0:
            raise UnusableAudioError(f"longer than {LONGEST / SAMPLE_RATE / 60:g} minutes; cut it into utterances")
        yield block


def _resampled(blocks: Iterator[NDArray[np.float32]], rate: int) -> Iterator[NDArray[np.float32]]:
    """The signal at `SAMPLE_RATE`. Its offset is kept from the resampler, which would ring at both ends."""
    if rate == SAMPLE_RATE:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality=RESAMPLER_QUALITY)
    offset = np.zeros(1, np.float32)
    for number, block in enumerate(blocks):
        offset = offset if number else block[:1].copy()
        with np.errstate(over="ignore", invalid="ignore"):  # whose outcome is refused
            resampled = stream.resample_chunk(block - offset) + offset
        yield resampled
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True) + offset


def _reason(error: Exception) -> str:
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return text.strip().rstrip(".")
