"""Sounds in which nobody speaks, for `no_speech.py`: noises, tones, music, machines. Their levels mean nothing."""

from collections.abc import Callable

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

NOTES = 440 * 2 ** (np.arange(-24, 25) / 12)  # Hz, four octaves around a'
MAJOR, MINOR = (0, 4, 7), (0, 3, 7)  # semitones of a chord

Sound = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]  # from time in s, and the rate in Hz, to samples


def white(time: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """All frequencies alike."""
    return rng.standard_normal(len(time))


def coloured(exponent: float) -> Sound:
    """Noise whose power falls as a power of the frequency, from 20 Hz on: 1 for pink, 2 for brown."""

    def sound(time: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
        spectrum = np.fft.rfft(rng.standard_normal(len(time)))
        hertz = np.maximum(np.fft.rfftfreq(len(time), 1 / rate), 20)
        made = np.fft.irfft(spectrum * hertz ** (-exponent / 2), len(time))
        return made / np.sqrt(np.square(made).mean())

    return sound


def band_noise(time: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of an octave or so."""
    low = rng.uniform(150, 1700)
    return sosfilt(butter(4, (low, 2 * low), "bandpass", fs=rate, output="sos"), white(time, rate, rng))


def telephone_noise(time: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """A telephone line that nobody speaks on: 300 to 3,400 Hz."""
    return sosfilt(butter(4, (300, 3400), "bandpass", fs=rate, output="sos"), white(time, rate, rng))


def swelling_noise(time: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Pink noise that comes and goes, as traffic and surf do."""
    return coloured(1)(time, rate, rng) * (1.1 + np.sin(2 * np.pi * rng.uniform(0.1, 0.5) * time + rng.uniform(0, 6)))


def syllabic_noise(time: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Pink noise at the pace of syllables, four a second or so: wipers, a saw."""
    return coloured(1)(time, rate, rng) * np.clip(np.sin(2 * np.pi * rng.uniform(2, 6) * time), 0.02, None)


def hum(time: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """The mains, with harmonics."""
    mains = rng.choice([50, 60])
    return sum(np.sin(2 * np.pi * mains * n * time + rng.uniform(0, 6)) / n for n in range(1, 9))


def tone(time: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """A sine of 100 Hz to 3 kHz."""
    return np.sin(2 * np.pi * np.exp(rng.uniform(np.log(100), np.log(3000))) * time)


def dial_tone(time: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Two sines of a telephone, steady or in bursts: dialling, busy, ringing."""
    low, high = [(350, 440), (480, 620), (440, 480)][rng.integers(3)]
    period, on = [(1, 1), (1, 0.5), (6, 2)][rng.integers(3)]
    return (np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time)) * (time % period < on)


def touch_tones(time: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Keys of a telephone, 0.1 to 0.3 s each."""
    period = rng.uniform(0.15, 0.4)
    keys = rng.integers(0, 4, (2, int(time[-1] / period) + 1))[:, (time / period).astype(int)]
    low, high = np.array([697, 770, 852, 941])[keys[0]], np.array([1209, 1336, 1477, 1633])[keys[1]]
    return (np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time)) * (time % period < 0.7 * period)


def chord(time: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Three notes with harmonics, held: an organ."""
    notes = NOTES[rng.integers(0, 36) + np.array([MAJOR, MINOR][rng.integers(2)])]
    return sum(harmonics(note, time, rate, 1.2) for note in notes)


def chords(time: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Another chord twice a second, each dying away: a piano."""
    return played(time, rate, rng, notes=3, pace=2, decay=0.5)


def music_box(time: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """High single notes, four a second."""
    return played(time, rate, rng, notes=1, pace=4, decay=0.3, lowest=24)


def plucked(time: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Low single notes, three a second: a guitar, in the range of voices."""
    return played(time, rate, rng, notes=1, pace=3, decay=0.4)


def played(
    time: np.ndarray, rate: int, rng: np.random.Generator, notes: int, pace: float, decay: float, lowest: int = 0
) -> np.ndarray:
    """Notes struck at a pace (a second), each dying away in `decay` s."""
    samples = np.zeros(len(time))
    for start in np.arange(0, time[-1], 1 / pace):
        since = time[time >= start] - start
        first = rng.integers(lowest, len(NOTES) - 7)
        struck = NOTES[first + np.array(MAJOR[:notes] if rng.integers(2) else MINOR[:notes])]
        samples[len(time) - len(since) :] += sum(harmonics(n, since, rate, 1.5) for n in struck) * np.exp(
            -since / decay
        )
    return samples


def harmonics(hertz: float, time: np.ndarray, rate: int, fall: float) -> np.ndarray:
    """A tone and its harmonics below 4 kHz or half the rate, each weaker by its number to the power `fall`."""
    count = max(int(min(4000, rate / 2) / hertz), 1)
    return sum(np.sin(2 * np.pi * hertz * n * time) / n**fall for n in range(1, min(count, 8) + 1))


def clicks(time: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """One to five a second, in faint noise: a keyboard, a clock, a record."""
    train = (rng.uniform(size=len(time)) < rng.uniform(1, 5) / rate).astype(float)
    train[len(train) // 2] = 1
    ringing = np.exp(-np.arange(rate // 100) / (rate / 1000)) * rng.standard_normal(rate // 100)
    return fftconvolve(train, ringing)[: len(time)] + 1e-3 * rng.standard_normal(len(time))


def engine(time: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """A drone of 20 to 120 Hz with harmonics, that speeds up and slows down a little, and noise."""
    hertz = rng.uniform(20, 120) * (1 + 0.05 * np.sin(2 * np.pi * 0.3 * time))
    phase = 2 * np.pi * np.cumsum(hertz) / rate
    drone = sum(np.sin(n * phase + rng.uniform(0, 6)) / n for n in range(1, 20))
    return drone + 0.3 * coloured(1)(time, rate, rng)


def siren(time: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """A tone that rises and falls between 500 Hz and 1.4 kHz."""
    hertz = 950 + 450 * np.sin(2 * np.pi * rng.uniform(0.2, 2) * time)
    return np.sin(2 * np.pi * np.cumsum(hertz) / rate)


def pulses(time: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """A buzz of 80 to 250 Hz, the pitch of voices, without any formants that move."""
    return harmonics(rng.uniform(80, 250), time, rate, 0.5)


def dead(time: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """A channel that nothing is connected to: a constant, or the last bit of a converter."""
    return [np.ones(len(time)), rng.integers(-1, 2, len(time)).astype(float)][rng.integers(2)]


def silent(time: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Zeros."""
    return np.zeros(len(time))


SOUNDS: dict[str, Sound] = {
    "white noise": white,
    "pink noise": coloured(1),
    "brown noise": coloured(2),
    "noise of an octave": band_noise,
    "telephone noise": telephone_noise,
    "swelling noise": swelling_noise,
    "noise at the pace of syllables": syllabic_noise,
    "hum": hum,
    "tone": tone,
    "dial tone": dial_tone,
    "touch tones": touch_tones,
    "organ chord": chord,
    "piano chords": chords,
    "music box": music_box,
    "plucked notes": plucked,
    "clicks": clicks,
    "engine": engine,
    "siren": siren,
    "buzz": pulses,
    "dead channel": dead,
    "zeros": silent,
}
