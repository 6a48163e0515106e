"""Augmentation of training windows: masked stretches, masked cepstra, noise (SpecAugment's idea, on MFCC).

After Park et al., "SpecAugment" (2019), section 2, without the time warp. It works on frames as they come, in units of
each feature's deviation over the training set, and draws from the generator of the step, so that a continued run sees
the same noise.
"""

from dataclasses import dataclass

import numpy as np

from batcher.windows import Batch

MASKS_IN_TIME = 2  # per window


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
    windows = batch.windows
    count, frames, size = windows.shape
    if options.noise:
        level = rng.uniform(0, options.noise, (count, 1, 1)).astype(np.float32)
        windows += rng.standard_normal(windows.shape, np.float32) * (level * deviation)
    masked = np.zeros((count, frames, 1), bool)
    longest = min(options.longest_mask, frames // (2 * MASKS_IN_TIME))
    for _ in range(MASKS_IN_TIME):
        length = rng.integers(0, longest + 1, (count, 1, 1))
        first = rng.integers(0, frames - length + 1)
        position = np.arange(frames)[None, :, None]
        masked |= (position >= first) & (position < first + length)
    cepstra = rng.random((count, 1, size // 3)) < options.cepstra_masked
    np.copyto(windows, mean, where=masked | np.concatenate([cepstra] * 3, axis=2))
    return batch
