"""The mel scale, its triangular filters, and the cosine transform of their logarithms.

The same numbers as python_speech_features, which the first release used, gives (tests/test_mel.py compares them): the
library itself imports SciPy, and together they would be a third of what an installation for inference weighs.
"""

from functools import cache

import numpy as np

LIFTER = 22  # of the cepstra's weights, which rise and fall over so many of them


def mel_of(hertz: np.ndarray | float) -> np.ndarray:
    """The mel scale of O'Shaughnessy, "Speech Communication" (1987): 2595 log10(1 + Hz / 700)."""
    return 2595 * np.log10(1 + np.asarray(hertz, float) / 700)


def hertz_of(mel: np.ndarray | float) -> np.ndarray:
    """What `mel_of` comes from."""
    return 700 * (10 ** (np.asarray(mel, float) / 2595) - 1)


@cache
def mel_filters(num_filters: int, fft_size: int, sample_rate: int) -> np.ndarray:
    """Triangles from 0 Hz to half the sample rate, equally wide in mel, whose corners lie on the FFT's frequencies.

    Returns:
        float64, shape = (fft_size // 2 + 1, num_filters): what each frequency's power counts for each filter.
    """
    corners = hertz_of(np.linspace(0, mel_of(sample_rate / 2), num_filters + 2))
    places = np.floor((fft_size + 1) * corners / sample_rate)
    low, centre, high = places[:-2], places[1:-1], places[2:]
    frequency = np.arange(fft_size // 2 + 1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):  # of filters without a frequency, which stay empty
        rising, falling = (frequency - low) / (centre - low), (high - frequency) / (high - centre)
    is_rising, is_falling = (low <= frequency) & (frequency < centre), (centre <= frequency) & (frequency < high)
    return np.where(is_rising, rising, np.where(is_falling, falling, 0.0))


def liftered_cosines(num_filters: int, num_cepstra: int) -> np.ndarray:
    """The orthonormal DCT-II and sine weights (Juang et al., 1987) that turn log mel values into liftered cepstra.

    Returns:
        float64, shape = (num_filters, num_cepstra).
    """
    order = np.arange(num_cepstra)
    quarters = (2 * np.arange(num_filters)[:, None] + 1) * order % (4 * num_filters)  # whole turns make no difference
    cosines = np.sqrt(2 / num_filters) * np.cos(np.pi * quarters / (2 * num_filters))
    cosines[:, 0] = np.sqrt(1 / num_filters)
    return cosines * (1 + LIFTER / 2 * np.sin(np.pi * order / LIFTER))
