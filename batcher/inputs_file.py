"""The format of `full_inputs.pkl`: its records, and how they are written.

The file is a sequence of pickles (see `restricted_pickle`), written and read one at a time so that memory stays flat:

    header     `InputsHeader`
    utterance  `UtteranceRecord`, one for each utterance in order of speaker; after it, if it trains, its disturbed
               copies (1, 2, …), see `copies`
    footer     `FrameStatistics`

Of a large corpus the utterances are in shards beside the file (see `shard_file` and `shard_folder`), and in their place
stands a `ShardRecord` for each shard, in order of speaker.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from audio.feature_settings import FeatureSettings
from batcher.restricted_pickle import write_record
from batcher.splits import SIDES
from storage.atomic import atomic_file
from storage.fields import Fields

# 5 called log mel values powers, 4 had no copies and kept frames without speech, 3 named speakers without corpora
FORMAT = "deep-speaker-inputs-6"
SHARDED_FORMAT = "deep-speaker-inputs-7"  # only of what is in shards: one file stays what it was
LOG_MEL_DTYPE = np.float16  # half the size; its rounding, 0.03 dB, is a hundredth of a feature's deviation

_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class InputsHeader:
    """What the inputs are made of, and how many utterances follow."""

    features: FeatureSettings
    held_out: tuple[str, ...]  # speakers, as they were named
    speakers: tuple[str, ...]  # those who train, as `corpus/name`
    cache_sha256: str  # of the utterances, see `selection.fingerprint`
    utterances: int
    copies: int = 0  # of each training utterance
    noises_sha256: str = ""  # of the recordings that copies were mixed with, see `surroundings`
    responses_sha256: str = ""
    shards: int = 0  # that hold the utterances; 0 if these follow

    @classmethod
    def from_json(cls, value: object) -> "InputsHeader":
        """Read a header.

        Raises:
            ValueError: it is of another format, or a field is missing, unknown, of another type, or makes no sense.
        """
        written = value.get("format") if isinstance(value, dict) else None
        if not isinstance(written, str) or written not in (FORMAT, SHARDED_FORMAT):
            raise ValueError(f"it is not of the format {FORMAT} or {SHARDED_FORMAT}")
        fields = Fields(value)
        fields.take("format", str)
        header = cls(
            features=FeatureSettings.from_json(fields.take("features", dict)),
            held_out=_names(fields, "held_out"),
            speakers=_names(fields, "speakers"),
            cache_sha256=fields.take("cache_sha256", str),
            utterances=fields.whole("utterances"),
            copies=fields.whole("copies"),
            noises_sha256=fields.take("noises_sha256", str),
            responses_sha256=fields.take("responses_sha256", str),
            shards=fields.whole("shards", 1) if written == SHARDED_FORMAT else 0,
        )
        fields.end()
        return header

    def as_json(self) -> dict[str, Any]:
        """The format and the fields under their names, as `from_json` reads them."""
        lists = {"held_out": list(self.held_out), "speakers": list(self.speakers)}
        fields = {"format": SHARDED_FORMAT, **vars(self), "features": asdict(self.features), **lists}
        if not self.shards:
            del fields["shards"]
            fields["format"] = FORMAT
        return fields


@dataclass(frozen=True)
class UtteranceRecord:
    """An utterance, or a disturbed copy of one."""

    corpus: str
    speaker: str
    session: str
    utterance: str
    side: str  # one of `splits.SIDES`
    copy: int  # 0 for the utterance as it was recorded
    log_mel: np.ndarray  # (frames, 1 + filters) float16, natural logarithms

    @classmethod
    def from_record(cls, value: object, size: int) -> "UtteranceRecord":
        """Read a record with `size` log mel values a frame.

        Raises:
            ValueError: a field is missing, unknown, of another type, or makes no sense.
        """
        fields = Fields(value)
        record = cls(
            corpus=fields.take("corpus", str),
            speaker=fields.take("speaker", str),
            session=fields.take("session", str),
            utterance=fields.take("utterance", str),
            side=fields.take("side", str),
            copy=fields.whole("copy"),
            log_mel=fields.take("log_mel", np.ndarray),
        )
        fields.end()
        if record.side not in SIDES:
            raise ValueError(f"expected a side of {' or '.join(SIDES)}. Received another")
        log_mel = record.log_mel
        if log_mel.dtype != LOG_MEL_DTYPE or log_mel.shape[1:] != (size,) or not log_mel.size:
            raise ValueError(f"expected float16 log mel values (frames, {size}). Received {log_mel.shape}")
        if not np.isfinite(log_mel).all():
            raise ValueError("it holds log mel values that are NaN or infinite")
        return record


@dataclass(frozen=True)
class ShardRecord:
    """A shard, and what is in it."""

    sha256: str  # of the file, which is also its name
    bytes: int
    utterances: int
    frames: int  # of the utterances and their copies

    @classmethod
    def from_record(cls, value: object, size: int) -> "ShardRecord":
        """Read a record of a shard with `size` log mel values a frame.

        Raises:
            ValueError: a field is missing, unknown, of another type, or makes no sense.
        """
        fields = Fields(value)
        record = cls(
            sha256=fields.take("sha256", str),
            bytes=fields.whole("bytes"),
            utterances=fields.whole("utterances", 1),
            frames=fields.whole("frames", 1),
        )
        fields.end()
        if not _SHA256.fullmatch(record.sha256):
            raise ValueError("expected the SHA-256 of a shard. Received another text")
        if record.table_at(size) >= record.bytes:
            raise ValueError(f"expected a shard with room for {record.frames} frames. Received {record.bytes} bytes")
        return record

    def table_at(self, size: int) -> int:
        """Where the table begins, behind the frames of `size` values each: a byte of the file."""
        return self.frames * size * np.dtype(LOG_MEL_DTYPE).itemsize


@dataclass(frozen=True)
class FrameStatistics:
    """Mean and deviation of the cepstra of the *training* frames, as they were recorded; each (features,) float32."""

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def from_record(cls, value: object, size: int) -> "FrameStatistics":
        """Read a record of `size` features.

        Raises:
            ValueError: a field is missing, unknown, of another type, or makes no sense.
        """
        fields = Fields(value)
        mean, deviation = (fields.take(name, np.ndarray) for name in ("mean", "deviation"))
        fields.end()
        for values in (mean, deviation):
            if values.dtype != np.float32 or values.shape != (size,) or not np.isfinite(values).all():
                raise ValueError(
                    f"expected finite float32 statistics ({size},). Received {values.dtype} {values.shape}"
                )
        if not (deviation > 0).all():
            raise ValueError("expected deviations above zero")
        return cls(mean, deviation)


class InputsWriter:
    """Writes records in order: the header at once, then each utterance and its copies, or each shard, then `finish`."""

    def __init__(self, file: BinaryIO, header: InputsHeader):
        self._file, self._log_mel_size = file, header.features.log_mel_size
        self._missing, self._missing_shards = header.utterances, header.shards
        write_record(file, header.as_json())

    def add(self, record: UtteranceRecord) -> None:
        """Append an utterance, or the next copy of the one before.

        Raises:
            ValueError: its log mel values are of another size than the header says.
        """
        if record.log_mel.shape[1:] != (self._log_mel_size,):
            raise ValueError(f"expected (frames, {self._log_mel_size}). Received {record.log_mel.shape}")
        self._missing -= not record.copy
        write_record(self._file, dict(vars(record)))

    def add_shard(self, record: ShardRecord) -> None:
        """Append a shard, in the place of the utterances in it."""
        self._missing -= record.utterances
        self._missing_shards -= 1
        write_record(self._file, dict(vars(record)))

    def finish(self, statistics: FrameStatistics) -> None:
        """Append the footer.

        Raises:
            ValueError: there were fewer or more utterances or shards than the header says.
        """
        if self._missing_shards:
            raise ValueError(f"expected as many shards as the header says. Received {-self._missing_shards:+d}")
        if self._missing:
            raise ValueError(f"expected as many utterances as the header says. Received {-self._missing:+d}")
        write_record(self._file, dict(vars(statistics)))


def write_sharded(path: Path, header: InputsHeader, shards: Sequence[ShardRecord], statistics: FrameStatistics) -> None:
    """Replace `path` by a file that names shards, which are on the disk already; the header need not count them."""
    with atomic_file(path) as file:
        writer = InputsWriter(file, replace(header, shards=len(shards)))
        for shard in shards:
            writer.add_shard(shard)
        writer.finish(statistics)


def footer_bytes(size: int) -> int:
    """How long the last record is, of statistics of `size` features."""
    file = io.BytesIO()
    write_record(file, dict(vars(FrameStatistics(np.zeros(size, np.float32), np.ones(size, np.float32)))))
    return file.tell()


def _names(fields: Fields, name: str) -> tuple[str, ...]:
    names = fields.texts(name)
    if len(set(names)) < len(names):
        raise ValueError(f"{name} names a speaker twice")
    return names
