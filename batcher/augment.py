"""Augmentation of training windows: masked stretches, masked cepstra, noise (SpecAugment's idea, on MFCC).

After Park et al., "SpecAugment" (2019), section 2, without the time warp. It works on frames as they come, in units of
each feature's deviation over the training set, and draws from the generator of the step, so that a continued run sees
the same noise.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from batcher.windows import Batch

MASKS_IN_TIME = 2  # per window
NOISE_FRAMES = 1 << 15  # made once, see `_noise`


@dataclass(frozen=True)
class Augmentation:
    """How much to disturb training windows; all zeros for not at all."""

    longest_mask: int = 30  # frames; less in short windows, of which masks cover half at most
    cepstra_masked: float = 0.1  # share of the 13, each with its derivatives
    noise: float = 0.2  # deviations, at most; each window draws its own level
    tempo: float = 0.15  # share by which speech becomes faster or slower, at most; done as the windows are cut


def augment(
    batch: Batch, mean: np.ndarray, deviation: np.ndarray, options: Augmentation, rng: np.random.Generator
) -> Batch:
    """Disturb the windows of a batch in place.

    Args:
        batch: windows (batch, frames, 39) float32; its labels stay as they are.
        mean, deviation: that the network normalises with, (39,) each; the mean stands in masked places.
    """
    count, frames, size = batch.windows.shape
    noise, levels = _noise(size), rng.uniform(0, options.noise, count).astype(np.float32)
    begins = rng.integers(0, len(noise) - frames, count)
    longest = min(options.longest_mask, frames // (2 * MASKS_IN_TIME))
    lengths = rng.integers(0, longest + 1, (count, MASKS_IN_TIME))
    firsts = rng.integers(0, frames - lengths + 1)
    cepstra = np.tile(rng.random((count, size // 3)) < options.cepstra_masked, 3)  # (windows, features)
    for window, level, begin, first, last, masked in zip(
        batch.windows, levels, begins, firsts, firsts + lengths, cepstra
    ):
        window += noise[begin : begin + frames] * (level * deviation)
        for mask in map(slice, first, last):
            window[mask] = mean
        window[:, masked] = mean[masked]
    return batch


@cache
def _noise(size: int) -> np.ndarray:
    """Gaussian frames, (`NOISE_FRAMES`, size), the same in every run; windows get stretches of them.

    (To draw two million normal numbers for each step takes five times as long as all the rest of a batch.)
    """
    return np.random.default_rng(size).standard_normal((NOISE_FRAMES, size), np.float32)
