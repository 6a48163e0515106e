"""From windows of log mel values to the features that the network sees: as recorded, or augmented for training."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from audio.feature_settings import FeatureSettings
from audio.mfcc import cepstra_with_derivatives
from batcher.sampling.augmentation import Augmentation, disturb, mask
from batcher.sampling.speeds import change_speeds

WINDOWS_AT_ONCE = 32  # what is done to them then happens in a processor's own cache


class WindowFeatures(Protocol):
    """How windows of log mel values become what the network sees."""

    @property
    def speeds(self) -> tuple[float, ...]:
        """The speeds that windows are drawn at, 1 first; at another speed, each speaker is another class."""

    @property
    def tempo(self) -> float:
        """The share by which a window is faster or slower at most, while its speaker stays the same."""

    @property
    def copied(self) -> float:
        """The share of windows that are taken from a disturbed copy of their utterance, where there are copies."""

    def __call__(self, windows: np.ndarray, speeds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(batch, frames, log_mel) float32, and the speed of each (batch,), to (batch, frames, features) float32."""


@dataclass(frozen=True)
class PlainFeatures:
    """Features of windows as they were recorded."""

    settings: FeatureSettings
    speeds: tuple[float, ...] = (1.0,)
    tempo: float = 0.0
    copied: float = 0.0

    def __call__(self, windows: np.ndarray, speeds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Cepstra and their derivatives: (batch, frames, log_mel) -> (batch, frames, features), float32."""
        return cepstra_with_derivatives(windows, self.settings)


@dataclass(frozen=True)
class AugmentedFeatures:
    """Features of windows at other speeds, in other rooms, by other microphones, with parts masked."""

    settings: FeatureSettings
    mean: np.ndarray  # (features,), what stands in masked places
    options: Augmentation

    @property
    def speeds(self) -> tuple[float, ...]:
        """As `WindowFeatures` has them."""
        return self.options.speeds

    @property
    def tempo(self) -> float:
        """As `WindowFeatures` has it."""
        return self.options.tempo

    @property
    def copied(self) -> float:
        """As `WindowFeatures` has it."""
        return self.options.copied

    def __call__(self, windows: np.ndarray, speeds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Speed, disturbances, cepstra, masks: (batch, frames, log_mel) -> (batch, frames, features), float32."""
        features = np.empty((*windows.shape[:2], self.settings.size), np.float32)
        for first in range(0, len(windows), WINDOWS_AT_ONCE):
            part = slice(first, first + WINDOWS_AT_ONCE)
            disturb(change_speeds(windows[part], speeds[part], self.settings), self.options, rng)
            features[part] = cepstra_with_derivatives(windows[part], self.settings)
        return mask(features, self.mean, self.options, rng)


def training_features(settings: FeatureSettings, mean: np.ndarray, augmentation: Augmentation | None) -> WindowFeatures:
    """Features for training: augmented, or without an `augmentation`, as recorded.

    Args:
        mean: the training set's, (features,).
    """
    return PlainFeatures(settings) if augmentation is None else AugmentedFeatures(settings, mean, augmentation)
