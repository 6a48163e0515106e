"""Groups of recordings that sound like one person: on made-up ratios and made-up embeddings."""

import dataclasses

import numpy as np
import pytest
from calibrated import CALIBRATION

from evaluation.clustering import Thresholds, cluster, pair_ratios, people, purity
from inference.calibration import CalibrationError
from inference.cohort import COSINES
from inference.decisions import Policy

EVEN = Thresholds.of(CALIBRATION, Policy())


def symmetric(values):
    return ((values + values.T) / 2).astype(np.float32)


def groups(labels):
    """The same as sets of rows, whatever the labels are."""
    return {frozenset(np.flatnonzero(labels == label)) for label in labels}


def plain_groups(margins):
    """Average linkage in a plain loop: join the two groups of the highest mean while that is not below 0."""
    left = [[row] for row in range(len(margins))]
    while len(left) > 1:
        means = {(a, b): margins[np.ix_(left[a], left[b])].mean() for b in range(len(left)) for a in range(b)}
        a, b = max(means, key=means.get)
        if means[a, b] < 0:
            break
        left[a] += left.pop(b)
    return set(map(frozenset, left))


@pytest.mark.parametrize("prior", [0.5, 0.9, 0.02])
def test_clusters_are_those_of_average_linkage_in_a_plain_loop(prior):
    rng = np.random.default_rng(1)
    voices = rng.integers(0, 5, 30)
    ratios = symmetric(np.where(voices[:, None] == voices, 2.0, -2.0) + rng.normal(0, 3, (30, 30)))
    thresholds = Thresholds.of(CALIBRATION, Policy(prior))
    found = groups(cluster(ratios, np.full(30, 4.0), thresholds))
    assert found == plain_groups(ratios.astype(float) - thresholds.values[0])
    assert 1 < len(found) < 30


def test_two_recordings_are_of_one_person_as_for_verify():
    def one(ratio, prior=0.5):
        labels = cluster(symmetric(np.full((2, 2), ratio)), np.full(2, 4.0), Thresholds.of(CALIBRATION, Policy(prior)))
        return labels[0] == labels[1]

    assert one(0.1) and one(0.0) and not one(-0.1)
    assert one(-1.0, prior=0.8) and not one(1.0, prior=0.2)


def test_a_rate_has_a_threshold_for_each_length_of_the_shorter():
    thresholds = Thresholds.of(CALIBRATION, Policy(max_false_accept=0.01))
    assert thresholds(np.array([0.1, 1.4, 1.5, 2.9, 3.0, 60.0])).tolist() == [2, 2, 4, 4, 6, 6]
    ratios = symmetric(np.full((3, 3), 3.0))
    assert len(groups(cluster(ratios, np.array([1.0, 1.0, 1.0]), thresholds))) == 1
    assert groups(cluster(ratios, np.array([9.0, 9.0, 1.0]), thresholds)) != {frozenset(range(3))}
    with pytest.raises(CalibrationError, match=r"from 0\.01 to 0\.1"):
        Thresholds.of(CALIBRATION, Policy(max_false_accept=0.001))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_all_strangers_and_all_one_person(count):
    apart, alike = (symmetric(np.full((count, count), ratio)) for ratio in (-9.0, 9.0))
    assert len(groups(cluster(apart, np.ones(count), EVEN))) == count
    assert len(groups(cluster(alike, np.ones(count), EVEN))) == 1


def test_ratios_are_the_calibration_s_beyond_its_bounds(monkeypatch):
    monkeypatch.setattr("evaluation.clustering.PAIRS_AT_ONCE", 20)  # 2 rows at once
    rng = np.random.default_rng(2)
    embeddings = rng.normal(size=(9, 4))
    embeddings = (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32)
    seconds = rng.uniform(0.2, 20, 9)
    bounded = dataclasses.replace(CALIBRATION, lowest=-1.0, highest=1.0)
    ratios = pair_ratios(embeddings, seconds, COSINES, bounded)
    for a, b in ((0, 1), (8, 3), (4, 7)):
        expected = CALIBRATION.unbounded(float(embeddings[a] @ embeddings[b]), seconds[a], seconds[b])
        assert ratios[a, b] == pytest.approx(expected, abs=1e-4)
    np.testing.assert_allclose(ratios, ratios.T, atol=1e-4)
    assert np.abs(ratios).max() > 1


def test_people_come_by_size_with_what_speaks_for_them():
    labels = np.array([7, 2, 2, 7, 2, 0])
    ratios = np.full((6, 6), -5.0, np.float32)
    np.fill_diagonal(ratios, 99)
    for a, b, ratio in ((1, 2, 4), (1, 4, 2), (2, 4, 1), (0, 3, 3), (5, 0, -1), (5, 3, -2), (1, 0, -4)):
        ratios[a, b] = ratios[b, a] = ratio
    three, two, one = people(ratios, labels)
    assert [person.rows.tolist() for person in (three, two, one)] == [[1, 2, 4], [0, 3], [5]]
    assert three.inside.tolist() == [3, 2.5, 1.5]
    assert two.inside.tolist() == [3, 3]
    assert one.inside is None
    assert (one.nearest, one.nearest_ratio) == (1, -1.5)
    assert (two.nearest, two.nearest_ratio) == (2, -1.5)
    assert (three.nearest, three.nearest_ratio) == (1, pytest.approx(-29 / 6))


def test_equals_come_in_the_order_of_their_first_recording():
    found = people(np.zeros((4, 4), np.float32), np.array([3, 1, 1, 3]))
    assert [person.rows.tolist() for person in found] == [[0, 3], [1, 2]]


def test_somebody_alone_is_nobody_s_neighbour():
    (person,) = people(np.zeros((2, 2), np.float32), np.array([0, 0]))
    assert (person.nearest, person.nearest_ratio) == (None, None)


def test_purity():
    assert purity([0, 0, 0, 1, 1], [5, 5, 6, 6, 6]) == pytest.approx(0.8)
    assert purity([0, 1, 2], [5, 5, 5]) == 1
    assert purity([5, 5, 5], [0, 1, 2]) == pytest.approx(1 / 3)
