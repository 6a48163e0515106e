"""Samples of any type and order are taken for what they are, or refused in words that name what is expected."""

import numpy as np
import pytest

from audio.arrays import rate_in, samples_in
from audio.errors import UnusableAudioError

MONO = np.random.default_rng(0).integers(-30_000, 30_000, 9000).astype(np.int16)
STEREO = np.stack([MONO, MONO[::-1]], axis=1)
AS_FLOAT = (STEREO / 32_768).astype(np.float32)


class Tensor:
    """As PyTorch's: no array before it is detached and on the processor."""

    def __init__(self, values: np.ndarray, steps: tuple[str, ...] = ("detach", "cpu")):
        self.values, self.steps = values, steps

    def detach(self) -> "Tensor":
        return Tensor(self.values, tuple(one for one in self.steps if one != "detach"))

    def cpu(self) -> "Tensor":
        return Tensor(self.values, tuple(one for one in self.steps if one != "cpu"))

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        if self.steps:
            raise TypeError("can't convert it to numpy.\nUse Tensor.cpu() first")
        return self.values


@pytest.mark.parametrize(
    "given",
    [
        STEREO,
        STEREO.T,
        STEREO.tolist(),
        STEREO.T.tolist(),
        STEREO.astype(np.int32),
        STEREO.astype(np.int64),
        STEREO.astype(np.int32) << 8,
        STEREO.astype(np.int64) << 16,
        STEREO / 32_768,
        AS_FLOAT,
        np.ma.masked_array(STEREO),
        Tensor(STEREO),
        Tensor(AS_FLOAT.T),
        np.asfortranarray(STEREO),
    ],
    ids=lambda given: f"{type(given).__name__} {getattr(given, 'dtype', '')}",
)
def test_they_are_the_same_in_every_form(given):
    samples = samples_in(given)
    as_float = samples / 32_768 if samples.dtype == np.int16 else samples
    np.testing.assert_allclose(as_float, AS_FLOAT, atol=1e-7)
    assert samples.dtype in (np.int16, np.float32)


def test_8_bits():
    wave = np.round(100 * np.sin(np.arange(900)))
    expected = (256 * wave[:, None]).astype(np.int16)
    np.testing.assert_array_equal(samples_in((wave + 128).astype(np.uint8)), expected)
    np.testing.assert_array_equal(samples_in(wave.astype(np.int8)), expected)


def test_one_dimension_is_one_channel():
    np.testing.assert_array_equal(samples_in(MONO), MONO[:, None])
    assert samples_in([]).shape == (0, 1)
    assert samples_in(np.zeros((0, 2))).shape == (0, 2)


@pytest.mark.parametrize(
    ("given", "received"),
    [
        (np.zeros((2, 2, 2)), r"float64 of shape \(2, 2, 2\)"),
        (np.zeros((1, 1, 9000)), r"float64 of shape \(1, 1, 9000\)"),
        (np.zeros((9, 0)), r"float64 of shape \(9, 0\)"),
        (np.zeros((100, 9000)), r"float64 of shape \(100, 9000\)"),
        (0.5, r"float64 of shape \(\)"),
        (None, r"object of shape \(\)"),
        (np.zeros(9, complex), "complex128"),
        (np.zeros(9, bool), "bool"),
        (np.zeros(9, np.uint16), "uint16"),
        (["a.wav", "b.wav"], "<U5"),
        ([None], "object"),
        ((MONO, 16_000), "tuple"),
        ([[1, 2], [3]], "list"),
        ({"array": MONO}, "object"),
        (Tensor(MONO, ("never",)), r"Tensor \(can't convert it to numpy\.\)"),
    ],
    ids=lambda given: str(given)[:20],
)
def test_anything_else_is_refused(given, received):
    expected = r"expected samples as .*of shape \(samples,\), \(samples, channels\) or \(channels, samples\)"
    with pytest.raises(UnusableAudioError, match=rf"{expected}.*\. Received {received}") as caught:
        samples_in(given)
    assert "\n" not in str(caught.value)


def test_masked_samples_are_refused():
    with pytest.raises(UnusableAudioError, match="with 9 of them masked"):
        samples_in(np.ma.masked_array(MONO, np.arange(len(MONO)) < 9))


@pytest.mark.parametrize("rate", [16_000, 16_000.0, np.int64(16_000), np.float32(16_000)])
def test_rates(rate):
    assert rate_in(rate) == 16_000


@pytest.mark.parametrize(
    "rate", [None, "16000", True, 8000.5, float("nan"), float("inf"), [8000], np.array([8000]), b"8000"], ids=str
)
def test_other_rates_are_refused(rate):
    with pytest.raises(UnusableAudioError, match=r"expected the sample rate .*Received"):
        rate_in(rate)
