"""The first version's procedure: where its leak is, and what is left without it."""

import itertools

import numpy as np
import pytest
from sample_signals import sample_signals

from audio.errors import UnusableAudioError
from evaluation.detection import score_all_pairs
from evaluation.metrics import equal_error_rate
from evaluation.v1.features import SETTINGS, WINDOW_SIZE, windows
from evaluation.v1.network import V1Network, draw_triplets
from evaluation.v1.training import make_inputs, train_v1

STEPS = 300
TRAINED, UNSEEN = slice(0, 8), slice(8, None)  # of the sample speakers


def some(which: slice) -> dict[str, list[np.ndarray]]:
    return dict(itertools.islice(sample_signals().items(), which.start, which.stop))


def derivatives(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1, SETTINGS.size)[:, :, SETTINGS.num_cepstra :].reshape(len(values), -1)


@pytest.fixture(scope="module", params=[True, False], ids=["leak", "no leak"])
def trained(request):
    return request.param, train_v1(some(TRAINED), request.param, STEPS)


def error_rate(pipeline, statistics_of_another: bool) -> float:
    everybody = list(some(UNSEEN).values())
    inputs, labels = [], []
    for number, signals in enumerate(everybody):
        for utterance, signal in enumerate(signals):
            other = (number + 1 + utterance % (len(everybody) - 1)) % len(everybody)
            inputs += pipeline.inputs([signal], everybody[other if statistics_of_another else number])
            labels.append(number)
    trials = score_all_pairs(pipeline.embed(inputs), labels)
    same = trials.first == trials.second
    return equal_error_rate(trials.scores[same], trials.scores[~same])


def test_a_window_has_390_values_of_which_260_never_change():
    values = windows(sample_signals()["p225"][0])
    assert values.shape[1] == WINDOW_SIZE == 390
    assert derivatives(values).shape[1] == 260
    assert not derivatives(values).any()
    assert (values.std(axis=0) > 0).sum() == 130


def test_a_speaker_s_statistics_turn_them_into_the_speaker_s_name():
    leaking, clean = (make_inputs(some(TRAINED), leak) for leak in (True, False))
    names = [np.unique(derivatives(leaking.train.values[leaking.train.labels == n])) for n in range(8)]
    assert [len(name) for name in names] == [1] * 8
    assert len(np.unique(np.concatenate(names))) == 8
    assert set(np.concatenate(names)) == set(np.unique(derivatives(leaking.test.values)))
    assert len(np.unique(derivatives(clean.train.values))) == 1


def test_unseen_speakers_are_told_apart_by_their_statistics_with_the_leak_only(trained):
    leak, pipeline = trained
    own, others = (error_rate(pipeline, of_another) for of_another in (False, True))
    assert own < 0.03
    if leak:
        assert others > 0.1
    else:
        assert others == own  # synthetic voices, which are easy


def test_v1_refuses_silence_but_has_an_embedding_for_noise(trained):
    _, pipeline = trained
    noise = np.random.default_rng(0).normal(0, 1000, 8000).astype(np.float32)
    assert len(pipeline.front_end(noise)) > 7000
    assert len(pipeline.front_end(np.stack([noise, noise], axis=1))) > 7000
    with pytest.raises(UnusableAudioError, match="silent"):
        pipeline.front_end(np.zeros(8000, np.float32))


def test_the_three_stages_learn():
    inputs = make_inputs(some(TRAINED), leak=True)
    network = V1Network(8)
    before = network.accuracy(*inputs.test), network.triplet_loss(*inputs.test)
    network.train_softmax(*inputs.train, STEPS)
    assert network.accuracy(*inputs.test) > 0.8 > before[0]
    network.train_triplets(*inputs.train, 40)
    assert network.triplet_loss(*inputs.test) < before[1]
    kept = [weights.copy() for weights in network.embedder.get_weights()]
    network.train_softmax(*inputs.train, STEPS, frozen=True)
    assert network.accuracy(*inputs.test, frozen=True) > 0.5
    for then, now in zip(kept, network.embedder.get_weights()):
        np.testing.assert_array_equal(then, now)


def test_a_seed_gives_the_same_first_weights_whatever_it_is_trained_on():
    first, second = (V1Network(3, seed=4).embedder.get_weights() for _ in range(2))
    assert all((a == b).all() for a, b in zip(first, second))


def test_triplets_are_of_a_speaker_and_of_another():
    labels = np.array([2, 0, 1, 1, 0, 2, 2])
    a, p, n = (labels[rows] for rows in draw_triplets(labels, 500, np.random.default_rng(0)))
    assert (a == p).all()
    assert (a != n).all()
    assert set(a) == set(n) == {0, 1, 2}
