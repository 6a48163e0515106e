"""Voices at other speeds, which are other voices: a tape that runs faster shifts every frequency up.

The usual speed perturbation (Ko et al., "Audio Augmentation for Speech Recognition", 2015) on log mel values instead of
samples: what a filter hears is what another one, at a frequency so many times lower, heard before. (The frames that
pass by faster are `WindowSampler`'s part.)
"""

from functools import cache

import numpy as np

from audio.mfcc import FeatureSettings

MEL_SCALE, MEL_CORNER = 2595, 700  # mel = 2595 log10(1 + Hz / 700), as in python_speech_features


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
    heard = _mel(MEL_CORNER * (10 ** (centres / MEL_SCALE) - 1) / speed)
    at_each = np.eye(settings.num_filters)
    return np.stack([np.interp(heard, centres, one) for one in at_each]).astype(np.float32)


def _mel(hertz: np.ndarray | float) -> np.ndarray | float:
    return MEL_SCALE * np.log10(1 + np.asarray(hertz) / MEL_CORNER)
