"""Decoding and resampling alone, as calls of soundfile and soxr that do nothing with what they return."""

import functools
from collections.abc import Callable, Iterable
from multiprocessing import Pool
from pathlib import Path

import measure  # noqa: F401  (the project's root on sys.path)
import numpy as np
import soundfile
import soxr

from audio.decode import RESAMPLER_QUALITY, SAMPLE_RATE
from storage.parallel import CHUNK, parallel_map


def decode(path: Path) -> None:
    """Read a whole file."""
    soundfile.read(path, dtype="float32")


def resample(length: tuple[int, int]) -> None:
    """Resample as many samples as a recording has, which are noise: the time does not depend on what is said.

    Args:
        length: of the recording, in samples, and its rate in Hz.
    """
    samples, rate = length
    soxr.resample(_noise(1 << samples.bit_length())[:samples], rate, SAMPLE_RATE, RESAMPLER_QUALITY)


def plain_map(function: Callable, items: Iterable, workers: int) -> None:
    """Map with what the standard library offers."""
    with Pool(workers) as pool:
        pool.map(function, items, CHUNK)


def tuned_map(function: Callable, items: Iterable, workers: int) -> None:
    """Map with the tool's own workers, which keep freed memory and one core each."""
    for _ in parallel_map(function, items, workers):
        pass


@functools.cache
def _noise(samples: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(samples, np.float32)
