"""The Deep Speaker loss: by hand, and against a plain loop."""

import numpy as np
import pytest
import tensorflow as tf

from triplet_loss.loss import MARGIN, cosine_similarity, deep_speaker_loss, similarity_matrix, triplet_hinge

RNG = np.random.default_rng(5)


def rows(count=7, size=4):
    return RNG.normal(size=(count, size)).astype(np.float32)


def cosine(a, b):
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))


def test_golden_values():
    anchor = np.array([[1, 0], [1, 0], [0, 2]], np.float32)
    positive = np.array([[3, 4], [1, 0], [0, 5]], np.float32)  # cosines 0.6, 1, 1
    negative = np.array([[4, 3], [0, 7], [-3, 4]], np.float32)  # cosines 0.8, 0, 0.8
    # 0.8 - 0.6 + 0.2 = 0.4; 0 - 1 + 0.2 < 0; 0.8 - 1 + 0.2 = 0
    assert float(deep_speaker_loss(anchor, positive, negative, 0.2)) == pytest.approx(0.4 / 3, abs=1e-6)
    assert float(deep_speaker_loss(anchor, positive, negative, 0.5)) == pytest.approx((0.7 + 0 + 0.3) / 3, abs=1e-6)


def test_the_margin_is_the_papers():
    same = rows(1)
    assert float(deep_speaker_loss(same, same, same)) == pytest.approx(MARGIN) == pytest.approx(0.2)


@pytest.mark.parametrize("margin", [0.1, 0.2, 0.7])
def test_equal_embeddings_give_exactly_the_margin(margin):
    same = np.tile(rows(1), (9, 1))
    assert float(deep_speaker_loss(same, same, same, margin)) == pytest.approx(margin, abs=1e-6)


def test_loss_equals_a_plain_loop():
    anchor, positive, negative = rows(), rows(), rows()
    expected = [max(cosine(a, n) - cosine(a, p) + 0.2, 0) for a, p, n in zip(anchor, positive, negative)]
    assert 0 < sum(value > 0 for value in expected) < len(expected)  # both branches are met
    assert float(deep_speaker_loss(anchor, positive, negative, 0.2)) == pytest.approx(np.mean(expected), abs=1e-6)


def test_cosines_equal_a_plain_loop():
    a, b = rows(), rows()
    np.testing.assert_allclose(cosine_similarity(a, b), [cosine(x, y) for x, y in zip(a, b)], atol=1e-6)
    np.testing.assert_allclose(similarity_matrix(a), [[cosine(x, y) for y in a] for x in a], atol=1e-6)


def test_the_loss_ignores_lengths():
    anchor, positive, negative = rows(), rows(), rows()
    loss = float(deep_speaker_loss(anchor, positive, negative))
    assert float(deep_speaker_loss(50 * anchor, 0.02 * positive, 3 * negative)) == pytest.approx(loss, abs=1e-5)


def test_the_hinge_is_zero_from_the_margin_on():
    hinge = triplet_hinge(np.float32([0.5, 0.5, 0.5, 0.5]), np.float32([0.2, 0.3, 0.4, 0.9]), 0.2)
    np.testing.assert_allclose(hinge, [0, 0, 0.1, 0.6], atol=1e-6)


@pytest.mark.parametrize("case", ["random", "equal", "zero"])
def test_the_gradient_is_finite(case):
    given = {"random": rows(21), "equal": np.tile(rows(1), (21, 1)), "zero": np.zeros((21, 4), np.float32)}[case]
    embeddings = tf.Variable(given)
    with tf.GradientTape() as tape:
        loss = deep_speaker_loss(*tf.split(embeddings, 3))
    gradient = tape.gradient(loss, embeddings).numpy()
    assert np.isfinite(gradient).all()
    assert case != "random" or np.abs(gradient).max() > 1e-3


def test_a_gradient_step_lowers_the_loss():
    embeddings = tf.Variable(rows(30))
    with tf.GradientTape() as tape:
        before = deep_speaker_loss(*tf.split(embeddings, 3))
    embeddings.assign_sub(tape.gradient(before, embeddings))
    assert float(deep_speaker_loss(*tf.split(embeddings, 3))) < float(before)
