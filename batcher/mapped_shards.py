"""Both sides of the data, as they are in shards."""

import mmap
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from batcher.inputs_file import LOG_MEL_DTYPE, InputsHeader, ShardRecord
from batcher.mapped_frames import MappedFrames
from batcher.shard_file import ShardTable, map_frames, read_table
from batcher.shard_folder import of_shard, shard_path
from batcher.speaker_split import SpeakerSplit
from batcher.utterance_names import UtteranceNames


def map_shards(folder: Path, header: InputsHeader, shards: Sequence[ShardRecord]) -> tuple[SpeakerSplit, SpeakerSplit]:
    """Read the tables of shards and map their frames into memory, without a look at these.

    Returns:
        the training and the test side; the frames of both are among the same.

    Raises:
        ValueError: a shard is missing, or not what it should be; the message names it.
        OSError: a file can't be read.
    """
    size = header.features.log_mel_size
    maps: list[mmap.mmap] = []
    tables: list[ShardTable] = []
    for shard in shards:
        path = shard_path(folder, shard.sha256)
        with of_shard(path):
            maps.append(map_frames(path, shard, size))
            tables.append(read_table(path, shard, header))
    frames = MappedFrames(maps, [shard.frames for shard in shards], size, LOG_MEL_DTYPE)
    return _sides(frames, tables, header)


def _sides(
    frames: MappedFrames, tables: Sequence[ShardTable], header: InputsHeader
) -> tuple[SpeakerSplit, SpeakerSplit]:
    labels, tests, lengths, letters, name_lengths = (
        np.concatenate([getattr(table, name) for table in tables])
        for name in ("labels", "tests", "lengths", "letters", "name_lengths")
    )
    starts = np.cumsum(lengths, dtype=np.int64) - lengths
    versions = np.where(tests, 1, 1 + header.copies)
    firsts = np.cumsum(versions) - versions  # the version of each utterance as it was recorded
    name_ends = np.cumsum(name_lengths, dtype=np.int64)
    name_ends = np.stack([name_ends - name_lengths, name_ends])

    def side(utterances: np.ndarray, copies: int) -> SpeakerSplit:
        rows = firsts[utterances] + np.arange(1 + copies)[:, None]
        of_side = labels[utterances].astype(np.int64)
        names = UtteranceNames(header.speakers, of_side, letters, name_ends[:, utterances])
        start, length = starts[rows], lengths[rows].astype(np.int64)
        return SpeakerSplit(frames, start[0], length[0], of_side, start[1:], length[1:], names)

    return side(np.flatnonzero(~tests), header.copies), side(np.flatnonzero(tests), 0)
