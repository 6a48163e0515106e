"""Recordings of any kind to speech, and remarks on what makes it less to be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from audio.channels import Wanted
from audio.decode import SAMPLE_RATE
from audio.errors import UnusableAudioError
from audio.speech_activity import speech_seconds
from audio.utterance import utterance_in
from inference.sources import Source, decode_source, source_name
from storage.errors import UserError

SHORT_SPEECH = 1.0  # s; below, embeddings say little
SHORT_ENROLMENT = 3.0  # s of speech, of all files together


class RecordingError(UserError):
    """A recording can't be used; the message says which and why."""


@dataclass(frozen=True)
class Speech:
    """What is said in a recording, between its outer silences."""

    name: str
    signal: np.ndarray  # int16, (samples,), at 8 kHz
    rate: int = SAMPLE_RATE  # Hz, of the recording
    channels_differ: bool = False  # several have speech, and not the same
    is_clipped: bool = False  # recorded too loud

    @cached_property
    def seconds(self) -> float:
        """Speech without pauses, in s."""
        return speech_seconds(self.signal)


def load_speech(source: Source, sample_rate: int | None = None, channel: Wanted = None) -> Speech:
    """Load a recording and cut its outer silence, as the cache does.

    Args:
        source: a path; "-" for standard input; a binary file; or samples, see `audio.arrays.samples_in`.
        sample_rate: Hz, of samples; a file states its own.
        channel: of several, the one to take, counted from 1, or "mix"; what `audio.channels.choose` finds if not given.

    Raises:
        RecordingError: it is missing, not audio, empty, silent, shorter than 0.1 s, longer than half an hour; nobody
            speaks in it; or it is of a type or shape that samples do not have, or holds samples that are not numbers.
    """
    name = source_name(source)
    try:
        decoded = decode_source(source, sample_rate, channel)
        signal = utterance_in(decoded.signal).signal
    except UnusableAudioError as error:
        raise RecordingError(f"{name}: {error}") from error
    return Speech(name, signal, decoded.rate, decoded.channels_differ, decoded.is_clipped)


def remarks(speech: Speech) -> list[str]:
    """Return what makes an embedding of it less to be trusted, in words; often nothing."""
    if speech.seconds >= SHORT_SPEECH:
        return recording_remarks(speech)
    short = f"{speech.name}: only {_rounded_down(speech.seconds)} s of speech, which says little about the speaker"
    return [short, *recording_remarks(speech)]


def recording_remarks(speech: Speech) -> list[str]:
    """Return the same of how it was recorded."""
    remarks = []
    if speech.is_clipped:
        remarks.append(f"{speech.name}: clipped (recorded too loud)")
    if speech.channels_differ:
        remarks.append(
            f"{speech.name}: its channels have different speech, as of two people, and were mixed; "
            "--channel 1 or 2 takes one of them"
        )
    if speech.rate < SAMPLE_RATE:
        remarks.append(
            f"{speech.name}: {speech.rate} samples a second, which hold less than the {SAMPLE_RATE} "
            "that the network knows"
        )
    return remarks


def enrolment_remarks(recordings: Sequence[Speech], earlier_seconds: float = 0.0) -> list[str]:
    """Return the same for the recordings of one speaker's enrolment, which adds to so much speech."""
    remarks = [remark for speech in recordings for remark in recording_remarks(speech)]
    seconds = earlier_seconds + sum(speech.seconds for speech in recordings)
    if seconds < SHORT_ENROLMENT:
        remarks.append(
            f"only {_rounded_down(seconds)} s of speech to enrol with; {SHORT_ENROLMENT:g} s or more are reliable"
        )
    return remarks


def _rounded_down(seconds: float) -> str:
    """Round down, so that less than 3 s are never called 3.0 s."""
    return f"{int(10 * seconds) / 10:.1f}"
