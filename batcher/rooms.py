"""Speech in a room: convolution with made-up impulse responses.

A response is the direct sound and then noise that decays exponentially (Habets, "Room Impulse Response Generator",
2007, section 2.2.2, after Polack), high frequencies faster, as air and walls absorb more of them; the first echoes
come singly.
"""

import numpy as np
from scipy.signal import lfilter, oaconvolve

from audio.decode import SAMPLE_RATE

REVERBERATION_TIME = (0.15, 0.9)  # s, until what is reflected has lost 60 dB
DIRECT_TO_REVERBERANT = (-3.0, 15.0)  # dB
FIRST_ECHO = (0.001, 0.010)  # s after the direct sound
ECHOES = 6  # single ones, before the others are too many to tell apart
DIFFUSE_AFTER = 0.03  # s
ABSORPTION = (0.0, 0.7)  # coefficient of the low-pass filter that reflected sound goes through


def reverberate(signal: np.ndarray, response: np.ndarray) -> np.ndarray:
    """The signal in a room, as long as before.

    Args:
        signal: float32, (samples,).
        response: float32, (taps,), of any scale.
    """
    return oaconvolve(signal, response)[: len(signal)].astype(np.float32)


def made_up_response(rng: np.random.Generator) -> np.ndarray:
    """Of a random room: float32, (taps,); the direct sound is 1, at the first tap."""
    lasts = rng.uniform(*REVERBERATION_TIME)
    time = np.arange(int(SAMPLE_RATE * lasts)) / SAMPLE_RATE
    reflected = rng.standard_normal(len(time)) * (time > DIFFUSE_AFTER)
    echoes = (SAMPLE_RATE * rng.uniform(rng.uniform(*FIRST_ECHO), DIFFUSE_AFTER, ECHOES)).astype(int)
    reflected[echoes] = 3 * rng.standard_normal(ECHOES)
    reflected *= 10 ** (-3 * time / lasts)
    absorbs = rng.uniform(*ABSORPTION)
    reflected = lfilter([1 - absorbs], [1, -absorbs], reflected)
    decibels = rng.uniform(*DIRECT_TO_REVERBERANT)
    reflected *= 10 ** (-decibels / 20) / max(np.sqrt(np.square(reflected).sum()), 1e-9)
    reflected[0] += 1
    return reflected.astype(np.float32)
