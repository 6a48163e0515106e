"""What shapes the features: frames, mel filters, cepstra."""

import reprlib
from dataclasses import dataclass
from typing import Any

from audio.decode import SAMPLE_RATE
from audio.mel import mel_filters
from storage.fields import Fields

FRAME_STEP = 0.010  # s
FFT_SIZES = (256, 512, 1024)  # samples; the first is the next power of two above a frame of 25 ms
MOST_FILTERS = 128  # mel filters; the largest FFT has frequencies for some more
LIMITS = {  # of each setting, the lowest and the highest value that makes sense
    "sample_rate": (SAMPLE_RATE, SAMPLE_RATE),  # of all speech here: at another rate, every filter would be misplaced
    "frame_length": (0.001, FFT_SIZES[-1] / SAMPLE_RATE),
    "frame_step": (0.001, FFT_SIZES[-1] / SAMPLE_RATE),
    "fft_size": (1, FFT_SIZES[-1]),
    "num_filters": (1, MOST_FILTERS),
    "num_cepstra": (1, MOST_FILTERS),
    "dither_seed": (0, 2**31 - 1),
}
KINDS = {name: float if name in ("frame_length", "frame_step") else int for name in LIMITS}  # of each setting


@dataclass(frozen=True)
class FeatureSettings:
    """What shapes the features; it travels with the training inputs and with every checkpoint.

    Files from elsewhere hold settings too, so they are checked before anything is computed with them.

    Raises:
        TypeError: a field that this version does not know.
        ValueError: a setting of another type or beyond `LIMITS`, or settings that do not go together: a frame longer
            than the FFT, more cepstra than filters, filters so narrow that some lie between the FFT's frequencies.
    """

    sample_rate: int = SAMPLE_RATE  # Hz
    frame_length: float = 0.025  # s
    frame_step: float = FRAME_STEP  # s
    fft_size: int = FFT_SIZES[0]  # samples
    num_filters: int = 32
    num_cepstra: int = 20  # 13 of 26 filters are v1's
    dither_seed: int = 0

    def __post_init__(self) -> None:
        for name, kind in KINDS.items():
            _check_setting(name, kind, getattr(self, name))
        (frame, _), filters = self.frame_samples, self.num_filters
        _expect(self.frame_step <= self.frame_length, "frame_step up to frame_length", self.frame_step)
        _expect(frame <= self.fft_size, f"fft_size of a frame's {frame} samples or more", self.fft_size)
        _expect(self.num_cepstra <= filters, f"num_cepstra up to num_filters, {filters}", self.num_cepstra)
        fits = _no_filter_is_empty(filters, self.fft_size)
        _expect(fits, f"num_filters for which an fft_size of {self.fft_size} has frequencies", filters)

    @classmethod
    def fitting(cls, num_filters: int, **others: Any) -> "FeatureSettings":
        """Settings with the shortest FFT at which no filter is empty.

        Args:
            num_filters: on the mel scale, up to `MOST_FILTERS`.
            others: any other fields but `fft_size`.

        Raises:
            TypeError, ValueError: as said of the class.
        """
        _check_setting("num_filters", int, num_filters)
        fft_size = next(size for size in FFT_SIZES if _no_filter_is_empty(num_filters, size))
        return cls(num_filters=num_filters, fft_size=fft_size, **others)

    @classmethod
    def from_json(cls, value: object) -> "FeatureSettings":
        """Read settings from a file.

        Raises:
            ValueError: a setting is missing, unknown, of another type, or makes no sense.
        """
        fields = Fields(value)
        settings = cls(
            sample_rate=fields.take("sample_rate", int),
            frame_length=fields.take("frame_length", float),
            frame_step=fields.take("frame_step", float),
            fft_size=fields.take("fft_size", int),
            num_filters=fields.take("num_filters", int),
            num_cepstra=fields.take("num_cepstra", int),
            dither_seed=fields.take("dither_seed", int),
        )
        fields.end()
        return settings

    @property
    def frame_samples(self) -> tuple[int, int]:
        """How long a frame is, and how far it is to the next, in samples."""
        return round(self.sample_rate * self.frame_length), round(self.sample_rate * self.frame_step)

    @property
    def size(self) -> int:
        """Values per frame: cepstra, first and second derivatives."""
        return 3 * self.num_cepstra

    @property
    def log_mel_size(self) -> int:
        """Values per frame before they become cepstra: the log energy and the log power of each filter."""
        return 1 + self.num_filters


def _check_setting(name: str, kind: type[int | float], value: object) -> None:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"expected {name} as {kind.__name__}. Received {type(value).__name__}")
    lowest, highest = LIMITS[name]
    inside = lowest <= value <= highest  # which NaN is not, either
    _expect(inside, f"{name} of {lowest}" if lowest == highest else f"{name} from {lowest} to {highest}", value)


def _expect(holds: bool, what: str, received: float) -> None:
    if not holds:
        raise ValueError(f"expected {what}. Received {reprlib.repr(received)}")  # which shortens endless numbers


def _no_filter_is_empty(num_filters: int, fft_size: int) -> bool:
    """Whether each filter holds a frequency above 0, of which pre-emphasis leaves next to nothing.

    An empty one gives the same power in every recording; less the utterance's level, that is a feature of loudness.
    """
    return bool(mel_filters(num_filters, fft_size, SAMPLE_RATE)[1:].any(axis=0).all())


DEFAULT_FEATURES = FeatureSettings()
