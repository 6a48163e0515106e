"""Metrics by hand, by loops and by textbook."""

import numpy as np
import pytest

from evaluation.metrics import bootstrap_interval, equal_error_rate, pairwise_scores, wilson_interval

RNG = np.random.default_rng(8)
TARGET, NONTARGET = RNG.normal(1.5, 1, 300), RNG.normal(0, 1, 500)


def test_separated_scores_have_no_errors():
    assert equal_error_rate(np.array([0.7, 0.9, 0.8]), np.array([0.1, 0.6, -0.5])) == 0


def test_swapped_scores_have_only_errors():
    assert equal_error_rate(np.array([0.1, 0.2]), np.array([0.8, 0.9])) == 1


def test_scores_that_tell_nothing_give_a_half():
    assert equal_error_rate(np.ones(5), np.ones(9)) == 0.5
    assert equal_error_rate(RNG.normal(size=4000), RNG.normal(size=4000)) == pytest.approx(0.5, abs=0.03)


def test_known_value():
    # at a threshold of 0.5 one of four targets is missed, and one of four non-targets passes
    assert equal_error_rate(np.array([0.9, 0.8, 0.7, 0.3]), np.array([0.1, 0.2, 0.25, 0.6])) == 0.25


def test_normal_scores_give_the_theoretical_rate():
    from statistics import NormalDist

    target, nontarget = RNG.normal(2, 1, 20_000), RNG.normal(0, 1, 20_000)
    assert equal_error_rate(target, nontarget) == pytest.approx(NormalDist().cdf(-1), abs=0.006)


@pytest.mark.parametrize("monotone", [np.tanh, np.exp, lambda s: 3 * s - 7], ids=["tanh", "exp", "line"])
def test_monotone_maps_change_nothing(monotone):
    assert equal_error_rate(monotone(TARGET), monotone(NONTARGET)) == equal_error_rate(TARGET, NONTARGET)


def test_the_order_of_trials_changes_nothing():
    assert equal_error_rate(RNG.permutation(TARGET), NONTARGET[::-1]) == equal_error_rate(TARGET, NONTARGET)


def test_the_rate_lies_between_misses_and_false_alarms_of_the_best_threshold():
    def rates(threshold):
        return np.mean([score < threshold for score in TARGET]), np.mean([score >= threshold for score in NONTARGET])

    closest = min((rates(t) for t in np.concatenate([TARGET, NONTARGET])), key=lambda pair: abs(pair[0] - pair[1]))
    assert equal_error_rate(TARGET, NONTARGET) == pytest.approx(np.mean(closest), abs=1e-3)


@pytest.mark.parametrize(("target", "nontarget"), [([], [1.0]), ([1.0], [])])
def test_no_scores_are_refused(target, nontarget):
    with pytest.raises(ValueError, match="expected target and non-target scores"):
        equal_error_rate(np.array(target), np.array(nontarget))


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),  # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_of_the_textbook(hits, trials, low, high):
    assert wilson_interval(hits, trials) == pytest.approx((low, high), abs=6e-5)


def test_wilson_is_symmetric_and_wider_with_more_confidence():
    low, high = wilson_interval(3, 10)
    assert wilson_interval(7, 10) == pytest.approx((1 - high, 1 - low))
    wide = wilson_interval(3, 10, confidence=0.99)
    assert wide[0] < low < high < wide[1]


def test_no_trials_are_refused():
    with pytest.raises(ValueError, match="at least one trial"):
        wilson_interval(0, 0)


def test_bootstrap_holds_the_value_and_is_repeatable():
    values = np.random.default_rng(2).normal(5, 1, 40)
    low, high = bootstrap_interval(lambda drawn: values[drawn].mean(), 40, seed=3)
    assert low < values.mean() < high
    assert (low, high) == bootstrap_interval(lambda drawn: values[drawn].mean(), 40, seed=3)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(40), rel=0.15)


def test_bootstrap_of_a_constant_has_no_width():
    assert bootstrap_interval(lambda drawn: 0.25, 6) == (0.25, 0.25)


def test_bootstrap_leaves_out_draws_without_a_value():
    low, high = bootstrap_interval(lambda drawn: float("nan") if len(set(drawn)) < 2 else 1.0, 2)
    assert (low, high) == (1.0, 1.0)


def test_pairs_equal_a_plain_loop():
    embeddings = RNG.normal(size=(9, 3))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    speakers = [0, 1, 0, 2, 2, 1, 0, 3, 2]
    expected = {True: [], False: []}
    for i in range(9):
        for j in range(i + 1, 9):
            expected[speakers[i] == speakers[j]].append(embeddings[i] @ embeddings[j])
    target, nontarget = pairwise_scores(embeddings, speakers)
    np.testing.assert_allclose(target, expected[True])
    np.testing.assert_allclose(nontarget, expected[False])
