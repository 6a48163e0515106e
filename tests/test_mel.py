"""The mel filters and the cosine transform, beside python_speech_features and SciPy, which other people know."""

import numpy as np
import pytest
import python_speech_features as psf
from scipy.fft import dct

from audio.mel import hertz_of, liftered_cosines, mel_filters, mel_of

RATE = 8000


@pytest.mark.parametrize(("filters", "fft_size"), [(26, 256), (32, 256), (43, 256), (60, 256), (64, 512), (128, 1024)])
def test_filters_are_those_of_python_speech_features(filters, fft_size):
    np.testing.assert_array_equal(mel_filters(filters, fft_size, RATE), psf.get_filterbanks(filters, fft_size, RATE).T)


@pytest.mark.parametrize("filters", [1, 2, 26, 32, 128])
@pytest.mark.parametrize("cepstra", [1, 13, 20])
def test_cosines_are_the_orthonormal_transform_with_its_lifter(filters, cepstra):
    cepstra = min(cepstra, filters)
    expected = psf.lifter(dct(np.eye(filters), axis=1, norm="ortho")[:, :cepstra])
    np.testing.assert_allclose(liftered_cosines(filters, cepstra), expected, rtol=0, atol=1e-14)


def test_the_scale_is_the_common_one():
    assert mel_of(1000) == pytest.approx(1000, abs=0.02)  # by its definition, a tone of 1 kHz has 1,000 mel
    np.testing.assert_allclose(hertz_of(mel_of([0, 60, 700, 4000])), [0, 60, 700, 4000], atol=1e-9)
