"""From windows of log mel values to the features that the network sees: as they are, or disturbed for training."""

from dataclasses import dataclass

import numpy as np

from audio.mfcc import FeatureSettings, cepstra_with_derivatives
from batcher.sampling.augmentation import Augmentation, disturb, mask
from batcher.sampling.speeds import change_speeds
from batcher.sampling.windows import Preparation

WINDOWS_AT_ONCE = 32  # what is done to them then happens in a processor's own cache


@dataclass(frozen=True)
class Plain:
    """Windows as they were recorded."""

    settings: FeatureSettings
    speeds: tuple[float, ...] = (1.0,)
    tempo: float = 0.0
    copied: float = 0.0

    def __call__(self, windows: np.ndarray, speeds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Cepstra and their derivatives: (batch, frames, log_mel) -> (batch, frames, features), float32."""
        return cepstra_with_derivatives(windows, self.settings)


@dataclass(frozen=True)
class Disturbed:
    """Windows of more voices than were recorded, in other rooms, by other microphones, with parts missing."""

    settings: FeatureSettings
    mean: np.ndarray  # (features,), what stands in masked places
    options: Augmentation

    @property
    def speeds(self) -> tuple[float, ...]:
        """As `Preparation` has them."""
        return self.options.speeds

    @property
    def tempo(self) -> float:
        """As `Preparation` has it."""
        return self.options.tempo

    @property
    def copied(self) -> float:
        """As `Preparation` has it."""
        return self.options.copied

    def __call__(self, windows: np.ndarray, speeds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Speed, disturbances, cepstra, masks: (batch, frames, log_mel) -> (batch, frames, features), float32."""
        features = np.empty((*windows.shape[:2], self.settings.size), np.float32)
        for first in range(0, len(windows), WINDOWS_AT_ONCE):
            part = slice(first, first + WINDOWS_AT_ONCE)
            disturb(change_speeds(windows[part], speeds[part], self.settings), self.options, rng)
            features[part] = cepstra_with_derivatives(windows[part], self.settings)
        return mask(features, self.mean, self.options, rng)


def preparation(
    settings: FeatureSettings,
    mean: np.ndarray,
    augmented: bool,
    speeds: tuple[float, ...] = (1.0,),
    copied: float = Augmentation.copied,
) -> Preparation:
    """For training with augmentation, other speeds and the share `copied` of disturbed copies included, or without.

    Args:
        mean: the training set's, (features,).
    """
    return Disturbed(settings, mean, Augmentation(speeds, copied=copied)) if augmented else Plain(settings)
