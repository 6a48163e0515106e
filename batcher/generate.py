"""Write `full_inputs.pkl` from the cache, one utterance at a time; its format is that of `inputs_file`."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np

from audio.decode import SAMPLE_RATE
from audio.feature_settings import DEFAULT_FEATURES, FeatureSettings
from audio.mfcc import cepstra_with_derivatives, speech_log_mel
from batcher.copies import copies_of
from batcher.inputs import InputsError
from batcher.inputs_file import LOG_MEL_DTYPE, FrameStatistics, InputsHeader, InputsWriter, UtteranceRecord
from batcher.recipe import NO_COPIES, Plan, Recipe, plans
from batcher.selection import fingerprint, select
from batcher.splits import TEST, TRAIN, UTTERANCE
from cache.entries import read_signal
from cache.index import Utterance
from cache.mark import MARK
from cache.staging import STAGING_FOLDER, staging
from cache.utterances import UtteranceCache
from corpus.speakers import check_speakers
from storage.atomic import atomic_file, temporary_name
from storage.parallel import Workers, check_shared, parallel_map
from storage.progress import tracked

SMALLEST_DEVIATION = 1e-3
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
    """Write `path` from the cache.

    Args:
        held_out: speakers to leave out, as names or `corpus/name`.
        split_by: what the split leaves whole, one of `splits.SPLITS`.
        all_held_out: whether every speaker to be held out must be in the cache.
        recipe: of disturbed copies of each training utterance; none of them by default.

    Returns:
        counts: speakers, train and test utterances, held-out speakers that the cache holds.

    Raises:
        InputsError: fewer than two speakers remain.
        UserError: a speaker to be held out is not in the cache, or some of it was made with other settings.
    """
    with cache.locked(), atomic_file(path) as file:
        check_shared(cache.folder / MARK, workers)
        cache.check_current()  # what was read before may have changed by the time that the folder is held
        check_speakers(held_out if all_held_out else (), cache.speakers())
        chosen, sides = select(cache, held_out, split_by)
        speakers = sorted({utterance.whose for utterance in chosen})
        if len(speakers) < 2:
            left = f"{len(speakers)} speaker(s) left to train on in {cache.folder}"
            raise InputsError(f"{left}; training needs two or more")
        header = InputsHeader(
            features=settings,
            held_out=tuple(dict.fromkeys(held_out)),
            speakers=tuple(map(str, speakers)),
            cache_sha256=fingerprint(chosen),
            utterances=len(chosen),
            copies=recipe.copies,
            noises_sha256=recipe.noises.sha256 if recipe.noises else "",
            responses_sha256=recipe.responses.sha256 if recipe.responses else "",
        )
        with closing(_all_log_mel(cache.folder, plans(chosen, sides, recipe), settings, workers)) as log_mel:
            _write(InputsWriter(file, header), header, zip(chosen, sides), log_mel)
    kept_out = len(cache.speakers()) - len(speakers)
    return {"speakers": len(speakers), "train": sides.count(TRAIN), "test": sides.count(TEST), "held_out": kept_out}


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
    statistics = _RunningStatistics(header.features)
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
    work = partial(_write_log_mel, folder, settings)
    with staging(folder), closing(parallel_map(work, _batches(planned), workers, chunk=1)) as files:
        for staged, lengths in files:
            frames = np.fromfile(staged, LOG_MEL_DTYPE).reshape(-1, settings.log_mel_size)
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
    staged = temporary_name(folder / STAGING_FOLDER)
    lengths = []
    with open(staged, "xb") as file:
        for plan in batch:
            signal = read_signal(folder, plan.utterance)
            for version in (signal, *copies_of(signal, plan, folder)):
                log_mel = speech_log_mel(version, settings).astype(LOG_MEL_DTYPE)
                file.write(log_mel.tobytes())
                lengths.append(len(log_mel))
    return staged, lengths


class _RunningStatistics:
    """Mean and deviation of the features of frames that are never together in memory."""

    def __init__(self, settings: FeatureSettings):
        self.settings = settings
        self.count = 0
        self.sum = np.zeros(settings.size)
        self.sum_of_squares = np.zeros(settings.size)

    def add(self, log_mel: np.ndarray) -> None:
        frames = cepstra_with_derivatives(log_mel.astype(np.float64), self.settings)
        self.count += len(frames)
        self.sum += frames.sum(axis=0)
        self.sum_of_squares += np.square(frames).sum(axis=0)

    def result(self) -> FrameStatistics:
        mean = self.sum / self.count
        deviation = np.sqrt(np.maximum(self.sum_of_squares / self.count - mean**2, SMALLEST_DEVIATION**2))
        return FrameStatistics(mean.astype(np.float32), deviation.astype(np.float32))
