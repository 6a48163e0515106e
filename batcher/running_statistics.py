"""Mean and deviation of the features of frames that are never together in memory."""

from typing import Any

import numpy as np

from audio.feature_settings import FeatureSettings
from audio.mfcc import cepstra_with_derivatives
from batcher.inputs_file import FrameStatistics
from storage.fields import Fields

SMALLEST_DEVIATION = 1e-3


class RunningStatistics:
    """Sums over frames, to which more can be added: frames, or the sums over others."""

    def __init__(self, settings: FeatureSettings):
        self.settings = settings
        self.count = 0
        self.sum = np.zeros(settings.size)
        self.sum_of_squares = np.zeros(settings.size)

    def add(self, log_mel: np.ndarray) -> None:
        """Add the features of an utterance's frames, (frames, 1 + filters)."""
        frames = cepstra_with_derivatives(log_mel.astype(np.float64), self.settings)
        self.count += len(frames)
        self.sum += frames.sum(axis=0)
        self.sum_of_squares += np.square(frames).sum(axis=0)

    def include(self, other: "RunningStatistics") -> None:
        """Add what was added to another one. The last bits of sums depend on their order."""
        self.count += other.count
        self.sum += other.sum
        self.sum_of_squares += other.sum_of_squares

    def result(self) -> FrameStatistics:
        """Mean and deviation of all that was added."""
        mean = self.sum / self.count
        deviation = np.sqrt(np.maximum(self.sum_of_squares / self.count - mean**2, SMALLEST_DEVIATION**2))
        return FrameStatistics(mean.astype(np.float32), deviation.astype(np.float32))

    def as_json(self) -> dict[str, Any]:
        """The sums, from which `from_json` gets the same, bit by bit."""
        return {"count": self.count, "sum": self.sum.tolist(), "sum_of_squares": self.sum_of_squares.tolist()}

    @classmethod
    def from_json(cls, value: object, settings: FeatureSettings) -> "RunningStatistics":
        """Read what `as_json` wrote.

        Raises:
            ValueError: a field is missing, unknown, of another type, or makes no sense.
        """
        fields, read = Fields(value), cls(settings)
        read.count = fields.whole("count")
        read.sum, read.sum_of_squares = (np.array(fields.numbers(name)) for name in ("sum", "sum_of_squares"))
        fields.end()
        if not read.sum.shape == read.sum_of_squares.shape == (settings.size,):
            raise ValueError(f"expected sums of {settings.size} features. Received others")
        return read
