"""One cached utterance: its WAV file, and how a recording becomes that file and a line of the index.

A file is named by the SHA-256 of its samples. So a changed recording becomes a new file beside the old one, and a line
of the index goes from one to the other: at no instant is an entry without its file. And no file's name depends on what
a speaker is called, now or later.
"""

import io
import wave
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from audio.channels import Wanted
from audio.decode import SAMPLE_RATE, decode_recording
from audio.reader import UnusableAudioError
from audio.utterance import NO_SPEECH, Speech, utterance_in
from cache.index import Utterance
from cache.mark import SETTINGS_DIGEST, CacheError
from cache.staging import STAGING_FOLDER
from corpus.recording import Recording
from storage.atomic import temporary_name
from storage.digest import samples_sha256
from storage.places import is_remote, local_copy, size_and_time

AUDIO_FOLDER = "audio"  # in the cache
HEADER_SIZE = 44  # bytes before the samples of a 16-bit WAV file


@dataclass(frozen=True)
class Intake:
    """What is taken of recordings."""

    any_sound: bool = False  # whether to take recordings without speech, too
    channel: Wanted = None  # of several, as for `audio.channels.choose`


USUAL = Intake()


class Entry(NamedTuple):
    """An utterance, and its WAV file on the way to its place."""

    utterance: Utterance
    staged: Path | None  # its WAV file, see `staged_path`; None if the cached one has the same samples
    is_mixed: bool  # whether channels with different speech were mixed


@dataclass(frozen=True)
class Skipped:
    """A recording that can't be used."""

    recording: Recording
    reason: str
    is_missing: bool  # whether it has gone since the corpus was listed

    @property
    def path(self) -> Path:
        """Where the recording is."""
        return self.recording.path


def audio_path(folder: Path, sha256: str) -> Path:
    """Where the cache in `folder` keeps the WAV file of samples with that digest."""
    return folder / AUDIO_FOLDER / sha256[:2] / f"{sha256}.wav"


def wav_size(samples: int) -> int:
    """The size of a WAV file of so many samples, in bytes."""
    return HEADER_SIZE + 2 * samples


def staged_path(folder: Path, sha256: str) -> Path:
    """Where a file of that digest is written before it is flushed and gets its name.

    On a store that is its name at once: an object appears as a whole, and one that no entry names is deleted later.
    """
    return audio_path(folder, sha256) if is_remote(folder) else temporary_name(folder / STAGING_FOLDER)


def is_whole(folder: Path, utterance: Utterance) -> bool:
    """Whether the WAV file is there in its full length, judged by its size and not by its content."""
    try:
        return audio_path(folder, utterance.sha256).stat().st_size == wav_size(utterance.samples)
    except OSError:
        return False


def read_signal(folder: Path, utterance: Utterance) -> NDArray[np.int16]:
    """Read the speech of a cached utterance.

    Returns:
        int16, shape = (samples,), at 8 kHz.

    Raises:
        CacheError: its file is gone or damaged.
    """
    path = audio_path(folder, utterance.sha256)
    how = f"--update_cache --audio_dir {utterance.place} makes it again"
    of = f"of {utterance.whose}, {utterance.utterance}"
    try:
        signal = soundfile.read(io.BytesIO(path.read_bytes()) if is_remote(path) else path, dtype="int16")[0]
    except (soundfile.LibsndfileError, FileNotFoundError) as error:
        raise CacheError(f"{path} ({of}) is gone or damaged; {how}") from error
    if signal.shape != (utterance.samples,) or samples_sha256(signal) != utterance.sha256:
        raise CacheError(f"{path} ({of}) is damaged; delete it, and {how}")
    return signal


def make_entry(
    folder: Path, work: tuple[Recording, Utterance | None], anew: bool = False, intake: Intake = USUAL
) -> Entry | Skipped:
    """Make the entry of one recording; its WAV file stays in the staging folder.

    Args:
        work: the recording, and what the index says of it so far.
        anew: whether to write the file even if the cached one has the same samples.
        intake: what is taken of it. Where no channel is asked for, it is the one that was asked for before, unless
            `anew`.

    Raises:
        OSError: the staging folder can't be written to, or the disk is full.
    """
    recording, known = work
    path = recording.path
    if intake.channel is None and known is not None and not anew:
        intake = replace(intake, channel=known.channel)
    try:
        size, mtime_ns = size_and_time(path)
        if not is_remote(path) and not path.is_file():
            raise UnusableAudioError("neither a file nor a link to one")  # but a pipe, or a device, which may never end
        speech, is_mixed = _speech(recording, intake)
    except (UnusableAudioError, OSError) as error:
        kept = "; what was cached of it before is kept" if known and known.made_with == SETTINGS_DIGEST else ""
        hint = "; --any_sound caches it all the same" if str(error) == NO_SPEECH else ""
        return Skipped(recording, f"{error}{hint}{kept}", isinstance(error, FileNotFoundError))
    utterance = Utterance(
        *recording,
        size=size,
        mtime_ns=mtime_ns,
        made_with=SETTINGS_DIGEST,
        sha256=samples_sha256(speech.signal),
        samples=len(speech.signal),
        leading_blank_ms=1000 * speech.leading / SAMPLE_RATE,
        trailing_blank_ms=1000 * speech.trailing / SAMPLE_RATE,
        channel=intake.channel,
    )
    if not anew and known is not None and known.sha256 == utterance.sha256 and is_whole(folder, known):
        return Entry(utterance, None, is_mixed)
    staged = staged_path(folder, utterance.sha256)
    _write_wav(staged, speech.signal)
    return Entry(utterance, staged, is_mixed)


def speech_digest(recording: Recording, channel: Wanted) -> str | None:
    """Hash the speech of a recording on a channel with SHA-256; None if it can't be used."""
    try:
        return samples_sha256(_speech(recording, Intake(any_sound=True, channel=channel))[0].signal)
    except (UnusableAudioError, OSError):
        return None


def _speech(recording: Recording, intake: Intake) -> tuple[Speech, bool]:
    """The speech in a recording, and whether channels with different speech were mixed."""
    path, start, end = recording.path, recording.start, recording.end
    with local_copy(path) as file:
        decoded = decode_recording(file, start, end, intake.channel, counts_tops=False)
    return utterance_in(decoded.signal, intake.any_sound), decoded.channels_differ


def _write_wav(path: Path, signal: NDArray[np.int16]) -> None:
    content = io.BytesIO()
    with wave.open(content, "wb") as wav:
        wav.setparams((1, signal.itemsize, SAMPLE_RATE, len(signal), "NONE", ""))
        wav.writeframes(signal.tobytes())
    path.write_bytes(content.getbuffer())
