"""What becomes of recordings as people make them, for `altered_recordings.py`: pauses, clicks, noise, an offset, …

None of it is what training does to its utterances: the filters, the levels and the lengths are of this file alone.
"""

from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter

MAINS = 50  # Hz
FRAME = 200  # samples

Alteration = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
"""From samples of full scale 1, (samples,), and their rate to (samples,) or (samples, channels)."""


def level(samples: np.ndarray) -> float:
    """Root mean square of the louder half of a recording's frames, of some milliseconds each: that of the speech."""
    frames = np.array_split(samples, max(len(samples) // FRAME, 1))
    powers = np.sort([np.square(one).mean() for one in frames])
    return float(np.sqrt(powers[len(powers) // 2 :].mean()))


def unaltered(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """As it is."""
    return samples


def room_noise(length: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of root mean square 1, which falls by 6 dB an octave from 150 Hz or so (at 8 kHz), (length,)."""
    made = lfilter([1], [1, -0.89], rng.standard_normal(length + 100))[100:]
    return made / np.sqrt(np.square(made).mean()) if length else made


def pause(seconds: float, noise_db: float | None = None) -> Alteration:
    """A pause in the middle: digital zeros, or noise so many dB below the speech."""

    def alteration(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
        middle = len(samples) // 2
        return np.concatenate([samples[:middle], _filled(seconds, samples, rate, noise_db, rng), samples[middle:]])

    return alteration


def around(seconds: float, noise_db: float | None = None) -> Alteration:
    """The same before and after."""

    def alteration(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
        before, after = (_filled(seconds, samples, rate, noise_db, rng) for _ in range(2))
        return np.concatenate([before, samples, after])

    return alteration


def _filled(
    seconds: float, samples: np.ndarray, rate: int, noise_db: float | None, rng: np.random.Generator
) -> np.ndarray:
    length = round(seconds * rate)
    if noise_db is None:
        return np.zeros(length)
    return room_noise(length, rng) * level(samples) * 10 ** (-noise_db / 20)


def zeros_between_words(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Four pauses of 1 s zeros, where the recording is quietest in each fifth's surroundings."""
    ends = [quietest(samples, rate, part * len(samples) // 5) for part in range(1, 5)]
    parts = np.split(samples, ends)
    return np.concatenate([parts[0], *(piece for part in parts[1:] for piece in (np.zeros(rate), part))])


def quietest(samples: np.ndarray, rate: int, near: int) -> int:
    """The middle of the quietest 20 ms within 0.2 s of a sample."""
    size, reach = rate // 50, rate // 5
    starts = range(max(near - reach, 0), min(near + reach, len(samples) - size), size)
    return min(starts, key=lambda start: np.square(samples[start : start + size]).sum(), default=near) + size // 2


def background(ratio_db: float) -> Alteration:
    """Noise all along, so many dB below the speech."""

    def alteration(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
        return samples + room_noise(len(samples), rng) * level(samples) * 10 ** (-ratio_db / 20)

    return alteration


def click(rate: int, rng: np.random.Generator) -> np.ndarray:
    """4 ms that ring and die away, near full scale."""
    decay = np.exp(-np.arange(rate // 250) / (rate / 2000))
    return 0.9 * decay * rng.choice([-1, 1], len(decay))


def clicks_outside(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """A click, 5 s of silence, the speech, 5 s of silence, a click: as a button makes them."""
    edge, silence = np.zeros(rate // 10), np.zeros(5 * rate)
    return np.concatenate([edge, click(rate, rng), silence, samples, silence, click(rate, rng), edge])


def clicks_inside(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Five clicks on the speech."""
    altered = samples.copy()
    for start in rng.integers(0, len(samples) - rate // 250, 5):
        altered[start : start + rate // 250] += click(rate, rng)
    return altered


def offset(share: float) -> Alteration:
    """A constant, a share of full scale, added."""

    def alteration(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
        return samples + share

    return alteration


def hum(ratio_db: float) -> Alteration:
    """The mains and its first harmonics, so many dB below the speech."""

    def alteration(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
        time = np.arange(len(samples)) / rate
        made = sum(np.sin(2 * np.pi * MAINS * n * time + rng.uniform(0, 6.28)) / n for n in (1, 2, 3))
        return samples + made / np.sqrt(np.square(made).mean()) * level(samples) * 10 ** (-ratio_db / 20)

    return alteration


def rumble(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """A wandering offset below 20 Hz, as loud as the speech: wind, or a hand on the microphone."""
    pole = np.exp(-2 * np.pi * 10 / rate)
    made = rng.standard_normal(len(samples) + rate)
    for _ in range(3):
        made = lfilter([1 - pole], [1, -pole], made)
    made = made[rate:]
    return samples + made / np.sqrt(np.square(made).mean()) * level(samples)


def quieter(decibels: float) -> Alteration:
    """Turned down."""

    def alteration(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
        return samples * 10 ** (-decibels / 20)

    return alteration


def channels(other: Callable[[np.ndarray, int, np.random.Generator], np.ndarray]) -> Alteration:
    """Two channels, the second made of the first."""

    def alteration(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
        return np.stack([samples, other(samples, rate, rng)], axis=1)

    return alteration


def delayed(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """0.5 ms later, as a second microphone 17 cm away has it."""
    late = round(0.0005 * rate)
    return np.concatenate([np.zeros(late), samples[:-late]])


def as_loud_noise(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """White noise as loud as the speech."""
    return rng.standard_normal(len(samples)) * level(samples)


ALTERATIONS: dict[str, Alteration] = {
    "unaltered": unaltered,
    "5 s of zeros in the middle": pause(5),
    "10 s of zeros in the middle": pause(10),
    "5 s of room noise (-35 dB) in the middle": pause(5, 35),
    "10 s of room noise (-35 dB) in the middle": pause(10, 35),
    "10 s of room noise (-20 dB) in the middle": pause(10, 20),
    "1 s of zeros in four places": zeros_between_words,
    "5 s of zeros around": around(5),
    "5 s of room noise (-35 dB) around": around(5, 35),
    "background 30 dB below": background(30),
    "background 20 dB below": background(20),
    "background 10 dB below": background(10),
    "clicks before and after outer silence": clicks_outside,
    "five clicks inside": clicks_inside,
    "offset of 2 %": offset(0.02),
    "offset of 10 %": offset(0.1),
    "hum 20 dB below": hum(20),
    "hum 10 dB below": hum(10),
    "rumble as loud as the speech": rumble,
    "20 dB quieter": quieter(20),
    "40 dB quieter": quieter(40),
    "second channel a copy": channels(lambda samples, *_: samples),
    "second channel inverted": channels(lambda samples, *_: -samples),
    "second channel 0.5 ms late": channels(delayed),
    "second channel silent": channels(lambda samples, *_: 0 * samples),
    "second channel as loud noise": channels(as_loud_noise),
}
