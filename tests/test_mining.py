"""Mined triplets against a plain loop over all triplets."""

import numpy as np
import pytest
import tensorflow as tf

from triplet_loss.loss import triplet_hinge
from triplet_loss.mining import STRATEGIES, hard_triplets, random_triplets, semi_hard_triplets

LABELS = {
    "balanced": [0, 0, 0, 1, 1, 1, 2, 2, 2],
    "unordered": [2, 0, 1, 1, 0, 2, 2, 1, 0, 0],
    "lone window": [0, 0, 1, 1, 1, 2],  # 2 has no positive
    "one speaker": [4, 4, 4, 4],  # no negative
    "all lone": [0, 1, 2],
}


def batch(name, seed):
    labels = np.array(LABELS[name])
    embeddings = np.random.default_rng(seed).normal(size=(len(labels), 3)).astype(np.float32)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings, labels, unit @ unit.T


def all_triplets(labels):
    everyone = range(len(labels))
    for a in everyone:
        for p in everyone:
            for n in everyone:
                if a != p and labels[a] == labels[p] and labels[a] != labels[n]:
                    yield a, p, n


def hard_by_loop(labels, cosines):
    """{anchor: (to positive, to negative)}."""
    chosen = {}
    for a, p, n in all_triplets(labels):
        positive, negative = chosen.get(a, (np.inf, -np.inf))
        chosen[a] = min(positive, cosines[a, p]), max(negative, cosines[a, n])
    return chosen


def semi_hard_by_loop(labels, cosines):
    """{(anchor, positive): to negative}."""
    negatives = {}
    for a, p, n in all_triplets(labels):
        negatives.setdefault((a, p), []).append(cosines[a, n])
    chosen = {}
    for (a, p), values in negatives.items():
        farther = [value for value in values if value < cosines[a, p]]
        chosen[a, p] = max(farther) if farther else min(values)
    return chosen


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", LABELS)
def test_hard_triplets_equal_a_plain_loop(name, seed):
    embeddings, labels, cosines = batch(name, seed)
    to_positive, to_negative, weight = (part.numpy() for part in hard_triplets(embeddings, labels))
    expected = hard_by_loop(labels, cosines)
    assert {int(a) for a in np.flatnonzero(weight)} == expected.keys()
    assert set(weight) <= {0, 1}
    for a, (positive, negative) in expected.items():
        assert (to_positive[a], to_negative[a]) == pytest.approx((positive, negative), abs=1e-5)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", LABELS)
def test_semi_hard_triplets_equal_a_plain_loop(name, seed):
    embeddings, labels, cosines = batch(name, seed)
    to_positive, to_negative, weight = (part.numpy() for part in semi_hard_triplets(embeddings, labels))
    expected = semi_hard_by_loop(labels, cosines)
    assert set(weight.ravel()) <= {0, 1}
    for anchor in range(len(labels)):
        wanted = sorted((float(cosines[a, p]), float(n)) for (a, p), n in expected.items() if a == anchor)
        exists = weight[anchor] == 1
        received = sorted(zip(to_positive[anchor, exists].tolist(), to_negative[anchor, exists].tolist()))
        np.testing.assert_allclose(np.reshape(received, (-1, 2)), np.reshape(wanted, (-1, 2)), atol=1e-5)


def test_both_semi_hard_cases_are_met_by_these_batches():
    nearer = []
    for seed in range(3):
        _, labels, cosines = batch("balanced", seed)
        nearer += [value >= cosines[pair] for pair, value in semi_hard_by_loop(labels, cosines).items()]
    assert True in nearer
    assert False in nearer


def test_random_triplets_are_the_thirds_of_the_batch():
    embeddings, _, cosines = batch("balanced", 0)
    to_positive, to_negative, weight = (part.numpy() for part in random_triplets(embeddings, None))
    np.testing.assert_allclose(to_positive, [cosines[i, i + 3] for i in range(3)], atol=1e-6)
    np.testing.assert_allclose(to_negative, [cosines[i, i + 6] for i in range(3)], atol=1e-6)
    np.testing.assert_array_equal(weight, 1)


def test_hard_is_at_least_as_hard_as_every_triplet_of_its_anchor():
    embeddings, labels, cosines = batch("unordered", 1)
    to_positive, to_negative, _ = (part.numpy() for part in hard_triplets(embeddings, labels))
    for a, p, n in all_triplets(labels):
        assert to_negative[a] - to_positive[a] >= cosines[a, n] - cosines[a, p] - 1e-5


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("strategy", ["hard", "semi-hard"])
def test_weighted_loss_and_gradient_are_finite_also_without_triplets(strategy, name):
    given, labels, _ = batch(name, 2)
    embeddings = tf.Variable(given)
    with tf.GradientTape() as tape:
        to_positive, to_negative, weight = STRATEGIES[strategy](embeddings, labels)
        loss = tf.reduce_sum(triplet_hinge(to_positive, to_negative) * weight)
    gradient = tape.gradient(loss, embeddings).numpy()
    assert np.isfinite(gradient).all()
    assert np.any(gradient) == (len(list(all_triplets(labels))) > 0)


@pytest.mark.parametrize("strategy", ["hard", "semi-hard"])
def test_equal_embeddings_give_the_margin(strategy):
    labels = np.array(LABELS["balanced"])
    to_positive, to_negative, weight = STRATEGIES[strategy](np.ones((9, 3), np.float32), labels)
    hinge = triplet_hinge(to_positive, to_negative, 0.2).numpy()[weight.numpy() > 0]
    np.testing.assert_allclose(hinge, 0.2, atol=1e-6)
