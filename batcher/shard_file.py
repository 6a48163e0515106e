"""The format of a shard: a group of speakers' utterances, in a file of its own.

    frames  float16 (frames, 1 + filters), of each utterance in order of speaker, and of its copies after it
    table   a pickle (see `restricted_pickle`) of the fields of `ShardTable`

The frames come first, so that they can be mapped into memory as they are, and so that whoever makes them need not hold
them. Which bytes are which, `full_inputs.pkl` says (`inputs_file.ShardRecord`).
"""

import hashlib
import io
import mmap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from batcher.inputs_file import InputsHeader, ShardRecord
from batcher.restricted_pickle import read_records, write_record
from batcher.splits import TEST
from batcher.utterance_names import check_letters, letters_of
from storage.fields import Fields

BLOCK = 1 << 22  # bytes that are digested at once
MAGNITUDE, INFINITE = 0x7FFF, 0x7C00  # of a float16: all bits but the sign, from which on it is infinite or NaN


@dataclass(frozen=True)
class ShardTable:
    """What the frames of a shard are of; a version is an utterance as it was recorded, or a copy of it."""

    labels: np.ndarray  # (utterances,) int32, index into the header's speakers
    tests: np.ndarray  # (utterances,) bool, whether it is on the test side
    lengths: np.ndarray  # (versions,) int32, frames: of an utterance, and if it trains, of its copies
    letters: np.ndarray  # (bytes,) uint8, the utterances' names, see `utterance_names`
    name_lengths: np.ndarray  # (utterances,) int32, bytes of each

    @classmethod
    def from_record(cls, value: object, shard: ShardRecord, header: InputsHeader) -> "ShardTable":
        """Read the table of a shard.

        Raises:
            ValueError: a field is missing, unknown, of another type, or does not go with the others, or with what the
                header and the record say.
        """
        fields = Fields(value)
        names = "labels", "tests", "lengths", "letters", "name_lengths"
        table = cls(*(fields.take(name, np.ndarray) for name in names))
        fields.end()
        for name in ("labels", "tests", "name_lengths"):
            _check_column(name, getattr(table, name), bool if name == "tests" else np.int32, shard.utterances)
        if table.tests.view(np.uint8).max(initial=0) > 1:  # which would be true, and still be true if it was negated
            raise ValueError("expected sides that are true or false. Received others")
        _check_column("lengths", table.lengths, np.int32, shard.utterances + header.copies * int((~table.tests).sum()))
        if (table.lengths < 1).any() or table.lengths.sum(dtype=np.int64) != shard.frames:
            raise ValueError(f"expected utterances of {shard.frames} frames. Received others")
        if (table.labels < 0).any() or (table.labels >= len(header.speakers)).any():
            raise ValueError("expected speakers whom its header names. Received others")
        check_letters(table.letters, table.name_lengths)
        return table


def _check_column(name: str, column: np.ndarray, dtype: type, rows: int) -> None:
    if column.dtype != dtype or column.shape != (rows,):
        raise ValueError(f"expected {name} ({rows},) {np.dtype(dtype)}. Received {column.shape} {column.dtype}")


class ShardWriter:
    """Writes utterances with their copies one after another, then `finish` the table."""

    def __init__(self, file: BinaryIO):
        self.file, self._digest = file, hashlib.sha256()
        self._bytes = self._frames = 0
        self._labels: list[int] = []
        self._tests: list[bool] = []
        self._lengths: list[int] = []
        self._names: list[str] = []

    def add(self, label: int, name: str, side: str, versions: Iterable[np.ndarray]) -> None:
        """Append an utterance and its copies, (frames, 1 + filters) float16 each."""
        self._labels.append(label)
        self._tests.append(side == TEST)
        self._names.append(name)
        for log_mel in versions:
            self._lengths.append(len(log_mel))
            self._frames += len(log_mel)
            self._write(log_mel.tobytes())

    def _write(self, content: bytes) -> None:
        self._digest.update(content)
        self._bytes += len(content)
        self.file.write(content)

    def finish(self) -> None:
        """Append the table."""
        letters, name_lengths = letters_of(self._names)
        labels, lengths = np.array(self._labels, np.int32), np.array(self._lengths, np.int32)
        table = ShardTable(labels, np.array(self._tests, bool), lengths, letters, name_lengths)
        record = io.BytesIO()
        write_record(record, dict(vars(table)))
        self._write(record.getvalue())

    @property
    def written(self) -> ShardRecord:
        """What was written so far."""
        return ShardRecord(self._digest.hexdigest(), self._bytes, len(self._names), self._frames)


def read_table(path: Path, shard: ShardRecord, header: InputsHeader) -> ShardTable:
    """Read the table at the end of a shard, whose size is known to be right.

    Raises:
        ValueError: it does not fit.
        UnsafePickleError: it is no table.
    """
    records = [*read_records(path, shard.table_at(header.features.log_mel_size))]
    if len(records) != 1:
        raise ValueError(f"expected one table. Received {len(records)}")
    return ShardTable.from_record(records[0], shard, header)


def check_size(path: Path, shard: ShardRecord) -> None:
    """See whether a shard is there, and as long as it was.

    Raises:
        ValueError: it is not.
    """
    if not path.is_file():
        raise ValueError("it is missing")
    if (size := path.stat().st_size) != shard.bytes:
        raise ValueError(f"expected {shard.bytes} bytes. Received {size}")


def map_frames(path: Path, shard: ShardRecord, size: int) -> mmap.mmap:
    """Map the frames of a shard into memory, of `size` values each.

    Raises:
        ValueError: the file is gone, or of another size than the record says.
        OSError: it can't be opened.
    """
    check_size(path, shard)
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), shard.table_at(size), access=mmap.ACCESS_READ)


def check_content(path: Path, shard: ShardRecord, size: int) -> None:
    """Read all of a shard, and compare it with its digest.

    Raises:
        ValueError: it has another one, or log mel values that are no finite numbers.
        OSError: it can't be read.
    """
    digest, left, finite = hashlib.sha256(), shard.table_at(size) // 2, True
    block = np.empty(BLOCK // 2, np.uint16)
    with path.open("rb") as file:
        while count := file.readinto(block.data.cast("B")):
            digest.update(block.data.cast("B")[:count])
            finite &= not ((block[: min(count // 2, left)] & MAGNITUDE) >= INFINITE).any()
            left = max(left - count // 2, 0)
    if digest.hexdigest() != shard.sha256:
        raise ValueError("its content is not what was written, by its SHA-256")
    if not finite:
        raise ValueError("it holds log mel values that are NaN or infinite")
