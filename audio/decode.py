"""Decode any recording to mono at the working rate."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

SAMPLE_RATE = 8_000  # Hz, v1's working rate
RESAMPLER_QUALITY = "HQ"  # soxr's name for its 20-bit setting
LOWEST_RATE, HIGHEST_RATE = 2_000, 768_000  # Hz, of a recording; a false 1 Hz would make 8,000 samples of each
BLOCK = 1 << 18  # samples of all channels read at once, whatever length the header claims
PCM_SCALE = 32_768  # 16-bit full scale
LONGEST = 1800 * SAMPLE_RATE  # samples, half an hour: it bounds memory, which a few bytes of FLAC could fill


class UnusableAudioError(ValueError):
    """The file can't serve as an utterance; the message is the reason, fit for a list of skipped files."""


class _Stream(soundfile.SoundFile):
    """A file read from first to last: the seek after each block fails in a FLAC that does not state its length."""

    def seekable(self) -> bool:
        return False


def decode(path: Path) -> np.ndarray:
    """Read `path`, mix its channels to mono, and resample it.

    Args:
        path: any format that libsndfile reads, any sample rate and number of channels.

    Returns:
        int16 array, shape = (samples,), at `SAMPLE_RATE`.

    Raises:
        UnusableAudioError: not audio, damaged, empty, of a rate that no recording has, longer than `LONGEST`, or with
            samples that are not finite.
    """
    try:
        with _Stream(path) as file:
            _check_rate(file.samplerate)
            blocks = list(_bounded(_to_pcm(block) for block in _resampled(_mono_blocks(file), file.samplerate)))
    except (soundfile.LibsndfileError, OSError, ValueError, TypeError) as error:  # TypeError: a name that ends in .raw
        if isinstance(error, UnusableAudioError):
            raise
        raise UnusableAudioError(f"not readable as audio ({_reason(error)})") from error
    if not sum(block.size for block in blocks):
        raise UnusableAudioError("empty: it holds no samples")
    return np.concatenate(blocks)


def _check_rate(rate: int) -> None:
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise UnusableAudioError(f"it states {rate} samples a second; expected {LOWEST_RATE} to {HIGHEST_RATE}")


def _mono_blocks(file: soundfile.SoundFile) -> Iterator[np.ndarray]:
    """Yield float32 of 16-bit full scale; libsndfile hands out 16-bit samples faster as what they are."""
    dtype = "int16" if file.subtype == "PCM_16" else "float32"
    size, left = max(BLOCK // file.channels, 1), file.frames
    while left > 0 and len(block := file.read(min(size, left), dtype=dtype, always_2d=True)):
        left -= len(block)
        with np.errstate(over="ignore", invalid="ignore"):  # whose outcome is refused
            mono = block[:, 0].astype(np.float32) if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)
            yield mono if dtype == "int16" else _finite(mono * PCM_SCALE)


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
