"""Recordings as if they were whispered, or sung: what the mouth does stays, what the larynx does is replaced.

For want of such recordings. Linear prediction tells the two apart (Makhoul, "Linear Prediction: A Tutorial Review",
Proc. IEEE 1975): filters of the mouth, for each frame, are fed with noise, or with the pulses of notes that are held.
"""

from collections.abc import Callable

import numpy as np
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter

FRAME, HOP = 0.032, 0.008  # s
POLES_PER_KILOHERTZ, MORE_POLES = 1, 2
WHITENING = 1e-4  # added to the power, or silence could not be solved for
NOTE = 0.7  # s, at most
LOWEST, HIGHEST = 110, 440  # Hz, of the notes

Larynx = Callable[[int, int, np.random.Generator], np.ndarray]  # from samples and the rate to an excitation


def breath(samples: int, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Of a whisper."""
    return rng.standard_normal(samples)


def notes(samples: int, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Of a song, each note held at its pitch."""
    lengths = (rng.uniform(0.5, 1, samples // int(NOTE * rate / 2) + 2) * NOTE * rate).astype(int)
    pitches = LOWEST * (HIGHEST / LOWEST) ** (rng.integers(0, 13, len(lengths)) / 12)
    phase = np.cumsum(np.repeat(pitches, lengths)[:samples]) / rate
    return np.sqrt(rate / pitches.mean()) * (np.diff(np.floor(phase), prepend=0) > 0)


def revoiced(samples: np.ndarray, rate: int, larynx: Larynx, rng: np.random.Generator) -> np.ndarray:
    """The recording (samples,) with another larynx, of the same scale."""
    frame, hop = round(FRAME * rate), round(HOP * rate)
    poles = round(POLES_PER_KILOHERTZ * rate / 1000) + MORE_POLES
    window = np.hanning(frame + 1)[:-1]
    excitation = larynx(len(samples), rate, rng)
    made, weight = np.zeros(len(samples)), np.full(len(samples), 1e-3)
    for start in range(0, len(samples) - frame, hop):
        part = slice(start, start + frame)
        filtered = _through_mouth(samples[part], window, excitation[part], poles)
        made[part] += window * filtered
        weight[part] += window
    return made / weight


def _through_mouth(speech: np.ndarray, window: np.ndarray, excitation: np.ndarray, poles: int) -> np.ndarray:
    """An excitation through the filter that linear prediction finds in a frame, at the frame's level."""
    seen = speech * window
    power = np.correlate(seen, seen, "full")[len(seen) - 1 :][: poles + 1]
    if power[0] <= 0:
        return np.zeros(len(speech))
    power[0] *= 1 + WHITENING
    predictor = solve_toeplitz(power[:poles], power[1:])
    filtered = lfilter([1.0], np.concatenate([[1.0], -predictor]), excitation)
    strength = np.linalg.norm(filtered)
    return filtered * (np.linalg.norm(speech) / strength) if strength else filtered
