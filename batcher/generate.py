"""Write `full_inputs.pkl` from the cache, one utterance at a time; its format is described in `inputs`."""

import dataclasses
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from audio.cache import UtteranceCache
from audio.entries import Utterance, read_signal
from audio.mfcc import DEFAULT_FEATURES, FeatureSettings, mfcc
from audio.parallel import parallel_map
from batcher.inputs import FEATURE_DTYPE, FORMAT, InputsError
from batcher.restricted_pickle import write_record
from batcher.splits import is_listed, train_count
from storage.atomic import atomic_file
from storage.lock import folder_lock

SMALLEST_DEVIATION = 1e-3


def generate_inputs(
    cache: UtteranceCache,
    path: Path,
    held_out: tuple[str, ...],
    settings: FeatureSettings = DEFAULT_FEATURES,
    workers: int = 1,
) -> dict[str, int]:
    """Write `path` from the cache.

    Args:
        held_out: speakers to leave out, as names or `corpus/name`.

    Returns:
        counts: speakers, train and test utterances, held-out speakers that the cache holds.

    Raises:
        InputsError: fewer than two speakers remain.
    """
    chosen, sides = _choose(cache, held_out)
    speakers = sorted({utterance.speaker for utterance in chosen})
    if len(speakers) < 2:
        raise InputsError(f"{len(speakers)} speaker(s) left to train on in {cache.folder}; training needs two or more")
    statistics = _RunningStatistics(settings.size)
    work = partial(_features, cache.folder, settings)
    with folder_lock(cache.folder), atomic_file(path) as file:
        write_record(file, _header(settings, held_out, speakers, chosen))
        outcomes = parallel_map(work, chosen, workers)
        for utterance, side, features in zip(chosen, sides, tqdm(outcomes, "inputs", len(chosen), unit="file")):
            if side == "train":
                statistics.add(features)
            write_record(file, _utterance_record(utterance, side, features))
        write_record(file, statistics.record())
    kept_out = len(cache.speakers()) - len(speakers)
    return {"speakers": len(speakers), "train": sides.count("train"), "test": sides.count("test"), "held_out": kept_out}


def _choose(cache: UtteranceCache, held_out: tuple[str, ...]) -> tuple[list[Utterance], list[str]]:
    """Utterances in order of speaker and name, and the side of each."""
    by_speaker: dict[str, list[Utterance]] = {}
    for _, utterance in sorted(cache.utterances.items()):
        if not is_listed(utterance.speaker, utterance.corpus, held_out):
            by_speaker.setdefault(utterance.speaker, []).append(utterance)
    sides = []
    for utterances in by_speaker.values():
        train = train_count(len(utterances))
        sides += ["train"] * train + ["test"] * (len(utterances) - train)
    return [utterance for utterances in by_speaker.values() for utterance in utterances], sides


def _features(folder: Path, settings: FeatureSettings, utterance: Utterance) -> np.ndarray:
    return mfcc(read_signal(folder, utterance), settings).astype(FEATURE_DTYPE)


def _header(settings: FeatureSettings, held_out: tuple[str, ...], speakers: list[str], chosen: list) -> dict:
    return {
        "format": FORMAT,
        "features": dataclasses.asdict(settings),
        "held_out": list(dict.fromkeys(held_out)),
        "speakers": speakers,
        "utterances": len(chosen),
    }


def _utterance_record(utterance: Utterance, side: str, features: np.ndarray) -> dict:
    return {
        "speaker": utterance.speaker,
        "corpus": utterance.corpus,
        "utterance": utterance.utterance,
        "side": side,
        "features": features,
    }


class _RunningStatistics:
    """Mean and deviation of frames that are never together in memory."""

    def __init__(self, size: int):
        self.count = 0
        self.sum = np.zeros(size)
        self.sum_of_squares = np.zeros(size)

    def add(self, frames: np.ndarray) -> None:
        frames = frames.astype(np.float64)
        self.count += len(frames)
        self.sum += frames.sum(axis=0)
        self.sum_of_squares += np.square(frames).sum(axis=0)

    def record(self) -> dict[str, np.ndarray]:
        mean = self.sum / self.count
        deviation = np.sqrt(np.maximum(self.sum_of_squares / self.count - mean**2, SMALLEST_DEVIATION**2))
        return {"mean": mean.astype(np.float32), "deviation": deviation.astype(np.float32)}
