"""Speech at other speeds, which counts as that of other speakers: a tape that runs faster shifts every frequency up.

The usual speed perturbation (Ko et al., "Audio Augmentation for Speech Recognition", 2015) on log mel values instead of
samples: a filter gets the power that another one, at a frequency so many times lower, had before. (That frames pass by
faster is `WindowSampler`'s part.)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np

from audio.feature_settings import FeatureSettings

MEL_SCALE, MEL_CORNER = 2595, 700  # mel = 2595 log10(1 + Hz / 700), as in python_speech_features


@dataclass(frozen=True)
class SpeedClasses:
    """The classes that a softmax tells apart: each speaker at each speed.

    The class of a speaker at speed number n, counted from 0, is the speaker's label plus n times the number of
    speakers, so the first classes are the speakers as they were recorded.
    """

    speakers: int
    speeds: tuple[float, ...] = (1.0,)  # the first is 1, that of the recordings

    @property
    def count(self) -> int:
        """How many classes there are."""
        return self.speakers * len(self.speeds)

    def labels(self, speakers: np.ndarray, speeds: np.ndarray) -> np.ndarray:
        """The classes of speakers' labels at speeds, which are named by their place in `speeds`; all (batch,) int64."""
        return speakers + speeds * self.speakers

    def are_as_recorded(self, labels: np.ndarray) -> np.ndarray:
        """Which classes are those of speakers as they were recorded: (batch,) bool."""
        return labels < self.speakers

    def as_recorded(self, outputs: np.ndarray) -> np.ndarray:
        """The outputs for the speakers as they were recorded: (windows, count) -> (windows, speakers)."""
        return outputs[:, : self.speakers]

    def at_every_speed(self, columns: np.ndarray) -> np.ndarray:
        """What each speaker has, for each class of the speaker: (d, speakers) -> (d, count)."""
        return np.tile(columns, len(self.speeds))

    def named(self, names: Iterable[str]) -> list[tuple[float, str]]:
        """Each class as its speed and its speaker's name, in order of class."""
        names = list(names)
        return [(speed, name) for speed in self.speeds for name in names]


def change_speeds(windows: np.ndarray, speeds: np.ndarray, settings: FeatureSettings) -> np.ndarray:
    """Shift the spectra of windows in place, and return them.

    Args:
        windows: (batch, frames, log_mel) float32, as `audio.mfcc.log_mel` gives them.
        speeds: of each window, (batch,); 1 leaves it as it is.
    """
    for speed in np.unique(speeds[speeds != 1]):
        chosen = speeds == speed
        windows[chosen, :, 1:] = windows[chosen, :, 1:] @ _shift(float(speed), settings)
    return windows


@cache
def _shift(speed: float, settings: FeatureSettings) -> np.ndarray:
    """(filters, filters) float32: each new filter from the two old ones around its frequency divided by `speed`.

    Beyond the outermost filters, these stand for what was not recorded.
    """
    highest = _mel(settings.sample_rate / 2)
    centres = np.linspace(0, highest, settings.num_filters + 2)[1:-1]
    before = _mel(MEL_CORNER * (10 ** (centres / MEL_SCALE) - 1) / speed)
    filters = np.eye(settings.num_filters)
    return np.stack([np.interp(before, centres, single) for single in filters]).astype(np.float32)


def _mel(hertz: np.ndarray | float) -> np.ndarray:
    return MEL_SCALE * np.log10(1 + np.asarray(hertz) / MEL_CORNER)
