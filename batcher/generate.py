"""Write `full_inputs.pkl` from the cache, in the format of `inputs_file`: one file, or of a large corpus, shards."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np

from audio.decode import SAMPLE_RATE
from audio.feature_settings import DEFAULT_FEATURES, FeatureSettings
from batcher.copies import versions_of
from batcher.generate_shards import Making, Member, groups, log_mel_bytes, make_shards
from batcher.inputs import InputsError
from batcher.inputs_file import LOG_MEL_DTYPE, InputsHeader, InputsWriter, ShardRecord, UtteranceRecord, write_sharded
from batcher.recipe import NO_COPIES, Plan, Recipe, plans
from batcher.running_statistics import RunningStatistics
from batcher.selection import fingerprint, select
from batcher.shard_folder import delete_all_but, folder_of
from batcher.splits import TEST, TRAIN, UTTERANCE
from cache.index import Utterance
from cache.mark import MARK
from cache.staging import STAGING_FOLDER, staging
from cache.utterances import UtteranceCache
from corpus.speakers import check_speakers
from storage.atomic import atomic_file, temporary_name
from storage.parallel import Workers, check_shared, parallel_map
from storage.progress import tracked

LARGEST_FILE = 1 << 32  # bytes of log mel values; VCTK's with two disturbed copies are three quarters of that
BATCH = 100 * SAMPLE_RATE  # samples of speech whose frames are handed over together


def generate_inputs(
    cache: UtteranceCache,
    path: Path,
    held_out: tuple[str, ...],
    settings: FeatureSettings = DEFAULT_FEATURES,
    workers: Workers = 1,
    split_by: str = UTTERANCE,
    all_held_out: bool = False,
    recipe: Recipe = NO_COPIES,
) -> dict[str, int]:
    """Write `path` from the cache, and beyond `LARGEST_FILE`, shards beside it.

    Whatever happens, `path` and its shards stay as they were until all of the new ones are on the disk.

    Args:
        held_out: speakers to leave out, as names or `corpus/name`.
        split_by: what the split leaves whole, one of `splits.SPLITS`.
        all_held_out: whether every speaker to be held out must be in the cache.
        recipe: of disturbed copies of each training utterance; none of them by default.

    Returns:
        counts: speakers, train and test utterances, held-out speakers that the cache holds, and shards, which are 0
        if all is in one file.

    Raises:
        InputsError: fewer than two speakers remain, or a link stands where the shards belong.
        UserError: a speaker to be held out is not in the cache, or some of it was made with other settings.
    """
    if folder_of(path).is_symlink():
        raise InputsError(f"{folder_of(path)} is a symbolic link; inputs are written only beside their own file")
    with cache.locked():
        check_shared(cache.folder / MARK, workers)
        cache.check_current()  # what was read before may have changed by the time that the folder is held
        check_speakers(held_out if all_held_out else (), cache.speakers())
        chosen, sides = select(cache, held_out, split_by)
        header = _header(cache.folder, chosen, held_out, settings, recipe)
        total = sum(log_mel_bytes(one, side, settings, recipe.copies) for one, side in zip(chosen, sides))
        planned, shards = plans(chosen, sides, recipe), []
        if total > LARGEST_FILE:
            shards = _write_shards(cache.folder, path, header, groups(zip(planned, sides), header, total), workers)
        else:
            _write_one_file(cache.folder, path, header, planned, zip(chosen, sides), workers)
        delete_all_but(folder_of(path), shards)
    train, test, kept_out = sides.count(TRAIN), sides.count(TEST), len(cache.speakers()) - len(header.speakers)
    counts = {"speakers": len(header.speakers), "train": train, "test": test}
    return {**counts, "held_out": kept_out, "shards": len(shards)}


def _header(
    folder: Path, chosen: list[Utterance], held_out: tuple[str, ...], settings: FeatureSettings, recipe: Recipe
) -> InputsHeader:
    """The header of inputs in one file; raises InputsError where fewer than two speakers are left."""
    speakers = sorted({utterance.whose for utterance in chosen})
    if len(speakers) < 2:
        raise InputsError(f"{len(speakers)} speaker(s) left to train on in {folder}; training needs two or more")
    return InputsHeader(
        features=settings,
        held_out=tuple(dict.fromkeys(held_out)),
        speakers=tuple(map(str, speakers)),
        cache_sha256=fingerprint(chosen),
        utterances=len(chosen),
        copies=recipe.copies,
        noises_sha256=recipe.noises.sha256 if recipe.noises else "",
        responses_sha256=recipe.responses.sha256 if recipe.responses else "",
    )


def _write_shards(
    cache: Path, path: Path, header: InputsHeader, grouped: Iterable[list[Member]], workers: Workers
) -> list[ShardRecord]:
    """Make the shards, and then the file that names them."""
    making = Making(
        cache.absolute(), folder_of(path).absolute(), header.features, header.noises_sha256, header.responses_sha256
    )
    receipts, statistics = make_shards(making, grouped, header.utterances, workers)
    shards = [receipt.shard for receipt in receipts]
    write_sharded(path, header, shards, statistics.result())
    return shards


def _write_one_file(
    cache: Path,
    path: Path,
    header: InputsHeader,
    planned: Iterable[Plan],
    utterances: Iterable[tuple[Utterance, str]],
    workers: Workers,
) -> None:
    with (
        atomic_file(path) as file,
        closing(_all_log_mel(cache, planned, header.features, workers)) as log_mel,
    ):
        _write(InputsWriter(file, header), header, utterances, log_mel)


def _write(
    writer: InputsWriter,
    header: InputsHeader,
    utterances: Iterable[tuple[Utterance, str]],
    log_mel: Iterator[np.ndarray],
) -> None:
    """Write each utterance and its copies, whose log mel values come in this order, and statistics of training frames.

    Args:
        utterances: each with its side.
    """
    statistics = RunningStatistics(header.features)
    for utterance, side in tracked(utterances, "inputs", header.utterances, "file"):
        for copy in range(1 + (header.copies if side == TRAIN else 0)):
            frames = next(log_mel)
            if side == TRAIN and not copy:
                statistics.add(frames)
            whose = (utterance.corpus, utterance.speaker, utterance.session, utterance.utterance)
            writer.add(UtteranceRecord(*whose, side, copy, frames))
    writer.finish(statistics.result())


def _all_log_mel(
    folder: Path, planned: Iterable[Plan], settings: FeatureSettings, workers: Workers
) -> Generator[np.ndarray]:
    """The log mel values of each utterance and of its copies, in order."""
    work = partial(_write_log_mel, folder.absolute(), settings)
    with staging(folder), closing(parallel_map(work, _batches(planned), workers, chunk=1)) as files:
        for staged, lengths in files:
            frames = np.frombuffer(staged.read_bytes(), LOG_MEL_DTYPE).reshape(-1, settings.log_mel_size)
            staged.unlink()
            yield from np.split(frames, np.cumsum(lengths)[:-1])


def _batches(planned: Iterable[Plan]) -> Iterator[list[Plan]]:
    """A minute or two of speech at a time: what is under way stays small, however long the recordings are."""
    batch: list[Plan] = []
    samples = 0
    for plan in planned:
        batch.append(plan)
        samples += plan.utterance.samples * (1 + len(plan.copies))
        if samples >= BATCH:
            yield batch
            batch, samples = [], 0
    if batch:
        yield batch


def _write_log_mel(folder: Path, settings: FeatureSettings, batch: list[Plan]) -> tuple[Path, list[int]]:
    """Write the frames of a batch, one utterance after another; returns the file and the frames of each."""
    versions = [log_mel for plan in batch for log_mel in versions_of(plan, folder, settings)]
    staged = temporary_name(folder / STAGING_FOLDER)
    staged.write_bytes(b"".join(log_mel.tobytes() for log_mel in versions))
    return staged, [len(log_mel) for log_mel in versions]
