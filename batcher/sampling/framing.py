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


def frame_indices(
    starts: np.ndarray, frames: int, lengths: np.ndarray | int, pace: np.ndarray | float = 1.0
) -> np.ndarray:
    """Which frames the windows consist of; past the utterance's end it starts again.

    Args:
        starts: (windows,) first frame of each.
        lengths: of each window's utterance, (windows,), or one for all.
        pace: frames to go forward for each frame of the window, (windows,) or one for all; 1.1 is speech 10 % faster.

    Returns:
        int64, shape = (windows, frames).
    """
    forward = np.rint(np.arange(frames) * np.reshape(pace, (-1, 1))).astype(np.int64)
    return (starts[:, None] + forward) % np.reshape(lengths, (-1, 1))
