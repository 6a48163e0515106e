"""Scores normalised by a cohort of strangers."""

import time

import numpy as np
import pytest

from inference.cohort import FEWEST, NEAREST, SMALLEST_DEVIATION, Cohort, Scoring, normalised

SIZE = 128
UTTERANCES, QUICK = 4000, 3.0  # embeddings, s to score all of their pairs


def directions(count, seed=0, size=SIZE):
    vectors = np.random.default_rng(seed).normal(size=(count, size)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


COHORT = Cohort.from_embeddings(directions(300))


def by_loop(a, b, cohort):
    """The definition: deviations above the mean of the nearest, for each side, and their mean."""
    cosine, sides = float(a @ b), []
    for one in (a, b):
        nearest = sorted(float(one @ stranger) for stranger in cohort)[-NEAREST:]
        sides.append((cosine - np.mean(nearest)) / np.std(nearest))
    return sum(sides) / 2


def test_scores_equal_the_definition_in_plain_loops():
    a, b = directions(3, seed=1), directions(4, seed=2)
    expected = [[by_loop(one, other, COHORT.embeddings) for other in b] for one in a]
    np.testing.assert_allclose(Scoring(COHORT).matrix(a, b), expected, rtol=1e-4)
    assert Scoring(COHORT).pair(a[0], b[0]) == pytest.approx(expected[0][0], rel=1e-4)


def test_a_score_by_hand():
    first, second = np.array([0.2, 0.1]), np.array([0.4, 0.2])
    assert normalised(np.array(0.6), first, second) == pytest.approx((0.4 / 0.1 + 0.2 / 0.2) / 2)


def test_the_order_of_the_two_and_of_the_cohort_does_not_matter():
    a, b = directions(2, seed=3)
    turned = Cohort.from_embeddings(COHORT.embeddings[::-1])
    assert Scoring(COHORT).pair(a, b) == pytest.approx(Scoring(turned).pair(b, a), abs=1e-5)


def test_a_voice_that_is_near_to_many_needs_a_higher_cosine():
    rare = np.eye(SIZE, dtype=np.float32)[0]
    common = COHORT.embeddings.mean(axis=0)
    common /= np.linalg.norm(common)
    means = COHORT.statistics(np.stack([rare, common]))[:, 0]
    assert means[1] > means[0]


def test_without_a_cohort_scores_are_cosines():
    a, b = directions(3, seed=1), directions(4, seed=2)
    np.testing.assert_array_equal(Scoring(None).matrix(a, b), a @ b.T)
    assert (Scoring(None).norm, Scoring(COHORT).norm) == ("none", "as")


def test_bytes_instead_of_numbers_hardly_move_scores():
    kept = Cohort.from_json(COHORT.as_json())
    a, b = directions(20, seed=1), directions(20, seed=2)
    np.testing.assert_allclose(np.linalg.norm(kept.embeddings, axis=1), 1, atol=1e-6)
    moved = np.abs(Scoring(kept).matrix(a, b) - Scoring(COHORT).matrix(a, b))  # of deviations
    assert moved.mean() < 0.01
    assert moved.max() < 0.03
    assert len(COHORT.as_json()["int8"]) == 4 * 300 * SIZE / 3


@pytest.mark.parametrize(
    "change", [{"int8": "AAAA"}, {"int8": "?"}, {"speakers": 299}, {"speakers": 0}, {"speakers": "x"}, {"int8": None}]
)
def test_another_version_or_damage_is_told_by_an_exception(change):
    with pytest.raises((TypeError, ValueError, KeyError)):
        Cohort.from_json({**COHORT.as_json(), **change})


def test_few_strangers_and_ones_without_direction_are_refused():
    with pytest.raises(ValueError, match=f"expected {FEWEST} speakers or more"):
        Cohort.from_embeddings(directions(FEWEST - 1))
    with pytest.raises(ValueError, match="with a direction"):
        Cohort.from_embeddings(np.zeros((FEWEST, SIZE), np.float32))


def test_a_cohort_of_copies_divides_by_no_zero():
    copies = Cohort.from_embeddings(np.repeat(directions(1), FEWEST, axis=0))
    assert copies.statistics(directions(1, seed=1))[0, 1] == SMALLEST_DEVIATION


def test_no_embeddings_have_no_statistics():
    assert COHORT.statistics(np.zeros((0, SIZE), np.float32)).shape == (0, 2)


def test_parts_give_what_the_whole_gives(monkeypatch):
    some = directions(10, seed=4)
    expected = COHORT.statistics(some)
    monkeypatch.setattr("inference.cohort.COMPARED_AT_ONCE", 3 * 300)
    np.testing.assert_allclose(COHORT.statistics(some), expected, rtol=1e-6)


def test_all_pairs_of_thousands_are_quick():
    many = directions(UTTERANCES, seed=5)
    start = time.process_time()
    Scoring(COHORT).matrix(many, many)
    assert time.process_time() - start < QUICK
