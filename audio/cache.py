"""The utterance cache: each recording once, decoded, at 8 kHz, without its outer silence.

    <cache>/cache.json                      the mark of a folder that this tool wrote, and its settings
    <cache>/index.jsonl                     one line per utterance, see `Utterance`
    <cache>/audio/<speaker>/<utterance>.wav the voiced part, 16-bit mono

The index grows by a line as each utterance is finished and is sorted when the run ends; a line torn by a crash is
ignored, and its utterance done again.
"""

import dataclasses
import hashlib
import io
import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

import numpy as np
import soundfile
from tqdm import tqdm

from audio.decode import RESAMPLER_QUALITY, SAMPLE_RATE, UnusableAudioError, decode
from audio.parallel import parallel_map
from audio.scan import Recording
from audio.silence import SILENCE_PERCENTILE, voiced_span
from storage.atomic import TEMPORARY_PREFIX, atomic_file, write_atomically
from storage.errors import UserError
from storage.lock import folder_lock

FORMAT = 1
SETTINGS = {
    "format": FORMAT,
    "sample_rate": SAMPLE_RATE,
    "resampler": f"soxr {RESAMPLER_QUALITY}",
    "silence_percentile": SILENCE_PERCENTILE,
}
MARKER_NAME = "cache.json"
INDEX_NAME = "index.jsonl"
AUDIO_FOLDER = "audio"
INPUTS_NAME = "full_inputs.pkl"  # written by batcher/, deleted with the cache it came from

MINIMUM_PEAK = 32  # of 32768, -60 dB: anything quieter is silence
MINIMUM_VOICED = SAMPLE_RATE // 10  # samples, 0.1 s
LONGEST_NAME = 120  # characters of an entry's file name, well below every file system's limit

logger = logging.getLogger(__name__)


class CacheError(UserError):
    """The cache can't serve; the message says why and what to do."""


@dataclass(frozen=True)
class Utterance:
    """One line of the index."""

    speaker: str
    utterance: str
    corpus: str
    source: str  # path of the recording, relative to the corpus root
    size: int  # bytes of the recording
    mtime_ns: int  # its modification time
    sha256: str  # of its content
    samples: int  # of the voiced part
    leading_blank_ms: float
    trailing_blank_ms: float

    @property
    def key(self) -> tuple[str, str]:
        """(speaker, utterance): what identifies an entry."""
        return self.speaker, self.utterance


@dataclass(frozen=True)
class Skipped:
    """A recording that can't be used."""

    path: Path
    reason: str


@dataclass(frozen=True)
class CacheReport:
    """What a run did."""

    added: int
    unchanged: int
    skipped: tuple[Skipped, ...]


class UtteranceCache:
    """The cache in one folder. Opening it reads the index; nothing is created before `update`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.utterances = _read_index(folder)

    @classmethod
    def open(cls, folder: Path) -> "UtteranceCache":
        """Open a cache that must exist.

        Raises:
            CacheError: nothing is cached in `folder`.
        """
        cache = cls(folder)
        if not cache.utterances:
            raise CacheError(f"no cached utterances in {folder}; run cli.py --regenerate_full_cache first")
        return cache

    def speakers(self) -> list[str]:
        """Names in order."""
        return sorted({speaker for speaker, _ in self.utterances})

    def known_speakers(self) -> set[tuple[str, str]]:
        """(speaker, corpus) pairs."""
        return {(entry.speaker, entry.corpus) for entry in self.utterances.values()}

    def of_speaker(self, speaker: str) -> list[Utterance]:
        """A speaker's utterances in order of name; empty for an unknown one."""
        return [entry for _, entry in sorted(self.utterances.items()) if entry.speaker == speaker]

    def update(self, recordings: list[Recording], workers: int = 1) -> CacheReport:
        """Add what is new or changed in `recordings`; keep everything else.

        Raises:
            CacheError: the folder holds other files and is not a cache.
            OSError: it can't be written to, or the disk is full.
        """
        self.check_ownership()
        with folder_lock(self.folder):
            self._adopt_settings()
            pending = [recording for recording in recordings if not self._is_current(recording)]
            work = partial(_cache_one, self.folder)
            added, skipped = 0, []
            with open(self.folder / INDEX_NAME, "a", encoding="utf-8") as index:
                for outcome in _progress(parallel_map(work, pending, workers), len(pending)):
                    if isinstance(outcome, Skipped):
                        skipped.append(outcome)
                        continue
                    added += 1
                    self.utterances[outcome.key] = outcome
                    index.write(_index_line(outcome))
            self._sort_index()
        return CacheReport(added, len(recordings) - len(pending), tuple(skipped))

    def owned_files(self) -> list[Path]:
        """Every file in the folder that this tool wrote for the cache; trained models are not among them."""
        named = [self.folder / name for name in (INDEX_NAME, INPUTS_NAME)]
        entries = [_audio_path(self.folder, key) for key in self.utterances]
        left_over = self.folder.rglob(f"{TEMPORARY_PREFIX}*") if self.utterances else ()
        return [path for path in (*entries, *left_over, *named) if path.is_file() and not path.is_symlink()]

    def clear(self) -> int:
        """Delete `owned_files` and the folders that this empties; return how many files went.

        Raises:
            CacheError: the folder holds other files and is not a cache.
        """
        self.check_ownership()
        with folder_lock(self.folder):
            files = self.owned_files()
            for path in files:
                path.unlink()
            for speaker_folder in {path.parent for path in files} - {self.folder}:
                if not any(speaker_folder.iterdir()):
                    speaker_folder.rmdir()
            self.utterances = {}
        return len(files)

    def check_ownership(self) -> None:
        """Refuse a folder with files in it that bears no mark of ours.

        Raises:
            CacheError: as said, or `folder` is a file.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise CacheError(f"{self.folder} is a file; name a folder for the cache")
        if self.folder.is_dir() and not (self.folder / MARKER_NAME).is_file() and any(self.folder.iterdir()):
            raise CacheError(f"{self.folder} holds files but is not a cache of this tool; name an empty or new folder")

    def _adopt_settings(self) -> None:
        """Write the mark; entries made under other settings are forgotten, so that they are made again."""
        marker = self.folder / MARKER_NAME
        if marker.is_file() and _json_or_none(marker.read_text(encoding="utf-8")) != SETTINGS:
            logger.warning("the cache in %s was made with other settings; every utterance is done again", self.folder)
            self.utterances = {}
        write_atomically(marker, json.dumps(SETTINGS, indent=2) + "\n")

    def _is_current(self, recording: Recording) -> bool:
        entry = self.utterances.get((recording.speaker, recording.utterance))
        if entry is None or not _audio_path(self.folder, entry.key).is_file():
            return False
        try:
            stat = recording.path.stat()
        except OSError:
            return False
        return (entry.size, entry.mtime_ns) == (stat.st_size, stat.st_mtime_ns)

    def _sort_index(self) -> None:
        lines = (_index_line(entry) for _, entry in sorted(self.utterances.items()))
        write_atomically(self.folder / INDEX_NAME, "".join(lines))


def read_signal(folder: Path, utterance: Utterance) -> np.ndarray:
    """The voiced part of a cached utterance: int16, shape = (samples,), at 8 kHz.

    Raises:
        CacheError: its file is gone or damaged.
    """
    path = _audio_path(folder, utterance.key)
    try:
        return soundfile.read(path, dtype="int16")[0]
    except soundfile.LibsndfileError as error:
        raise CacheError(f"{path} is gone or damaged; cli.py --update_cache makes it again") from error


def _cache_one(folder: Path, recording: Recording) -> Utterance | Skipped:
    """Do one recording, in a worker process."""
    try:
        stat = recording.path.stat()
        with open(recording.path, "rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        signal = decode(recording.path)
        start, stop = _checked_span(signal)
    except (UnusableAudioError, OSError) as error:
        return Skipped(recording.path, str(error))
    utterance = Utterance(
        recording.speaker,
        recording.utterance,
        recording.corpus,
        recording.source,
        stat.st_size,
        stat.st_mtime_ns,
        sha256,
        stop - start,
        1000 * start / SAMPLE_RATE,
        1000 * (len(signal) - stop) / SAMPLE_RATE,
    )
    _write_wav(_audio_path(folder, utterance.key), signal[start:stop])
    return utterance


def _checked_span(signal: np.ndarray) -> tuple[int, int]:
    if np.abs(signal.astype(np.int32)).max() < MINIMUM_PEAK:
        raise UnusableAudioError("silent")
    start, stop = voiced_span(signal)
    if stop - start < MINIMUM_VOICED:
        raise UnusableAudioError(f"too short: {1000 * (stop - start) / SAMPLE_RATE:.0f} ms between its silences")
    return start, stop


def _write_wav(path: Path, signal: np.ndarray) -> None:
    wav = io.BytesIO()
    soundfile.write(wav, signal, SAMPLE_RATE, subtype="PCM_16", format="WAV")
    with atomic_file(path, durable=False) as file:  # cheap to make again, and the run ends with a flushed index
        file.write(wav.getbuffer())


def _audio_path(folder: Path, key: tuple[str, str]) -> Path:
    speaker, utterance = map(_safe_name, key)
    return folder / AUDIO_FOLDER / speaker / f"{utterance}.wav"


def _safe_name(name: str) -> str:
    """A file name for any text: no separators, no dots, no blanks; different texts get different names."""
    quoted = quote(name, safe="").replace(".", "%2E")
    if len(quoted) <= LONGEST_NAME:
        return quoted
    return f"{quoted[:LONGEST_NAME]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _index_line(utterance: Utterance) -> str:
    return json.dumps(dataclasses.asdict(utterance), ensure_ascii=False) + "\n"


def _read_index(folder: Path) -> dict[tuple[str, str], Utterance]:
    index = folder / INDEX_NAME
    if not index.is_file():
        return {}
    utterances = {}
    for line in index.read_text(encoding="utf-8", errors="replace").splitlines():
        record = _json_or_none(line)
        if isinstance(record, dict) and record.keys() == {field.name for field in dataclasses.fields(Utterance)}:
            entry = Utterance(**record)
            utterances[entry.key] = entry
    return utterances


def _json_or_none(text: str) -> object | None:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _progress(outcomes: Iterable, total: int) -> Iterator:
    return tqdm(outcomes, total=total, unit="file", desc="cache")
