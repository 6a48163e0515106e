"""Batches depend on seed and step alone, and every window is its speaker's."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest

from batcher.sampling.features import PlainFeatures
from batcher.sampling.sampler import WindowSampler, batches
from batcher.speaker_split import SpeakerSplit

FRAMES = 8
LABELS = [5, 2, 5, 9, 2, 5, 2, 2]  # of the utterances; labels need be neither sorted nor without gaps
LENGTHS = [30, 8, 3, 12, 25, 9, 1, 40]


@pytest.fixture
def split() -> SpeakerSplit:
    """Utterances whose frames say where they come from: (utterance, frame within it, label)."""
    lengths = np.array(LENGTHS)
    rows = [(u, frame, label) for u, label in enumerate(LABELS) for frame in range(LENGTHS[u])]
    return SpeakerSplit(np.array(rows, np.float16), np.cumsum(lengths) - lengths, lengths, np.array(LABELS))


@dataclass
class AsTheyAre:
    """Leaves windows as they are drawn, so that they can be recognised."""

    speeds: tuple[float, ...] = (1.0,)
    tempo: float = 0.0
    copied: float = 0.0

    def __call__(self, windows, speeds, rng):
        return windows


@pytest.fixture
def sampler(split) -> WindowSampler:
    return WindowSampler(split, (FRAMES,), AsTheyAre())


DRAWS = {
    "softmax": lambda sampler: lambda rng: sampler.softmax_batch(rng, 16),
    "speakers": lambda sampler: lambda rng: sampler.speaker_batch(rng, 2, 4),
    "triplets": lambda sampler: lambda rng: sampler.triplet_batch(rng, 16),
}


def take(draw, seed, first, count):
    endless = batches(draw, seed, first)
    result = list(itertools.islice(endless, count))
    endless.close()
    return result


def same(a, b) -> bool:
    return np.array_equal(a.windows, b.windows) and np.array_equal(a.labels, b.labels)


def check_windows(batch):
    """Each window is a run of frames of one utterance of the speaker that its label names."""
    utterance, frame, label = (batch.windows[..., column] for column in range(3))
    assert (utterance == utterance[:, :1]).all()
    assert (label == batch.labels[:, None]).all()
    lengths = np.array(LENGTHS)[utterance[:, 0].astype(int)]
    assert (frame == (frame[:, :1] + np.arange(FRAMES)) % lengths[:, None]).all()
    long = lengths >= FRAMES
    assert (np.diff(frame[long], axis=1) == 1).all()  # a long utterance never wraps
    assert (frame[~long, 0] == 0).all()
    assert batch.windows.dtype == np.float32


@pytest.mark.parametrize("name", DRAWS)
def test_every_label_belongs_to_its_windows_speaker(sampler, name):
    for batch in take(DRAWS[name](sampler), seed=0, first=0, count=30):
        check_windows(batch)


@pytest.mark.parametrize("name", DRAWS)
def test_a_run_that_continues_sees_what_it_would_have_seen(sampler, name):
    draw = DRAWS[name](sampler)
    whole = take(draw, seed=3, first=0, count=8)
    continued = take(draw, seed=3, first=5, count=3)
    assert all(same(a, b) for a, b in zip(whole[5:], continued, strict=True))
    assert not any(same(a, b) for a, b in itertools.combinations(whole, 2))


def test_batches_of_late_steps_are_those_of_their_generators(sampler):
    draw = DRAWS["softmax"](sampler)
    late = take(draw, seed=3, first=100_000, count=3)
    expected = [draw(np.random.default_rng([3, step])) for step in (100_000, 100_001, 100_002)]
    assert all(same(a, b) for a, b in zip(late, expected, strict=True))


def test_another_seed_draws_other_batches(sampler):
    first, second = (take(DRAWS["softmax"](sampler), seed, 0, 5) for seed in (0, 1))
    assert not any(same(a, b) for a, b in itertools.product(first, second))


@pytest.mark.parametrize("name", DRAWS)
def test_each_batch_has_one_of_several_lengths(split, name):
    draw = DRAWS[name](WindowSampler(split, (4, 6, 6, 9), AsTheyAre()))
    drawn = [batch.windows.shape[1] for batch in take(draw, seed=0, first=0, count=400)]
    shares = [drawn.count(length) / 400 for length in (4, 6, 9)]
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=0.08)  # a length that is named twice comes twice as often


def test_an_error_while_drawing_reaches_the_caller():
    def draw(rng):
        raise LookupError("no speakers")

    with pytest.raises(LookupError, match="no speakers"):
        next(batches(draw, 0, 0))


SPOKEN = np.array([8 + 25 + 1 + 40, 30 + 3 + 9, 12])  # frames of the speakers 2, 5 and 9
SHARES = np.sqrt(SPOKEN) / np.sqrt(SPOKEN).sum()


def counts_of(labels: np.ndarray) -> np.ndarray:
    return np.array([(labels == label).sum() for label in (2, 5, 9)])


def test_softmax_draws_speakers_by_the_square_root_of_their_speech(sampler):
    counts = counts_of(sampler.softmax_batch(np.random.default_rng(0), 6000).labels)
    assert np.abs(counts - 6000 * SHARES).max() < 200  # five deviations of chance; equal shares are 800 away


def test_speaker_batches_prefer_speakers_of_whom_there_is_more(sampler):
    rng = np.random.default_rng(0)
    first = np.array([sampler.speaker_batch(rng, 1, 1).labels[0] for _ in range(3000)])
    assert np.abs(counts_of(first) - 3000 * SHARES).max() < 140


def test_triplets_draw_speakers_alike_whatever_their_number_of_utterances(sampler):
    labels = sampler.triplet_batch(np.random.default_rng(0), 6000).labels.reshape(3, 6000)
    for place in (labels[0], labels[2]):
        assert np.abs(counts_of(place) - 2000).max() < 200


def test_utterances_keep_their_order_so_that_a_seed_draws_the_same_on_every_processor():
    labels = np.random.default_rng(0).integers(0, 3, 5000)
    ones = np.ones(5000, np.int64)
    split = SpeakerSplit(np.zeros((5000, 33), np.float16), np.arange(5000), ones, labels)
    for own in WindowSampler(split, (FRAMES,), AsTheyAre())._utterances:
        assert (np.diff(own) > 0).all()


def test_utterances_and_positions_are_drawn_alike(sampler):
    batch = sampler.softmax_batch(np.random.default_rng(0), 12_000)
    own = batch.windows[batch.labels == 2]
    counts = np.array([(own[:, 0, 0] == utterance).sum() for utterance in (1, 4, 6, 7)])
    assert np.abs(counts / len(own) - 0.25).max() < 0.035
    begins = own[own[:, 0, 0] == 4][:, 0, 1]
    assert set(begins) == set(range(25 - FRAMES + 1))  # the first and the last one among them


def test_mined_and_random_triplets_draw_all_utterances_of_a_speaker_alike(sampler):
    rng = np.random.default_rng(0)
    mined = np.concatenate([sampler.speaker_batch(rng, 3, 2).windows[:, 0, 0] for _ in range(1000)])
    anchors, positives, _ = sampler.triplet_batch(rng, 6000).windows[:, 0, 0].reshape(3, 6000)
    for drawn in (mined, anchors, positives):
        counts = np.array([(drawn == utterance).sum() for utterance in (1, 4, 6, 7)])  # of speaker 2
        assert np.abs(counts / counts.sum() - 0.25).max() < 0.06  # six deviations of chance


def test_p_speakers_and_k_windows_of_each(sampler):
    seen = set()
    for seed in range(20):
        labels = sampler.speaker_batch(np.random.default_rng(seed), 2, 3).labels
        assert [len(set(labels[:3])), len(set(labels[3:])), len(set(labels))] == [1, 1, 2]
        seen |= set(labels.tolist())
    assert seen == {2, 5, 9}


def test_more_speakers_than_there_are_give_those_that_there_are(sampler):
    labels = sampler.speaker_batch(np.random.default_rng(0), 10, 2).labels
    assert sorted(labels.tolist()) == [2, 2, 5, 5, 9, 9]


def test_no_utterance_comes_twice_before_each_came_once(sampler):
    for seed in range(20):
        batch = sampler.speaker_batch(np.random.default_rng(seed), 3, 6)
        for label in (2, 5, 9):
            chosen = batch.windows[batch.labels == label][:, 0, 0].tolist()
            own = {u for u, other in enumerate(LABELS) if other == label}
            assert set(chosen[: len(own)]) == own
            assert len(chosen) == 6


def test_triplets_are_anchors_then_positives_then_negatives(sampler):
    wrong_ones = set()
    for seed in range(20):
        batch = sampler.triplet_batch(np.random.default_rng(seed), 30)
        anchor, positive, negative = batch.labels.reshape(3, 30)
        assert (anchor == positive).all()
        assert (anchor != negative).all()
        utterances = batch.windows[:, 0, 0].reshape(3, 30)
        assert (utterances[0] != utterances[1])[anchor != 9].all()  # speaker 9 has a single one
        assert len(set(zip(anchor.tolist(), negative.tolist()))) > 3  # each has a negative of its own
        wrong_ones |= set(zip(anchor.tolist(), negative.tolist()))
    assert wrong_ones == {(a, b) for a in (2, 5, 9) for b in (2, 5, 9) if a != b}


def test_windows_of_the_real_inputs(tiny_inputs):
    features = PlainFeatures(tiny_inputs.feature_settings)
    batch = WindowSampler(tiny_inputs.train, (160,), features).softmax_batch(np.random.default_rng(0), 8)
    assert batch.windows.shape == (8, 160, 60)
    assert np.isfinite(batch.windows).all()
    assert set(batch.labels.tolist()) <= {0, 1}


def counting() -> SpeakerSplit:
    """Two speakers with one long utterance each, whose frames count on."""
    frames = np.arange(2000, dtype=np.float16)[:, None]
    return SpeakerSplit(frames, np.array([0, 1000]), np.array([1000, 1000]), np.array([0, 1]))


def pace(windows: np.ndarray) -> np.ndarray:
    """Frames of the utterance for each frame of the window."""
    assert (np.diff(windows[:, :, 0]) >= 0).all()  # no window runs over the utterance's end
    return (windows[:, -1, 0] - windows[:, 0, 0]) / (windows.shape[1] - 1)


def test_tempo_speeds_windows_up_and_down_within_its_bounds():
    sampler = WindowSampler(counting(), (100,), AsTheyAre(tempo=0.2))
    drawn = pace(sampler.softmax_batch(np.random.default_rng(0), 400).windows)
    assert 0.79 <= drawn.min() < 0.82
    assert 1.18 < drawn.max() <= 1.21


def test_a_speaker_at_another_speed_is_another_speaker():
    sampler = WindowSampler(counting(), (100,), AsTheyAre(speeds=(1.0, 0.8, 1.25)))
    for draw, seed in itertools.product(DRAWS.values(), range(5)):
        windows, labels, _ = draw(sampler)(np.random.default_rng(seed))
        assert set(labels.tolist()) <= set(range(6))
        np.testing.assert_array_equal(labels % 2, windows[:, 0, 0] >= 1000)
        np.testing.assert_allclose(pace(windows), np.array([1.0, 0.8, 1.25])[labels // 2], atol=0.02)


def test_windows_are_prepared_at_their_speeds_by_the_generator_of_the_batch():
    class Recording(AsTheyAre):
        def __call__(self, windows, speeds, rng):
            self.given = speeds, rng
            return -windows

    features = Recording(speeds=(1.0, 0.8, 1.25))
    rng = np.random.default_rng(0)
    windows, labels, _ = WindowSampler(counting(), (100,), features).softmax_batch(rng, 50)
    np.testing.assert_array_equal(features.given[0], np.array([1.0, 0.8, 1.25])[labels // 2])
    assert features.given[1] is rng
    assert windows.max() <= 0  # what came out of it


def test_windows_of_one_speaker_in_a_batch_have_one_speed():
    sampler = WindowSampler(counting(), (100,), AsTheyAre(speeds=(1.0, 0.8)))
    for seed in range(10):
        labels = sampler.speaker_batch(np.random.default_rng(seed), 2, 5).labels.reshape(-1, 5)
        assert (labels == labels[:, :1]).all()
        anchor, positive, negative = sampler.triplet_batch(np.random.default_rng(seed), 20).labels.reshape(3, 20)
        assert (anchor == positive).all()
        assert (anchor // 2 == negative // 2).all()  # a negative of another speed would be too easy to tell


@pytest.fixture
def copied() -> SpeakerSplit:
    """Ten utterances of two speakers with 100 frames each, and two copies of 50: (utterance, copy)."""
    rows = [(u, copy) for u in range(10) for copy, frames in enumerate((100, 50, 50)) for _ in range(frames)]
    starts = 200 * np.arange(10)
    labels, half = np.repeat([0, 1], [2, 8]), np.full((2, 10), 50)
    return SpeakerSplit(
        np.array(rows, np.float16), starts, np.full(10, 100), labels, starts + np.array([[100], [150]]), half
    )


@pytest.mark.parametrize("name", DRAWS)
def test_windows_of_copies_come_in_the_place_of_their_utterances(copied, name):
    plain, mixed = (WindowSampler(copied, (80,), AsTheyAre(copied=share)) for share in (0, 0.6))
    draws = [DRAWS[name](sampler) for sampler in (plain, mixed)]
    versions = []
    for seed in range(200):
        as_recorded, batch = (draw(np.random.default_rng(seed)) for draw in draws)
        np.testing.assert_array_equal(batch.labels, as_recorded.labels)
        utterance, copy = batch.windows[..., 0], batch.windows[..., 1]
        np.testing.assert_array_equal(utterance, as_recorded.windows[..., 0])  # the same ones, or copies of them
        assert (copy == copy[:, :1]).all()  # a window never runs from a copy into what stands beside it
        assert not as_recorded.windows[..., 1].any()
        versions.extend(copy[:, 0])
    shares = np.bincount(np.int64(versions)) / len(versions)
    np.testing.assert_allclose(shares, [0.4, 0.3, 0.3], atol=0.04)


def test_inputs_without_copies_are_drawn_as_if_none_were_asked_for(split):
    plain, asked = (WindowSampler(split, (FRAMES,), AsTheyAre(copied=share)) for share in (0, 0.5))
    assert same(*(sampler.softmax_batch(np.random.default_rng(0), 16) for sampler in (plain, asked)))
