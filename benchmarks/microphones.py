"""How a recording differs that was made elsewhere, for `other_microphones.py`: level, noise, room, band, coding.

Nothing here is shared with training, which has functions and settings of its own: bands by other filters, noise by a
recursive filter instead of a spectrum, rooms by another decay, packets lost one by one. Of the codecs, G.721, G.723.1
and AAC are not among training's; A-law and IMA ADPCM, which are, are not here; GSM and AMR are the same by their
standards, AMR at a rate of its own, and Opus and MP3 run at 16 kHz, where training has 8. Samples are float64 of full
scale 1, shape (samples,), at 8 kHz, and stay as many.
"""

from collections.abc import Callable

import numpy as np
from coded import ffmpeg, libsndfile
from scipy.signal import butter, cheby2, fftconvolve, lfilter, sosfilt

from audio.decode import SAMPLE_RATE

PACKET = SAMPLE_RATE * 30 // 1000  # samples
LOST = 0.05  # of the packets

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def none(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As it is."""
    return samples


def level(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """12 to 36 dB below full scale."""
    return samples / np.sqrt(np.square(samples).mean()) * 10 ** (rng.uniform(-36, -12) / 20)


def noise(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """White to brown, 5 to 25 dB below the speech."""
    made = lfilter([1], [1, -rng.uniform(0, 0.95)], rng.standard_normal(len(samples)))
    ratio = 10 ** (-rng.uniform(5, 25) / 20)
    return samples + made * ratio * np.sqrt(np.square(samples).mean() / np.square(made).mean())


def room(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Reverberation of 0.15 to 0.6 s, 2 dB above to 12 dB below the direct sound."""
    decay = np.exp(-np.log(1000) * np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE / rng.uniform(0.15, 0.6))
    response = rng.standard_normal(len(decay)) * decay
    response *= 10 ** (-rng.uniform(-2, 12) / 20) / np.sqrt(np.square(response).sum())
    response[0] = 1
    return fftconvolve(samples, response)[: len(samples)]


def microphone(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A band from 60 to 350 Hz up to 2.8 to 3.9 kHz, and a tilt."""
    edges = rng.uniform(60, 350), rng.uniform(2800, 3900)
    band = butter(rng.integers(1, 4), edges, "bandpass", fs=SAMPLE_RATE, output="sos")
    return lfilter([1, rng.uniform(-0.5, 0.5)], [1], sosfilt(band, samples))


def elsewhere(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """All of it."""
    for change in (room, noise, microphone, level):
        samples = change(samples, rng)
    return samples


def telephone_band(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """300 to 3,400 Hz, with steep ends."""
    return sosfilt(cheby2(6, 35, (260, 3600), "bandpass", fs=SAMPLE_RATE, output="sos"), samples)


def mu_law(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """8 bits on a logarithmic scale, by the formula (ITU-T G.711)."""
    steps = np.round(127 * np.sign(samples) * np.log1p(255 * np.minimum(np.abs(samples), 1)) / np.log(256))
    return np.sign(steps) * np.expm1(np.abs(steps) / 127 * np.log(256)) / 255


def lost_packets(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """30 ms of zeros for one packet in twenty."""
    kept = np.repeat(rng.random(len(samples) // PACKET + 1) >= LOST, PACKET)
    return samples * kept[: len(samples)]


CODECS: dict[str, Change] = {
    "mu_law": mu_law,
    "gsm": libsndfile("GSM610"),
    "g721": libsndfile("G721_32"),
    "amr": ffmpeg("libopencore_amrnb", "amrnb", 8000, 5150),
    "g723_1": ffmpeg("g723_1", "g723_1", 8000, 6300),
    "opus": ffmpeg("libopus", "libopus", 16000, 9000),
    "mp3": ffmpeg("libmp3lame", "mp3float", 16000, 16000),
    "aac": ffmpeg("aac", "aac", 16000, 16000),
}


def other_telephones(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A microphone, noise, a level, the telephone's band, one of the codecs, packets lost: another call each time."""
    for change in (noise, microphone, level, telephone_band, CODECS[rng.choice(list(CODECS))], lost_packets):
        samples = change(np.clip(samples, -1, 1), rng)
    return samples


CHANGES: dict[str, Change] = {
    **{change.__name__: change for change in (none, level, microphone, noise, room, elsewhere)},
    **{change.__name__: change for change in (telephone_band, lost_packets)},
    **CODECS,
    "other_telephones": other_telephones,
}
