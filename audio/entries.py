"""One cached utterance: its line in the index, its WAV file, and how a recording becomes both."""

import hashlib
import wave
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple
from urllib.parse import quote

import numpy as np
import soundfile

from audio.decode import SAMPLE_RATE, UnusableAudioError, decode
from audio.scan import Recording
from audio.silence import voiced_span
from storage.atomic import temporary_name
from storage.errors import UserError

AUDIO_FOLDER = "audio"  # in the cache
STAGING_FOLDER = "staging"  # in the cache: finished WAV files that do not have their names yet
HEADER_SIZE = 44  # bytes before the samples of a 16-bit WAV file
MINIMUM_PEAK = 32  # of 32768, -60 dB: anything quieter is silence
MINIMUM_VOICED = SAMPLE_RATE // 10  # samples, 0.1 s
LONGEST_NAME = 120  # characters of an entry's file name, well below every file system's limit


class CacheError(UserError):
    """The cache can't serve; the message says why and what to do."""


class Utterance(NamedTuple):
    """One line of the index."""

    speaker: str
    utterance: str
    corpus: str
    source: str  # path of the recording, relative to the corpus root
    size: int  # bytes of the recording
    mtime_ns: int  # its modification time
    sha256: str  # of the voiced part: what the recording says, whatever its format
    samples: int  # of the voiced part
    leading_blank_ms: float
    trailing_blank_ms: float

    @property
    def key(self) -> tuple[str, str]:
        """(speaker, utterance): what identifies an entry."""
        return self.speaker, self.utterance


class Entry(NamedTuple):
    """An utterance that was made, short of its place."""

    utterance: Utterance
    staged: Path | None  # its WAV file in the staging folder; None if what is cached says the same


@dataclass(frozen=True)
class Skipped:
    """A recording that can't be used."""

    path: Path
    reason: str


def audio_path(folder: Path, key: tuple[str, str]) -> Path:
    """Where the cache in `folder` keeps an utterance's WAV file; never outside the folder, whatever the names are."""
    speaker, utterance = map(_safe_name, key)
    return Path(folder, AUDIO_FOLDER, speaker, f"{utterance}.wav")


def is_whole(folder: Path, utterance: Utterance) -> bool:
    """Whether the WAV file is there in its full length; a look at its size, not at its content."""
    try:
        return audio_path(folder, utterance.key).stat().st_size == HEADER_SIZE + 2 * utterance.samples
    except OSError:
        return False


def read_signal(folder: Path, utterance: Utterance) -> np.ndarray:
    """The voiced part of a cached utterance: int16, shape = (samples,), at 8 kHz.

    Raises:
        CacheError: its file is gone or damaged.
    """
    path = audio_path(folder, utterance.key)
    try:
        signal = soundfile.read(path, dtype="int16")[0]
    except soundfile.LibsndfileError as error:
        raise CacheError(f"{path} is gone or damaged; cli.py --update_cache makes it again") from error
    if signal.shape != (utterance.samples,) or _digest(signal) != utterance.sha256:
        raise CacheError(f"{path} is damaged; delete it, and cli.py --update_cache makes it again")
    return signal


def make_entry(folder: Path, work: tuple[Recording, Utterance | None]) -> Entry | Skipped:
    """Make the entry of one recording, short of putting it in its place.

    Args:
        work: the recording, and what the index says of it so far.

    Raises:
        OSError: the staging folder can't be written to, or the disk is full.
    """
    recording, known = work
    path = recording.path
    try:
        stat = path.stat()
        if not S_ISREG(stat.st_mode):
            raise UnusableAudioError("neither a file nor a link to one")  # but a pipe, or a device, which may never end
        signal = decode(path)
        start, stop = checked_span(signal)
    except (UnusableAudioError, OSError) as error:
        kept = "; what was cached of it before is kept" if known is not None else ""
        return Skipped(path, f"{error}{kept}")
    voiced = signal[start:stop]
    corpora = [recording.corpus] if known is None else [known.corpus, recording.corpus]
    utterance = Utterance(
        speaker=recording.speaker,
        utterance=recording.utterance,
        corpus=max(corpora, key=len),  # a look at a part of the corpus unlearns no names
        source=recording.source,
        size=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
        sha256=_digest(voiced),
        samples=len(voiced),
        leading_blank_ms=1000 * start / SAMPLE_RATE,
        trailing_blank_ms=1000 * (len(signal) - stop) / SAMPLE_RATE,
    )
    if known is not None and known.sha256 == utterance.sha256 and is_whole(folder, known):
        return Entry(utterance, None)
    return Entry(utterance, _stage(folder, voiced))


def checked_span(signal: np.ndarray) -> tuple[int, int]:
    """`voiced_span` of a signal that can serve as an utterance.

    Raises:
        UnusableAudioError: it is silent, or too short between its outer silences.
    """
    if max(-int(signal.min()), int(signal.max())) < MINIMUM_PEAK:
        raise UnusableAudioError("silent")
    start, stop = voiced_span(signal)
    if stop - start < MINIMUM_VOICED:
        raise UnusableAudioError(f"too short: {1000 * (stop - start) / SAMPLE_RATE:.0f} ms between its silences")
    return start, stop


def _digest(signal: np.ndarray) -> str:
    return hashlib.sha256(signal.astype("<i2", copy=False)).hexdigest()


def _stage(folder: Path, signal: np.ndarray) -> Path:
    staged = temporary_name(folder / STAGING_FOLDER)
    with open(staged, "xb") as file, wave.open(file, "wb") as wav:
        wav.setparams((1, signal.itemsize, SAMPLE_RATE, len(signal), "NONE", ""))
        wav.writeframes(signal.tobytes())
    return staged


@lru_cache(1 << 12)
def _safe_name(name: str) -> str:
    """A file name for any text: no separators, no dots, no blanks; different texts get different names."""
    quoted = quote(name, safe="").replace(".", "%2E")
    if len(quoted) <= LONGEST_NAME:
        return quoted
    return f"{quoted[:LONGEST_NAME]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
