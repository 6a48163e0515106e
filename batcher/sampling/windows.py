"""Windows of frames: where they lie in an utterance, and cutting them out of a split."""

import numpy as np

from batcher.mapped_frames import MappedFrames
from batcher.speaker_split import SpeakerSplit


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


def take_windows(
    split: SpeakerSplit, utterances: np.ndarray, begin: np.ndarray, frames: int, pace: np.ndarray | float = 1.0
) -> np.ndarray:
    """Cut a window from each utterance, from frame `begin` on; see `frame_indices`.

    Returns:
        log energies and log mel values, float32, shape = (batch, frames, 33).
    """
    return cut(split.log_mel, split.starts[utterances], split.lengths[utterances], begin, frames, pace)


def cut(
    log_mel: np.ndarray | MappedFrames,
    starts: np.ndarray,
    lengths: np.ndarray,
    begin: np.ndarray,
    frames: int,
    pace: np.ndarray | float = 1.0,
) -> np.ndarray:
    """Cut a window from each of the stretches of `log_mel` with these first frames and lengths, both (batch,).

    Otherwise as `take_windows`.
    """
    within = frame_indices(begin, frames, lengths, pace)
    return log_mel.take(starts[:, None] + within, axis=0).astype(np.float32)


def covering_windows(split: SpeakerSplit, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Every utterance of a split as the windows that cover it.

    Returns:
        (utterances, begins), both shape = (windows,): what `take_windows` needs.
    """
    starts = [window_starts(length, frames) for length in split.lengths]
    utterances = np.repeat(np.arange(len(starts)), [len(start) for start in starts])
    return utterances, np.concatenate(starts) if starts else np.zeros(0, np.int64)
