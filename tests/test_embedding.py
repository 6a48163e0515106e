"""One cosine and one distance, whatever the embeddings' lengths, and never out of bounds."""

import numpy as np
import pytest

from inference import SpeakerEncoder
from inference.cached_speakers import SpeakerEmbeddings, different_speaker_distance
from inference.decisions import compare
from inference.embedding import check_unit_length, cosine, cosine_distance
from models.checkpoint import CheckpointError

A, B = np.random.default_rng(0).normal(size=(2, 128)).astype(np.float32)


def test_lengths_make_no_difference():
    expected = A @ B / np.linalg.norm(A) / np.linalg.norm(B)
    for a, b in ((A, B), (2 * A, 1e-4 * B), (A.tolist(), list(B))):
        assert cosine(a, b) == pytest.approx(expected, abs=1e-6)
        assert SpeakerEncoder.similarity(a, b) == cosine(a, b)
    assert cosine(A, 3 * A) == pytest.approx(1)
    assert cosine(A, -A) == pytest.approx(-1)


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        (A, B[:64], r"Received \(128,\) and \(64,\)"),
        (A[None], B[None], r"Received \(1, 128\) and \(1, 128\)"),
        (0 * A, B, "with a direction"),
        (np.full(128, np.nan), B, "with a direction"),
    ],
)
def test_what_has_no_cosine_is_refused(a, b, reason):
    with pytest.raises(ValueError, match=reason):
        SpeakerEncoder.similarity(a, b)


def test_the_distance_by_hand():
    assert [cosine_distance(value) for value in (1, 0.25, 0, -1)] == [0, 0.75, 1, 2]
    np.testing.assert_array_equal(cosine_distance(np.array([[1, 0.5]])), [[0, 0.5]])


@pytest.mark.parametrize(("of_cosine", "distance"), [(1 + 1e-6, 0), (-1 - 1e-6, 2)])
def test_rounding_never_leaves_its_bounds_in_verdicts_and_figures_alike(of_cosine, distance):
    assert cosine_distance(of_cosine) == distance
    assert compare(of_cosine, of_cosine, (3, 3), None).cosine_distance == distance
    speakers = [SpeakerEmbeddings(None, (), sign * A[None] / np.linalg.norm(A)) for sign in (1, np.sign(of_cosine))]
    assert different_speaker_distance(*speakers) == pytest.approx(distance)


def test_no_cosine_leaves_its_bounds_by_rounding():
    vectors = np.random.default_rng(1).normal(size=(2000, 7))
    assert max(cosine(vector, 3 * vector) for vector in vectors) == 1
    assert min(cosine(vector, -3 * vector) for vector in vectors) == -1


def test_lengths_off_by_more_than_a_thousandth_are_refused():
    check_unit_length(np.array([[1.0, 0.0], [0.0, 0.9995]]))
    with pytest.raises(CheckpointError, match=r"L2 norm 1\. Received one that is off by 0\.002"):
        check_unit_length(np.array([[1.0, 0.0], [0.0, 1.002]]))
