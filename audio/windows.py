"""The windows of frames that cover an utterance."""

import numpy as np


def window_starts(length: int, frames: int) -> np.ndarray:
    """First frames of the windows, half a window apart at most, the last one flush with the utterance's end.

    Args:
        length: of the utterance, in frames.
        frames: of a window. An utterance shorter than one gets a single window, see `frame_indices`.
    """
    last = max(length - frames, 0)
    count = -(-last // max(frames // 2, 1)) + 1
    return np.round(np.linspace(0, last, count)).astype(np.int64)


def frame_indices(starts: np.ndarray, frames: int, lengths: np.ndarray | int) -> np.ndarray:
    """Which frames the windows consist of; past the utterance's end it starts again.

    Args:
        starts: (windows,) first frame of each.
        lengths: of each window's utterance, (windows,), or one for all.

    Returns:
        int64, shape = (windows, frames).
    """
    return (starts[:, None] + np.arange(frames)) % np.reshape(lengths, (-1, 1))
