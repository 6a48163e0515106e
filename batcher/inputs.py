"""Training inputs: the log mel values of every training speaker, each utterance's frames once.

They are in memory, or if they are many, in shards that are mapped into it (`shard_file`). They become cepstra when
windows of them are drawn (`batcher.sampling`), after what is done to them to make speakers and recordings more varied.
Statistics of the training set alone normalise everything, tests and held-out speakers included: v1 took those of each
speaker, train and test together, which gave the speaker away to the network. The format of the file is that of
`inputs_file`.
"""

import reprlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio.feature_settings import FeatureSettings
from batcher.inputs_file import (
    LOG_MEL_DTYPE,
    FrameStatistics,
    InputsHeader,
    ShardRecord,
    UtteranceRecord,
    footer_bytes,
)
from batcher.mapped_shards import map_shards
from batcher.restricted_pickle import UnsafePickleError, read_records
from batcher.shard_folder import check_shards, check_sizes, folder_of
from batcher.speaker_split import SpeakerSplit
from batcher.splits import TEST, TRAIN
from corpus.recording import Speaker
from storage.errors import UserError


class InputsError(UserError):
    """`full_inputs.pkl` can't be made or used; the message says why and what to do."""


@dataclass(frozen=True)
class TrainingInputs:
    """What `full_inputs.pkl` holds."""

    speakers: tuple[str, ...]  # as `corpus/name`
    held_out: tuple[str, ...]  # as they were named
    feature_settings: FeatureSettings
    cache_sha256: str  # what it was made of, see `selection.fingerprint`
    mean: np.ndarray  # (60,) float32, of the training frames' features
    deviation: np.ndarray  # (60,) float32
    train: SpeakerSplit
    test: SpeakerSplit


def load_inputs(path: Path) -> TrainingInputs:
    """Read `full_inputs.pkl` without running anything in it; its shards are checked, mapped into memory, and stay open.

    Raises:
        InputsError: missing, damaged, of another format, or a pickle that is not ours; or a shard is.
        OSError: a file can't be read.
    """
    with _usable(path):
        records = read_records(path)
        header = InputsHeader.from_json(_next(records))
        if not header.shards:
            return _assemble(header, records)
        shards, statistics = _read_shard_records(header, records)
        train, test = map_shards(folder_of(path), header, shards)
        check_shards(folder_of(path), shards, header.features.log_mel_size)
        return _made_of(header, statistics, train, test)


def read_ends(path: Path) -> InputsHeader:
    """Read the header and the last record of `full_inputs.pkl`, and look at the sizes of shards.

    So all is there; whether all of it is whole remains to be seen.

    Raises:
        InputsError: as `load_inputs`.
    """
    with _usable(path):
        records = read_records(path)
        header = InputsHeader.from_json(_next(records))
        size = header.features.size
        if header.shards:
            check_sizes(folder_of(path), _read_shard_records(header, records)[0])
            return header
        footer = max(path.stat().st_size - footer_bytes(size), 0)
        FrameStatistics.from_record(_next(read_records(path, footer)), size)
        return header


def _read_shard_records(header: InputsHeader, records: Iterator[object]) -> tuple[list[ShardRecord], FrameStatistics]:
    """Read what follows the header of inputs in shards."""
    shards = [ShardRecord.from_record(_next(records), header.features.log_mel_size) for _ in range(header.shards)]
    statistics = FrameStatistics.from_record(_next(records), header.features.size)
    _expect_end(records)
    if sum(shard.utterances for shard in shards) != header.utterances:
        raise ValueError(f"expected shards of {header.utterances} utterances. Received others")
    return shards, statistics


@contextmanager
def _usable(path: Path) -> Iterator[None]:
    """Say of what is raised inside that `path` can't be used.

    Raises:
        InputsError: there is no such file, or it is not usable.
    """
    if not path.is_file():
        raise InputsError(f"no training inputs at {path}; run --generate_training_inputs first")
    try:
        yield
    except (UnsafePickleError, ValueError) as error:
        raise InputsError(
            f"{path} is not usable as training inputs: {error}. Nothing in it was run; "
            "make it again with --generate_training_inputs"
        ) from error


def _assemble(header: InputsHeader, records: Iterator[object]) -> TrainingInputs:
    """Read the utterances of inputs that are one file."""
    size = header.features.log_mel_size
    labels = {name: label for label, name in enumerate(header.speakers)}
    sides = {TRAIN: _SplitBuilder(size, header.copies), TEST: _SplitBuilder(size, 0)}
    for _ in range(header.utterances):
        utterance = UtteranceRecord.from_record(_next(records), size)
        if utterance.copy:
            raise ValueError("expected copy 0 of an utterance. Received another")
        side = sides[utterance.side]
        side.add(utterance, labels)
        for number in range(1, side.copies + 1):
            copy = UtteranceRecord.from_record(_next(records), size)
            _check_copy(copy, number, utterance)
            side.add(copy, labels)
    statistics = FrameStatistics.from_record(_next(records), header.features.size)
    _expect_end(records)
    return _made_of(header, statistics, sides[TRAIN].build(), sides[TEST].build())


def _expect_end(records: Iterator[object]) -> None:
    for _ in records:
        raise ValueError("something follows its last record")


def _made_of(
    header: InputsHeader, statistics: FrameStatistics, train: SpeakerSplit, test: SpeakerSplit
) -> TrainingInputs:
    silent = len(set(range(len(header.speakers))) - set(train.labels.tolist()))
    if silent or not header.speakers:
        raise ValueError(
            f"it holds no training utterances of {silent} of the {len(header.speakers)} speakers that it names"
        )
    return TrainingInputs(
        speakers=header.speakers,
        held_out=header.held_out,
        feature_settings=header.features,
        cache_sha256=header.cache_sha256,
        mean=statistics.mean,
        deviation=statistics.deviation,
        train=train,
        test=test,
    )


def _next(records: Iterator[object]) -> object:
    for record in records:
        return record
    raise ValueError("cut short")


def _check_copy(copy: UtteranceRecord, number: int, utterance: UtteranceRecord) -> None:
    if copy.copy != number:
        raise ValueError(f"expected copy {number} of an utterance. Received another")
    if any(getattr(copy, name) != getattr(utterance, name) for name in ("corpus", "speaker", "utterance", "side")):
        raise ValueError("it holds a copy of another utterance than the one before")


class _SplitBuilder:
    """Collects utterances in one growing block, so that no second copy of the data is ever made."""

    def __init__(self, size: int, copies: int):
        """Collect log mel values of `size` values a frame, of utterances that each have so many copies after them."""
        self.size = size
        self.copies = copies
        self.block = bytearray()
        self.lengths: list[int] = []
        self.labels: list[int] = []
        self.names: list[str] = []  # of those that are no copies

    def add(self, record: UtteranceRecord, labels: dict[str, int]) -> None:
        """Append an utterance or a copy; `labels` are those of the speakers, by name."""
        speaker = str(Speaker(record.corpus, record.speaker))
        if speaker not in labels:
            raise ValueError(f"expected a speaker whom its header names. Received {reprlib.repr(speaker)}")
        self.block += record.log_mel.tobytes()
        self.lengths.append(len(record.log_mel))
        self.labels.append(labels[speaker])
        if not record.copy:
            self.names.append(f"{speaker}/{record.utterance}")

    def build(self) -> SpeakerSplit:
        rows = (1 + self.copies, -1)  # the utterance as it was recorded, and its copies
        lengths, labels = np.array(self.lengths, np.int64), np.array(self.labels, np.int64)
        starts = np.cumsum(lengths) - lengths
        starts, lengths, labels = (array.reshape(rows, order="F") for array in (starts, lengths, labels))
        log_mel = np.frombuffer(self.block, LOG_MEL_DTYPE).reshape(-1, self.size)
        return SpeakerSplit(log_mel, starts[0], lengths[0], labels[0], starts[1:], lengths[1:], tuple(self.names))
