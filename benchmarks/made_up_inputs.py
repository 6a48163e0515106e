"""Training inputs of any size: random log mel values in the real format, as time and memory do not depend on speech."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import measure  # noqa: F401  (the project's root on sys.path)
import numpy as np

from audio.feature_settings import DEFAULT_FEATURES
from batcher.generate import LARGEST_FILE
from batcher.generate_shards import group_bytes
from batcher.inputs_file import (
    LOG_MEL_DTYPE,
    FrameStatistics,
    InputsHeader,
    InputsWriter,
    ShardRecord,
    UtteranceRecord,
    write_sharded,
)
from batcher.shard_folder import folder_of, new_shard
from batcher.splits import TEST, TRAIN, train_count

FRAMES_PER_HOUR = 360_000
UTTERANCE = 360  # frames, 3.6 s
VCTK_HOURS, VCTK_SPEAKERS = 44, 109


def write_inputs(
    path: Path, hours: float, speakers: int, largest_file: int = LARGEST_FILE, silent: bool = False
) -> None:
    """Write a full_inputs.pkl with `hours` of speech in utterances of equal length, each speaker's share the same.

    It has shards where inputs of as many hours would have them, in the folder that theirs would be in; or beyond
    another `largest_file`, in bytes of log mel values. If `silent`, frames are zeros, which take no disk in shards.
    """
    utterances = round(hours * FRAMES_PER_HOUR / UTTERANCE / speakers)  # of each speaker
    size = DEFAULT_FEATURES.size
    log_mel = np.random.default_rng(0).standard_normal((UTTERANCE, DEFAULT_FEATURES.log_mel_size)).astype(LOG_MEL_DTYPE)
    log_mel *= not silent
    names = [f"p{number}" for number in range(speakers)]
    header = InputsHeader(DEFAULT_FEATURES, (), tuple(names), "made up", speakers * utterances)
    statistics = FrameStatistics(np.zeros(size, np.float32), np.ones(size, np.float32))
    sides = [TRAIN if number < train_count(utterances) else TEST for number in range(utterances)]
    total = speakers * utterances * log_mel.nbytes
    if total > largest_file:
        of_each = -(-group_bytes(total) // (utterances * log_mel.nbytes))  # speakers of a shard
        write_sharded(path, header, [*_shards(folder_of(path), speakers, of_each, sides, log_mel)], statistics)
        return
    with open(path, "wb") as file:
        writer = InputsWriter(file, header)
        for name in names:
            for number, side in enumerate(sides):
                writer.add(UtteranceRecord("", name, "", str(number), side, 0, log_mel))
        writer.finish(statistics)


class _WithHoles:
    """A file to which zeros are not written: a file system that has holes gives them back all the same."""

    def __init__(self, file: BinaryIO):
        self._file = file

    def write(self, content: bytes) -> None:
        """Write bytes, or go as far forward."""
        if content.count(0) < len(content):
            self._file.write(content)
        else:
            self._file.seek(len(content), os.SEEK_CUR)


def inputs_bytes(path: Path) -> int:
    """How large training inputs are on disk, with their shards."""
    return sum(file.stat().st_size for file in (path, *folder_of(path).glob("*.shard")))


def _shards(folder: Path, speakers: int, of_each: int, sides: list[str], log_mel: np.ndarray) -> Iterator[ShardRecord]:
    folder.mkdir()
    for first in range(0, speakers, of_each):
        with new_shard(folder) as writer:
            writer.file = _WithHoles(writer.file)
            for label in range(first, min(first + of_each, speakers)):
                for number, side in enumerate(sides):
                    writer.add(label, str(number), side, [log_mel])
        yield writer.written
