"""Make the shards of large inputs: a group of speakers each, written whole by the worker that makes it.

Workers find everything by paths and hand over a name, so that it does not matter where they are. A shard depends on its
utterances and settings alone, not on who makes it, or how many do; to make one again, because a worker was lost, is to
write the same file once more.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from audio.decode import SAMPLE_RATE
from audio.feature_settings import FeatureSettings
from batcher.copies import versions_of
from batcher.inputs_file import LOG_MEL_DTYPE, SHARDED_FORMAT, InputsHeader
from batcher.recipe import Ingredients, Plan
from batcher.running_statistics import RunningStatistics
from batcher.shard_folder import Receipt, delete_unfinished, new_shard
from batcher.splits import TRAIN
from cache.index import Utterance
from deep_speaker import __version__
from storage.atomic import make_folders
from storage.parallel import Workers, parallel_map
from storage.progress import progress

GROUP = 1 << 28  # bytes of log mel values, from which on a group of speakers is a shard
MOST_SHARDS = 400  # about: training holds them open, each of which takes one of 1,024 descriptors


class Member(NamedTuple):
    """An utterance of a group."""

    plan: Plan
    side: str
    label: int  # of its speaker


@dataclass(frozen=True)
class Making:
    """What all shards of a set are made with."""

    cache: Path
    folder: Path  # of the shards
    settings: FeatureSettings
    noises_sha256: str
    responses_sha256: str


def log_mel_bytes(utterance: Utterance, side: str, settings: FeatureSettings, copies: int) -> int:
    """How many bytes of log mel values an utterance and its copies have, if there is speech in all of it."""
    frames = utterance.samples // round(settings.frame_step * SAMPLE_RATE)
    row = settings.log_mel_size * LOG_MEL_DTYPE().itemsize
    return frames * row * (1 + (copies if side == TRAIN else 0))


def group_bytes(total: int) -> int:
    """How many bytes of log mel values fill a shard, where there are `total`."""
    return max(GROUP, total // MOST_SHARDS)


def groups(planned: Iterable[tuple[Plan, str]], header: InputsHeader, total: int) -> Iterator[list[Member]]:
    """Put speakers together, in order, until a group is large enough for a shard.

    Args:
        planned: utterances in order of speaker, each with its side.
        total: bytes of log mel values of all of them.
    """
    labels = {name: label for label, name in enumerate(header.speakers)}
    enough, group, size = group_bytes(total), [], 0
    for speaker, utterances in groupby(planned, key=lambda one: one[0].utterance.whose):
        for plan, side in utterances:
            group.append(Member(plan, side, labels[str(speaker)]))
            size += log_mel_bytes(plan.utterance, side, header.features, header.copies)
        if size >= enough:
            yield group
            group, size = [], 0
    if group:
        yield group


def make_shards(
    making: Making, grouped: Iterable[list[Member]], utterances: int, workers: Workers
) -> tuple[list[Receipt], RunningStatistics]:
    """Make a shard of each group, but for those that an earlier generation finished before it was killed.

    Args:
        utterances: in all groups.

    Returns:
        what was made, in the groups' order, and the statistics of all training frames.
    """
    make_folders(making.folder)
    delete_unfinished(making.folder)
    receipts, statistics = [], RunningStatistics(making.settings)
    with (
        progress("inputs", utterances, "file") as bar,
        closing(parallel_map(partial(_make_shard, making), grouped, workers, chunk=1)) as keys,
    ):
        for key in keys:
            receipt = Receipt.read(making.folder, key, making.settings)
            if receipt is None:
                raise OSError(f"the receipt of a shard that was just made can't be read in {making.folder}")
            receipts.append(receipt)
            statistics.include(receipt.statistics)
            bar.update(receipt.shard.utterances)
    return receipts, statistics


def _make_shard(making: Making, group: Sequence[Member]) -> str:
    """Write the shard of a group and a receipt for it, unless both are there; returns what the receipt is called."""
    key = _key(making, group)
    earlier = Receipt.read(making.folder, key, making.settings)
    if earlier is not None and earlier.holds(making.folder, making.settings.log_mel_size):
        return key
    statistics = RunningStatistics(making.settings)
    with new_shard(making.folder) as writer:
        for plan, side, label in group:
            versions = list(versions_of(plan, making.cache, making.settings))
            writer.add(label, plan.utterance.utterance, side, versions)
            if side == TRAIN:
                statistics.add(versions[0])
    Receipt(writer.written, statistics).write(making.folder, key)
    return key


def _key(making: Making, group: Sequence[Member]) -> str:
    """SHA-256 of all that a shard is made of, and of the program that makes it."""
    digest = hashlib.sha256()
    _add(digest, SHARDED_FORMAT, __version__, asdict(making.settings), making.noises_sha256, making.responses_sha256)
    for plan, side, label in group:
        _add(digest, *_content(plan.utterance), side, label, plan.seed, [*map(_spelt_out, plan.copies)])
    return digest.hexdigest()


def _add(digest: "hashlib._Hash", *parts: object) -> None:
    digest.update(json.dumps(parts).encode())


def _content(utterance: Utterance) -> tuple[str, ...]:
    return (*utterance.key, utterance.session, utterance.sha256, utterance.made_with)


def _spelt_out(ingredients: Ingredients) -> list[object]:
    others = [other.sha256 for other in ingredients.others]
    return [others, [*map(str, ingredients.noises)], ingredients.noises_are_speech, str(ingredients.response)]
