"""Recordings of any kind to speech: a file, standard input, or samples in memory."""

import io
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG

import numpy as np

from audio.decode import SAMPLE_RATE, UnusableAudioError, convert, decode
from audio.utterance import utterance_in
from storage.errors import UserError

STANDARD_INPUT = "-"
LARGEST_INPUT = 1 << 29  # bytes of standard input, which is kept in memory: 46 minutes of 96 kHz stereo in 16 bits

FRAME = SAMPLE_RATE // 50  # samples, 20 ms
LOUD_PERCENTILE = 95  # of the frames' powers: that of speech
SPEECH_RANGE = 1e-3  # of that power, -30 dB: anything quieter is a pause
FLAT_TOP, FLAT_SHARE = 0.8, 0.015  # of 150 recordings, none had over 0.009 of its samples that near its peak
SHORT_SPEECH = 1.0  # s; below, embeddings say little
SHORT_ENROLMENT = 3.0  # s of speech, of all files together


class RecordingError(UserError):
    """A recording can't be used; the message says which and why."""


@dataclass(frozen=True)
class Speech:
    """What a recording says, between its outer silences."""

    name: str
    signal: np.ndarray  # int16, (samples,), at 8 kHz

    @property
    def seconds(self) -> float:
        """Speech without pauses, in s."""
        return speech_seconds(self.signal)

    @property
    def is_clipped(self) -> bool:
        """Whether too many samples are near the loudest, as where a microphone was overdriven.

        (Not whether they are at full scale: resampling moves them off it, and clipped sound may be turned down later.)
        """
        magnitude = np.abs(self.signal.astype(np.int32))
        return bool(np.mean(magnitude >= FLAT_TOP * magnitude.max()) > FLAT_SHARE)


def load_speech(source: str | os.PathLike | np.ndarray, sample_rate: int | None = None) -> Speech:
    """Load a recording and cut its outer silence, as the cache does.

    Args:
        source: a path; `STANDARD_INPUT`; or samples, int16 or floating point of full scale 1, (samples,) or
            (samples, channels).
        sample_rate: Hz, of samples; a file states its own.

    Raises:
        RecordingError: it is missing, not audio, empty, silent, shorter than 0.1 s, longer than half an hour, or holds
            samples that are not numbers.
    """
    name = "the array" if isinstance(source, np.ndarray) else _name(source)
    try:
        return Speech(name, utterance_in(_decoded(source, sample_rate)).signal)
    except UnusableAudioError as error:
        raise RecordingError(f"{name}: {error}") from error


def speech_seconds(signal: np.ndarray) -> float:
    """How much of a signal is speech, in s: 20 ms frames within 30 dB of the loud ones.

    Args:
        signal: int16, shape = (samples,), at 8 kHz.
    """
    count = max(len(signal) // FRAME, 1)
    frames = signal[: count * FRAME].astype(np.float32).reshape(count, -1)
    power = np.square(frames).mean(axis=1)
    return float((power >= SPEECH_RANGE * np.percentile(power, LOUD_PERCENTILE)).sum() * FRAME / SAMPLE_RATE)


def remarks(speech: Speech) -> list[str]:
    """What makes an embedding of it less to be trusted, in words; often nothing."""
    found = []
    if speech.seconds < SHORT_SPEECH:
        found.append(f"{speech.name}: only {speech.seconds:.1f} s of speech, which says little about the voice")
    if speech.is_clipped:
        found.append(f"{speech.name}: clipped (recorded too loud)")
    return found


def enrolment_remarks(recordings: Sequence[Speech]) -> list[str]:
    """The same for the recordings of one speaker's enrolment."""
    found = [f"{one.name}: clipped (recorded too loud)" for one in recordings if one.is_clipped]
    seconds = sum(one.seconds for one in recordings)
    if seconds < SHORT_ENROLMENT:
        found.append(f"only {seconds:.1f} s of speech to enrol with; {SHORT_ENROLMENT:g} s or more are reliable")
    return found


def _name(source: str | os.PathLike) -> str:
    return "standard input" if os.fspath(source) == STANDARD_INPUT else os.fspath(source)


def _decoded(source: str | os.PathLike | np.ndarray, sample_rate: int | None) -> np.ndarray:
    if isinstance(source, np.ndarray):
        if sample_rate is None:
            raise UnusableAudioError("expected the sample rate of samples in memory. Received none")
        return convert(source, sample_rate)
    if os.fspath(source) == STANDARD_INPUT:
        return decode(_standard_input())
    try:
        mode = Path(source).stat().st_mode
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = "does not exist" if isinstance(error, FileNotFoundError) else f"not readable ({error})"
        raise UnusableAudioError(reason) from error
    if S_ISDIR(mode):
        raise UnusableAudioError("expected a recording. Received a folder")
    if not S_ISREG(mode):
        raise UnusableAudioError(f"neither a file nor a link to one; {STANDARD_INPUT} reads from standard input")
    return decode(Path(source))


def _standard_input() -> io.BytesIO:
    if sys.stdin is None:
        raise UnusableAudioError("it is closed")
    content = sys.stdin.buffer.read(LARGEST_INPUT + 1)
    if not content:
        raise UnusableAudioError("empty")
    if len(content) > LARGEST_INPUT:
        raise UnusableAudioError(f"more than {LARGEST_INPUT >> 20} MB")
    return io.BytesIO(content)
