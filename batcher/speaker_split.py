"""A side of the data: frames of utterances, and who speaks them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from batcher.mapped_frames import MappedFrames


def _no_copies() -> np.ndarray:
    return np.zeros((0, 0), np.int64)


@dataclass(frozen=True)
class SpeakerSplit:
    """A side of the data: frames of utterances, and who speaks them."""

    # (all frames, 33) float16, log energy and log mel values, utterance after utterance; in shards, of both sides
    log_mel: np.ndarray | MappedFrames
    starts: np.ndarray  # (utterances,) int64, first frame of each
    lengths: np.ndarray  # (utterances,) int64, frames of each
    labels: np.ndarray  # (utterances,) int64, index into `TrainingInputs.speakers`
    # of each utterance's disturbed copies, (copies, utterances) int64
    copy_starts: np.ndarray = field(default_factory=_no_copies)
    copy_lengths: np.ndarray = field(default_factory=_no_copies)
    names: Sequence[str] = ()  # of the utterances, as `corpus/speaker/utterance`

    def some(self, most: int) -> "SpeakerSplit":
        """The same side, or of more than so many utterances only that number, evenly spread; without copies."""
        if len(self.labels) <= most:
            return self
        rows = np.unique(np.linspace(0, len(self.labels) - 1, most).round().astype(int))
        names = [self.names[row] for row in rows] if self.names else ()
        return SpeakerSplit(self.log_mel, self.starts[rows], self.lengths[rows], self.labels[rows], names=names)

    def frames_of(self, utterance: int) -> np.ndarray:
        """The log mel values of an utterance as it was recorded, (frames, 33) float16."""
        return self.log_mel[self.starts[utterance] : self.starts[utterance] + self.lengths[utterance]]
