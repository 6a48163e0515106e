"""What telephones and cheap microphones do to speech between the mouth and the file, short of coding (see `codecs`).

Signals are float32 of 16-bit full scale, shape (samples,), at 8 kHz; each function gives a new one. Everything random
comes from the generator that is passed in.
"""

import numpy as np
from scipy.signal import butter, lfilter, sosfilt

from audio.decode import PCM_SCALE, SAMPLE_RATE

FRAME = SAMPLE_RATE // 50  # samples, 20 ms: what a packet or a codec's frame holds
LOWEST_HZ, HIGHEST_HZ = (200.0, 450.0), (2900.0, 3700.0)  # where a line's band ends, around the nominal 300 and 3,400
STEEPNESS = 4  # of a band's ends: orders of the filter up to this
LOSS, BURST = (0.01, 0.1), 3.0  # share of packets lost, and how many in a row at the most on average
FADE = 0.6  # of a repeated packet's amplitude, for each time that it is repeated
REACTION = (0.1, 1.0)  # s, time constant of automatic gain
STRENGTH = (0.3, 0.9)  # share of a difference in level (dB) that automatic gain takes away
HIGHEST_GAIN = 20.0  # dB, of automatic gain
CLIPPED = (0.0005, 0.02)  # share of samples beyond what an overdriven microphone gives
LEVELS = (-38.0, -14.0)  # dB, root mean square of speech relative to full scale


def limit_band(signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Leave some 300 to 3,400 Hz, as a telephone line does (ITU-T G.712 has the masks)."""
    band = (rng.uniform(*LOWEST_HZ), rng.uniform(*HIGHEST_HZ))
    filters = butter(int(rng.integers(1, STEEPNESS + 1)), band, "bandpass", fs=SAMPLE_RATE, output="sos")
    return sosfilt(filters.astype(np.float32), signal).astype(np.float32)


def lose_packets(signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lose some packets of 20 ms, singly or in a row; a phone gives silence instead, or the last one again, fading.

    Which are lost is Gilbert's chain of two states (1960): after a packet that came, and after one that did not.
    """
    count = len(signal) // FRAME
    stays = 1 - 1 / rng.uniform(1, BURST)  # probability that the next one is lost too
    share = rng.uniform(*LOSS)
    begins = share * (1 - stays) / (1 - share)
    repeats = rng.random() < 0.5
    chances = rng.random(count)
    packets, lost = signal.copy(), 0
    for number in range(1, count):
        lost = lost + 1 if chances[number] < (stays if lost else begins) else 0
        if lost:
            here = slice(number * FRAME, (number + 1) * FRAME)
            packets[here] = FADE * packets[(number - 1) * FRAME : number * FRAME] if repeats else 0
    return packets


def gain_automatically(signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Follow the level slowly, and take a part of its changes away: pauses become loud, and loud words quiet."""
    count = -(-len(signal) // FRAME)
    frames = np.pad(signal, (0, count * FRAME - len(signal))).reshape(count, FRAME)
    decibels = 10 * np.log10(np.square(frames).mean(axis=1) + 1)
    keeps = np.exp(-FRAME / SAMPLE_RATE / rng.uniform(*REACTION))
    typical = decibels.mean()
    level = typical + lfilter([1 - keeps], [1, -keeps], decibels - typical)  # as if it had been typical before
    gain = np.clip(rng.uniform(*STRENGTH) * (typical - level), -HIGHEST_GAIN, HIGHEST_GAIN)
    at = np.interp(np.arange(len(signal)), (np.arange(count) + 0.5) * FRAME, gain)
    return signal * np.float32(10) ** (at / 20).astype(np.float32)


def overdrive(signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cut the peaks off, or round them, as an overdriven microphone does."""
    magnitude = np.abs(signal)
    rank = int(len(signal) * (1 - rng.uniform(*CLIPPED)))
    limit = max(float(np.partition(magnitude, rank)[rank]), 1.0)
    return np.clip(signal, -limit, limit) if rng.random() < 0.5 else limit * np.tanh(signal / limit)


def bring_to_level(signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Scale to a random level: codecs, and 16 bits, do more to the quiet than to the loud."""
    wanted = PCM_SCALE * 10 ** (rng.uniform(*LEVELS) / 20)
    return signal * np.float32(wanted / max(root_mean_square(signal), 1e-3))


def root_mean_square(signal: np.ndarray) -> float:
    """Return the root mean square of a signal's samples; 0 for an empty signal."""
    return float(np.sqrt(np.square(signal).mean())) if signal.size else 0.0
