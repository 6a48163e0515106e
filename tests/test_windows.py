"""Windows: where they lie in an utterance, and cutting them out."""

import numpy as np
import pytest

from batcher.sampling.windows import covering_windows, frame_indices, take_windows, window_starts
from batcher.speaker_split import SpeakerSplit

WINDOW_LENGTHS = (2, 3, 5, 10, 160)
FRAMES = 8
LENGTHS = [30, 8, 3, 12, 25, 9, 1, 40]  # of the utterances


@pytest.fixture
def split() -> SpeakerSplit:
    """Utterances whose frames say where they come from: (utterance, frame within it)."""
    lengths = np.array(LENGTHS)
    rows = [(utterance, frame) for utterance, length in enumerate(LENGTHS) for frame in range(length)]
    return SpeakerSplit(np.array(rows, np.float16), np.cumsum(lengths) - lengths, lengths, np.arange(len(LENGTHS)))


@pytest.mark.parametrize("frames", WINDOW_LENGTHS)
def test_windows_cover_every_frame_and_none_beyond_the_end(frames):
    for length in range(1, 5 * frames + 1):
        starts = window_starts(length, frames)
        if length >= frames:
            covered = {frame for start in starts for frame in range(start, start + frames)}
            assert covered == set(range(length)), length
        else:
            assert starts.tolist() == [0]


@pytest.mark.parametrize("frames", WINDOW_LENGTHS)
def test_windows_are_half_a_window_apart_at_most_and_none_comes_twice(frames):
    for length in range(frames, 5 * frames + 1):
        steps = np.diff(window_starts(length, frames))
        assert (steps >= 1).all(), length
        assert (steps <= frames // 2).all(), length


def test_the_last_window_is_flush_with_the_end():
    assert window_starts(27, 10).tolist() == [0, 4, 8, 13, 17]  # np.round takes halves to even numbers
    assert window_starts(20, 10).tolist() == [0, 5, 10]
    assert window_starts(10, 10).tolist() == [0]
    assert window_starts(11, 10).tolist() == [0, 1]
    assert window_starts(27, 10).dtype == np.int64


def test_a_window_of_a_single_frame():
    assert window_starts(4, 1).tolist() == [0, 1, 2, 3]


def test_indices_run_from_the_start_and_begin_again_past_the_end():
    assert frame_indices(np.array([0, 2]), 5, 4).tolist() == [[0, 1, 2, 3, 0], [2, 3, 0, 1, 2]]


def test_each_window_may_have_its_own_length():
    indices = frame_indices(np.array([0, 0, 1]), 4, np.array([1, 3, 9]))
    assert indices.tolist() == [[0, 0, 0, 0], [0, 1, 2, 0], [1, 2, 3, 4]]


def test_a_faster_pace_skips_frames_and_a_slower_one_repeats_them():
    indices = frame_indices(np.array([10, 10]), 5, 100, np.array([2.0, 0.5]))
    assert indices.tolist() == [[10, 12, 14, 16, 18], [10, 10, 11, 12, 12]]
    assert indices.dtype == np.int64


def test_a_short_utterance_is_repeated(split):
    windows = take_windows(split, np.array([2]), np.array([0]), FRAMES)
    assert windows[0, :, 1].tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    assert (windows[0, :, 0] == 2).all()


def test_take_windows_cuts_at_the_frames_asked_for(split):
    windows = take_windows(split, np.array([7, 0]), np.array([32, 4]), FRAMES)
    np.testing.assert_array_equal(windows[0], split.log_mel[split.starts[7] + 32 : split.starts[7] + 40])
    np.testing.assert_array_equal(windows[1], split.log_mel[4:12])


def test_covering_windows_cover_every_frame_of_every_utterance(split):
    utterances, begins = covering_windows(split, FRAMES)
    windows = take_windows(split, utterances, begins, FRAMES)
    covered = set(map(tuple, windows[..., :2].reshape(-1, 2).astype(int).tolist()))
    assert covered == {(u, frame) for u, length in enumerate(LENGTHS) for frame in range(length)}
    assert set(utterances.tolist()) == set(range(len(LENGTHS)))
    assert (windows[..., 0] == utterances[:, None]).all()


def test_an_empty_split_has_no_covering_windows():
    none = np.zeros(0, np.int64)
    empty = SpeakerSplit(np.zeros((0, 33), np.float16), none, none, none)
    utterances, begins = covering_windows(empty, FRAMES)
    assert utterances.size == begins.size == 0
    assert take_windows(empty, utterances, begins, FRAMES).shape == (0, FRAMES, 33)
