"""Other rooms, noises, microphones and gains for training windows, and masks: embeddings have to survive them.

What reaches a microphone adds up in power, and what a microphone does to it adds up in logarithms, so both can be done
to log mel values at the time when a window is drawn, without decoding or transforming anything again:

    reverberation  power that decays exponentially, added to what comes after it (Habets, 2007, section 2.2.2)
    noise          coloured noise, or other windows of the batch as babble, at 5 to 30 dB below the speech
    channel        a smooth random curve over the filters, the ends of the band cut off, a gain

Masks cover stretches of the features afterwards (Park et al., "SpecAugment", 2019, section 2). Everything is drawn from
the generator of the step, so that a continued run sees the same.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.signal import lfilter

from audio.feature_settings import FRAME_STEP

DECIBEL = np.log(10) / 10  # in natural logarithms of power
DECAY_60 = 60 * DECIBEL  # the fall within a reverberation time
NOISE_FRAMES = 1 << 14  # computed once, see `_noise`
NOISE_SPREAD = 0.5  # of noise's log mel values around their mean
BABBLE_SPEAKERS = 3
CURVES = 5  # cosines over the filters that colour noise and channels, each with less weight than the one before
MASKS_IN_TIME = 2  # per window


@dataclass(frozen=True)
class Augmentation:
    """How much is done to training windows, and to what share of them (tried out in docs/training-notes.md)."""

    speeds: tuple[float, ...] = (1.0,)  # 1 first; each makes other speakers of all
    tempo: float = 0.1  # share by which speech becomes faster or slower, at most
    copied: float = 0.5  # share of windows that come from disturbed copies, where the inputs have any
    reverberated: float = 0.15  # share of windows
    reverberation_time: tuple[float, float] = (0.1, 0.7)  # s
    direct_to_reverberant: tuple[float, float] = (-2.0, 12.0)  # dB
    noisy: float = 0.3  # share of windows
    babble: float = 0.4  # share of those
    signal_to_noise: tuple[float, float] = (5.0, 30.0)  # dB
    coloured: float = 0.2  # share of windows
    colour: float = 1.5  # dB, deviation of the widest curve
    band_limited: float = 0.1  # share of windows
    gain: float = 2.0  # dB, at most, up or down: levels are taken from whole utterances, noise and all
    longest_mask: int = 30  # frames; less in short windows, of which masks cover half at most


def disturb(windows: np.ndarray, options: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Disturb windows in place, and return them.

    Args:
        windows: (batch, frames, 1 + filters) float32, as `audio.mfcc.log_mel` gives them.
    """
    power = np.exp(windows[..., 1:])  # (batch, frames, filters)
    energy = power.sum(axis=2)
    _reverberate(power, options, rng)
    _add_noise(power, options, rng)
    mel = np.log(power, out=windows[..., 1:])
    _colour(mel, options, rng)
    _limit_band(mel, options, rng)
    mel += rng.uniform(-options.gain, options.gain, (len(mel), 1, 1)).astype(np.float32) * np.float32(DECIBEL)
    windows[..., 0] += np.log(np.exp(mel, out=power).sum(axis=2) / energy)  # a frame's energy changes as they do
    return windows


def mask(features: np.ndarray, mean: np.ndarray, options: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Hide stretches of windows in place, and return them.

    Args:
        features: (batch, frames, features) float32.
        mean: (features,), of the training set; stands in masked places.
    """
    count, frames, _ = features.shape
    longest = min(options.longest_mask, frames // (2 * MASKS_IN_TIME))
    lengths = rng.integers(0, longest + 1, (count, MASKS_IN_TIME))
    firsts = rng.integers(0, frames - lengths + 1)
    for window, begins, ends in zip(features, firsts, firsts + lengths):
        for begin, end in zip(begins, ends):
            window[begin:end] = mean
    return features


def _some(count: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Numbers of the windows that are chosen, each with the same probability."""
    return np.flatnonzero(rng.random(count) < share)


def _reverberate(power: np.ndarray, options: Augmentation, rng: np.random.Generator) -> None:
    """Let each frame's power die away over those after it."""
    for number in _some(len(power), options.reverberated, rng):
        decay = np.exp(-DECAY_60 * FRAME_STEP / rng.uniform(*options.reverberation_time))
        share = np.exp(-DECIBEL * rng.uniform(*options.direct_to_reverberant)) * (1 - decay)
        power[number] += lfilter([0, share], [1, -decay], power[number], axis=0)


def _add_noise(power: np.ndarray, options: Augmentation, rng: np.random.Generator) -> None:
    chosen = _some(len(power), options.noisy, rng)
    if not chosen.size:
        return
    noise = _coloured_noise(len(chosen), power.shape[1], power.shape[2], rng)
    babbling = _some(len(chosen), options.babble, rng)
    others = rng.integers(0, len(power), (BABBLE_SPEAKERS, len(babbling)))
    noise[babbling] = power[others, ::-1].sum(axis=0)  # backwards, so that no window is added to itself in step
    ratio = np.exp(-DECIBEL * rng.uniform(*options.signal_to_noise, (len(chosen), 1, 1)))
    level = power[chosen].mean(axis=(1, 2), keepdims=True) / noise.mean(axis=(1, 2), keepdims=True) * ratio
    power[chosen] += noise * level.astype(np.float32)


def _coloured_noise(count: int, frames: int, filters: int, rng: np.random.Generator) -> np.ndarray:
    source = _noise(filters)
    begins = rng.integers(0, len(source) - frames, count)
    noise = np.stack([source[begin : begin + frames] for begin in begins])
    return noise * np.exp(_random_curves(count, filters, 6.0, rng))


def _colour(mel: np.ndarray, options: Augmentation, rng: np.random.Generator) -> None:
    chosen = _some(len(mel), options.coloured, rng)
    mel[chosen] += _random_curves(len(chosen), mel.shape[2], options.colour, rng)


def _limit_band(mel: np.ndarray, options: Augmentation, rng: np.random.Generator) -> None:
    """Weaken the filters at both ends, down to a floor of noise."""
    chosen = _some(len(mel), options.band_limited, rng)
    count, filters = len(chosen), np.arange(mel.shape[2])
    low = np.clip(rng.uniform(0, 3.5, (count, 1)) - filters, 0, 4)  # filters below the edge
    high = np.clip(filters - filters[-1] + rng.uniform(0, 4, (count, 1)), 0, 4)
    slopes = rng.uniform(0.3, 1.5, (2, count, 1))  # in natural logarithms for each filter beyond the edge
    limited = mel[chosen] - (low * slopes[0] + high * slopes[1])[:, None].astype(np.float32)
    floor = limited.max(axis=(1, 2), keepdims=True) - rng.uniform(9, 14, (count, 1, 1)).astype(np.float32)
    mel[chosen] = np.maximum(limited, floor)


def _random_curves(count: int, filters: int, decibels: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth curves over the filters, natural logarithms: (count, 1, filters) float32."""
    cosines = np.cos(np.pi * np.arange(1, CURVES + 1)[:, None] * (np.arange(filters) + 0.5) / filters)
    weights = rng.normal(0, decibels * DECIBEL, (count, CURVES)) / np.sqrt(np.arange(1, CURVES + 1))
    return (weights @ cosines)[:, None].astype(np.float32)


@cache
def _noise(filters: int) -> np.ndarray:
    """Powers of stationary noise, (`NOISE_FRAMES`, filters), the same in every run; windows get stretches of them.

    (To draw a million normal numbers for each step would take longer than all the rest of a batch.)
    """
    return np.exp(np.random.default_rng(filters).normal(0, NOISE_SPREAD, (NOISE_FRAMES, filters))).astype(np.float32)
