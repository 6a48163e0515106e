"""Recordings that hold the same sound: a copy, another format of it, a cut. They tell no more of a speaker than one.

Nobody says anything twice in the same way, wave by wave. So stretches of the shorter recording are searched for in the
longer by cross-correlation, below 1 kHz, where neither another sample rate nor a lossy format changes much.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from audio.decode import SAMPLE_RATE

DECIMATION = 2  # samples of 8 kHz to one
STRETCH = SAMPLE_RATE // DECIMATION  # samples, 1 s
LARGEST_SHARE = 0.7  # of the shorter recording: its ends may have been cut elsewhere
STRETCHES, COUNTED = 3, 2  # of the shorter recording: the loudest, and of these the ones that fit best
USUAL = 90  # percentile of the correlations at all places
SAME_SOUND = 0.75  # correlation above the usual; other recordings of a speaker hardly have it, and 98 % of copies do


@dataclass(frozen=True)
class Repeat:
    """A recording that says nothing new."""

    row: int  # of the recording
    holder: int  # row of the recording that holds the same sound


def repeats(signals: Sequence[np.ndarray]) -> list[Repeat]:
    """Return the recordings that repeat what another one holds; the longest is kept, of equal ones the first.

    Args:
        signals: each int16, (samples,), at 8 kHz.
    """
    lowered = [_lowered(signal) for signal in signals]
    order = sorted(range(len(signals)), key=lambda row: -len(signals[row]))
    kept: list[int] = []
    repeated = []
    for row in order:
        holder = next((other for other in kept if _holds(lowered[other], lowered[row])), None)
        if holder is None:
            kept.append(row)
        else:
            repeated.append(Repeat(row, holder))
    return sorted(repeated, key=lambda repeat: repeat.row)


def _lowered(signal: np.ndarray) -> np.ndarray:
    """Below 1 kHz: means of `DECIMATION` samples."""
    count = len(signal) // DECIMATION
    return signal[: count * DECIMATION].reshape(count, DECIMATION).mean(axis=1, dtype=np.float32)


def _holds(longer: np.ndarray, shorter: np.ndarray) -> bool:
    """Whether stretches of the shorter are somewhere in the longer."""
    return best_correlation(longer, shorter) >= SAME_SOUND


def best_correlation(longer: np.ndarray, shorter: np.ndarray) -> float:
    """Return the correlation of the shorter's loudest stretches with the places in the longer that they fit best.

    It is 0 where either is empty.

    Only what is above the usual counts, since a tone in both recordings fits everywhere.
    """
    stretches = _stretches(shorter)
    width = stretches.shape[1]
    if width == 0 or len(longer) < width:
        return 0.0
    size = 1 << (len(longer) + width - 1).bit_length()
    places = len(longer) - width + 1
    spectrum = np.fft.rfft(longer, size)
    products = np.fft.irfft(spectrum * np.conj(np.fft.rfft(stretches, size)), size)[:, :places]
    energy = np.concatenate([[0.0], np.cumsum(np.square(longer, dtype=np.float64))])
    local = np.sqrt(np.maximum(energy[width:] - energy[:-width], 0))
    loudness = np.linalg.norm(stretches.astype(np.float64), axis=1, keepdims=True)
    loud = local > 0.05 * local.max()  # the rest is silence, where rounding could correlate
    scale = np.where(loud, loudness * local, np.inf)
    correlation = np.abs(products) / np.maximum(scale, 1e-9)  # an inverted copy is one
    usual = np.percentile(correlation[:, loud], USUAL, axis=1) if loud.any() else np.zeros(len(loudness))
    best = (correlation.max(axis=1) - usual) / np.maximum(1 - usual, 1e-9)
    return float(np.sort(best)[-COUNTED:].mean())


def _stretches(signal: np.ndarray) -> np.ndarray:
    """The loudest of those that follow each other, from the middle of what is left over, (stretches, samples)."""
    width = min(STRETCH, int(LARGEST_SHARE * len(signal)))
    if width == 0:
        return np.zeros((0, 0), np.float32)
    start = len(signal) % width // 2
    stretches = signal[start : start + len(signal) // width * width].reshape(-1, width)
    return stretches[np.argsort(-np.square(stretches).sum(axis=1), kind="stable")[:STRETCHES]]
