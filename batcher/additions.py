"""What comes to speech before the microphone or in it: noise, babble, music, hum, clicks, pauses, an offset.

Signals are float32 of 16-bit full scale, shape (samples,), at 8 kHz; each function gives a new one. Everything random
comes from the generator that is passed in.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy import fft

from audio.decode import PCM_SCALE, SAMPLE_RATE
from batcher.telephone import root_mean_square

NOISE_SAMPLES = 1 << 19  # a minute, drawn once, see `_white`
TILT = (0.0, 2.2)  # exponents of a noise's power over frequency: 0 is white, 1 pink, 2 brown
LOWEST_NOISE = 20.0  # Hz, below which noise does not rise any more
CURVES, CURVE = 6, 4.0  # cosines over the spectrum that colour noise, and their deviation in dB
MAINS = (50.0, 60.0)  # Hz
HUM_HARMONICS = 12
NOTE = (0.12, 0.6)  # s, how long a note of made-up music lasts
LOWEST_NOTE, NOTES = 110.0, 30  # Hz, and semitones above it
NOTE_HARMONICS = 6
CLICKS = (0.3, 4.0)  # a second
CLICK = (0.0005, 0.008)  # s
CLICK_PEAK = (0.1, 2.0)  # of the signal's peak
PAUSES, PAUSE = 3, (0.2, 2.0)  # at most so many, and how long, in s
GAP_SEARCH = SAMPLE_RATE // 4  # samples around a random place in which the quietest one is taken for a pause
OFFSET = (0.002, 0.05)  # of full scale


def add(signal: np.ndarray, other: np.ndarray, decibels: float) -> np.ndarray:
    """Add something at so many dB below the signal, both measured as root mean squares.

    Args:
        other: (samples,), of any level; nothing is added if it is silent.
    """
    loudness = root_mean_square(other)
    if not loudness:
        return signal
    return signal + other * np.float32(root_mean_square(signal) / loudness * 10 ** (-decibels / 20))


def noise(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Steady noise of a random colour."""
    size = fft.next_fast_len(samples, real=True)
    begin = rng.integers(0, max(NOISE_SAMPLES - size, 1))
    spectrum = fft.rfft(np.resize(_white()[begin : begin + size], size))
    frequencies = np.maximum(fft.rfftfreq(size, 1 / SAMPLE_RATE), LOWEST_NOISE)
    place = np.linspace(0, np.pi, 64)
    curve = (rng.normal(0, CURVE, CURVES) / 20) @ np.cos(np.arange(1, CURVES + 1)[:, None] * place)
    tilt = -rng.uniform(*TILT) / 2
    gain = 10 ** np.interp(frequencies, place / np.pi * SAMPLE_RATE / 2, curve) * (frequencies / 1000) ** tilt
    return fft.irfft(spectrum * gain.astype(np.float32), size)[:samples]


def babble(signals: Sequence[np.ndarray], samples: int, rng: np.random.Generator) -> np.ndarray:
    """Other people's speech at once, each as loud as the next, repeated where it is too short.

    Args:
        signals: of any length, each a speaker's.
    """
    mixed: np.ndarray = np.zeros(samples, np.float32)
    for signal in signals:
        turned = np.roll(signal, rng.integers(0, max(len(signal), 1)))
        mixed = mixed + np.resize(turned, samples) / np.float32(max(root_mean_square(signal), 1.0))
    return mixed


def music(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Two parts of random notes with harmonics that die away: no tune, but what a speech detector takes for speech."""
    played = np.zeros(samples, np.float32)
    for _ in range(2):
        begin = 0
        while begin < samples:
            length = min(int(SAMPLE_RATE * rng.uniform(*NOTE)), samples - begin)
            played[begin : begin + length] += _note(length, rng)
            begin += length
    return played


def _note(samples: int, rng: np.random.Generator) -> np.ndarray:
    time = np.arange(samples, dtype=np.float32) / SAMPLE_RATE
    hertz = LOWEST_NOTE * 2 ** (rng.integers(0, NOTES) / 12)
    return _harmonics(hertz, NOTE_HARMONICS, time, rng) * np.exp(-time * np.float32(rng.uniform(1, 8)))


def hum(samples: int, rng: np.random.Generator) -> np.ndarray:
    """The mains and their harmonics."""
    return _harmonics(rng.choice(MAINS), HUM_HARMONICS, np.arange(samples, dtype=np.float32) / SAMPLE_RATE, rng)


def _harmonics(hertz: float, most: int, time: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    count = min(most, int(SAMPLE_RATE / 2 / hertz))
    weights = rng.random(count) / np.arange(1, count + 1)
    turns = np.float32(2 * np.pi * hertz) * time
    return np.sum([np.float32(weight) * np.sin(turns * n) for n, weight in enumerate(weights, start=1)], axis=0)


def add_clicks(signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Short bursts of noise, some louder than the speech: switches, knocks, dropped samples."""
    clicked = signal.copy()
    peak = np.abs(signal).max(initial=1.0)
    for _ in range(1 + rng.poisson(rng.uniform(*CLICKS) * len(signal) / SAMPLE_RATE)):
        begin = rng.integers(0, len(signal))
        part = clicked[begin : begin + int(SAMPLE_RATE * rng.uniform(*CLICK))]
        burst = rng.uniform(-1, 1, len(part)) * np.exp(-4 * np.arange(len(part)) / len(part))
        part += (peak * rng.uniform(*CLICK_PEAK) * burst).astype(np.float32)
    return clicked


def add_pauses(signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Insert digital silence before, after, or in the quietest places nearby within the speech."""
    for _ in range(rng.integers(1, PAUSES + 1)):
        place = _quiet_place(signal, int(rng.integers(0, len(signal) + 1)))
        silence = np.zeros(int(SAMPLE_RATE * rng.uniform(*PAUSE)), np.float32)
        signal = np.concatenate([signal[:place], silence, signal[place:]])
    return signal


def _quiet_place(signal: np.ndarray, around: int) -> int:
    """Where 20 ms are quietest near a place; the ends count as quiet."""
    if around < GAP_SEARCH or around > len(signal) - GAP_SEARCH:
        return 0 if around < len(signal) / 2 else len(signal)
    size = SAMPLE_RATE // 50
    near = signal[around - GAP_SEARCH : around + GAP_SEARCH]
    powers = np.square(near[: len(near) // size * size]).reshape(-1, size).sum(axis=1)
    return around - GAP_SEARCH + int(powers.argmin()) * size + size // 2


def add_offset(signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A microphone's input that is not at zero."""
    return signal + np.float32(PCM_SCALE * rng.uniform(*OFFSET) * rng.choice((-1, 1)))


@cache
def _white() -> np.ndarray:
    """White noise, the same in every run; a random stretch of it is as good as new, and drawn in no time."""
    return np.random.default_rng(0).standard_normal(NOISE_SAMPLES, np.float32)
