"""Metrics by hand, by loops and by textbook."""

from statistics import NormalDist

import numpy as np
import pytest

from evaluation.metrics import (
    ErrorCurve,
    actual_detection_cost,
    crossing,
    describe_accuracy,
    equal_error_rate,
    log_ratio_cost,
    lowest_cost,
    lowest_log_ratio_cost,
    minimum_detection_cost,
    wilson_interval,
)

RNG = np.random.default_rng(8)
TARGET, NONTARGET = RNG.normal(1.5, 1, 300), RNG.normal(0, 1, 500)
TIED_TARGET, TIED_NONTARGET = TARGET.round(1), NONTARGET.round(1)


def rates_by_loop(target, nontarget, threshold):
    miss = np.mean([score < threshold for score in target])
    return miss, np.mean([score >= threshold for score in nontarget])


def costs_by_loop(target, nontarget, prior, miss_cost=1, false_alarm_cost=1):
    thresholds = [*target, *nontarget, np.inf]
    rates = [rates_by_loop(target, nontarget, threshold) for threshold in thresholds]
    reference = min(miss_cost * prior, false_alarm_cost * (1 - prior))
    return [(miss_cost * prior * miss + false_alarm_cost * (1 - prior) * alarm) / reference for miss, alarm in rates]


def test_separated_scores_have_no_errors():
    target, nontarget = np.array([0.7, 0.9, 0.8]), np.array([0.1, 0.6, -0.5])
    assert equal_error_rate(target, nontarget) == 0
    assert minimum_detection_cost(target, nontarget, 0.01) == 0


def test_swapped_scores_have_only_errors():
    assert equal_error_rate(np.array([0.1, 0.2]), np.array([0.8, 0.9])) == 1
    assert minimum_detection_cost(np.array([0.1, 0.2]), np.array([0.8, 0.9]), 0.3) == 1


def test_scores_that_tell_nothing_give_a_half():
    assert equal_error_rate(np.ones(5), np.ones(9)) == 0.5
    assert equal_error_rate(RNG.normal(size=4000), RNG.normal(size=4000)) == pytest.approx(0.5, abs=0.03)


def test_known_value():
    # at a threshold of 0.5 one of four targets is missed, and one of four non-targets passes
    assert equal_error_rate(np.array([0.9, 0.8, 0.7, 0.3]), np.array([0.1, 0.2, 0.25, 0.6])) == 0.25


def test_normal_scores_give_the_theoretical_rate():
    target, nontarget = RNG.normal(2, 1, 20_000), RNG.normal(0, 1, 20_000)
    assert equal_error_rate(target, nontarget) == pytest.approx(NormalDist().cdf(-1), abs=0.006)


@pytest.mark.parametrize("prior", [0.05, 0.5])
def test_normal_scores_give_the_theoretical_cost(prior):
    target, nontarget = RNG.normal(2, 1, 50_000), RNG.normal(0, 1, 50_000)
    normal = NormalDist()
    best = 1 + np.log((1 - prior) / prior) / 2  # where the likelihood ratio outweighs the prior
    cost = prior * normal.cdf(best - 2) + (1 - prior) * (1 - normal.cdf(best))
    assert minimum_detection_cost(target, nontarget, prior) == pytest.approx(cost / min(prior, 1 - prior), abs=0.02)


@pytest.mark.parametrize("monotone", [np.tanh, np.exp, lambda s: 3 * s - 7], ids=["tanh", "exp", "line"])
def test_monotone_maps_change_nothing(monotone):
    mapped = monotone(TARGET), monotone(NONTARGET)
    assert equal_error_rate(*mapped) == equal_error_rate(TARGET, NONTARGET)
    assert minimum_detection_cost(*mapped, 0.05) == minimum_detection_cost(TARGET, NONTARGET, 0.05)


def test_the_order_of_trials_changes_nothing():
    assert equal_error_rate(RNG.permutation(TARGET), NONTARGET[::-1]) == equal_error_rate(TARGET, NONTARGET)


def test_the_rate_lies_between_misses_and_false_alarms_of_the_best_threshold():
    rates = [rates_by_loop(TARGET, NONTARGET, threshold) for threshold in np.concatenate([TARGET, NONTARGET])]
    closest = min(rates, key=lambda pair: abs(pair[0] - pair[1]))
    assert equal_error_rate(TARGET, NONTARGET) == pytest.approx(np.mean(closest), abs=1e-3)


@pytest.mark.parametrize("costs", [(1, 1), (10, 1), (1, 5)])
@pytest.mark.parametrize("prior", [0.01, 0.05, 0.5, 0.9])
@pytest.mark.parametrize(("target", "nontarget"), [(TARGET, NONTARGET), (TIED_TARGET, TIED_NONTARGET)])
def test_the_cost_equals_a_plain_loop_over_thresholds(target, nontarget, prior, costs):
    expected = min(*costs_by_loop(target, nontarget, prior, *costs), 1)
    assert minimum_detection_cost(target, nontarget, prior, *costs) == pytest.approx(expected, rel=1e-12)


def test_known_costs():
    target, nontarget = np.array([0.9, 0.8, 0.7, 0.3]), np.array([0.1, 0.2, 0.25, 0.6])
    # above 0.6 a quarter is missed and nothing passes; a miss costs 0.01 of 0.01
    assert minimum_detection_cost(target, nontarget, 0.01) == pytest.approx(0.25)
    # at 0.3 nothing is missed and a quarter passes, at 0.1 of 0.1
    assert minimum_detection_cost(target, nontarget, 0.9) == pytest.approx(0.25)
    # a non-target above all others: accept half of the targets above it, or a quarter of the non-targets, at 99 to 1
    assert minimum_detection_cost(np.array([0.9, 0.8, 0.4, 0.3]), nontarget, 0.01) == pytest.approx(0.5)
    # misses ten times as dear: (10 * 0.05 * 0.25) of min(0.5, 0.95)
    assert minimum_detection_cost(target, nontarget, 0.05, miss_cost=10) == pytest.approx(0.25)


def test_the_better_machine_that_never_listens_costs_1():
    for prior in (0.01, 0.5, 0.99):
        assert minimum_detection_cost(np.ones(3), np.ones(7), prior) == pytest.approx(1)


@pytest.mark.parametrize("prior", [0, 1, 5, -0.1, float("nan")])
def test_a_prior_out_of_range_is_refused(prior):
    with pytest.raises(ValueError, match="expected a prior between 0 and 1"):
        minimum_detection_cost(TARGET, NONTARGET, prior)


@pytest.mark.parametrize("costs", [(0, 1), (1, 0), (-0.5, 1), (1, -0.5)])
def test_errors_that_cost_nothing_are_refused(costs):
    with pytest.raises(ValueError, match="expected costs above 0"):
        minimum_detection_cost(TARGET, NONTARGET, 0.1, *costs)


@pytest.mark.parametrize(("target", "nontarget"), [([], [1.0]), ([1.0], [])])
def test_no_scores_are_refused(target, nontarget):
    with pytest.raises(ValueError, match="expected target and non-target scores"):
        equal_error_rate(np.array(target), np.array(nontarget))


@pytest.mark.parametrize(("target", "nontarget"), [([0.1, np.nan], [0.2]), ([0.2], [0.1, np.nan])])
def test_scores_that_are_no_numbers_are_refused(target, nontarget):
    with pytest.raises(ValueError, match="Received NaN"):
        equal_error_rate(np.array(target), np.array(nontarget))


@pytest.mark.parametrize(("target", "nontarget"), [(TARGET, NONTARGET), (TIED_TARGET, TIED_NONTARGET)])
def test_a_weight_is_a_number_of_repetitions_each_time_a_curve_is_weighed(target, nontarget):
    curve = ErrorCurve(target, nontarget)
    for _ in range(3):
        often = RNG.integers(0, 4, len(target)), RNG.integers(0, 4, len(nontarget))
        rates = curve.rates(*often)
        repeated = np.repeat(target, often[0]), np.repeat(nontarget, often[1])
        assert crossing(*rates) == pytest.approx(equal_error_rate(*repeated), rel=1e-12)
        assert lowest_cost(*rates, 0.05) == pytest.approx(minimum_detection_cost(*repeated, 0.05), rel=1e-12)


def test_rates_are_the_shares_of_weight_on_either_side_of_each_threshold():
    target, nontarget = np.array([2.0, 1.0, 2.0, 4.0]), np.array([1.0, 0.0, 2.0, 3.0, 5.0])
    weights = np.array([3, 1, 0, 2]), np.array([1, 4, 2, 0, 1])
    expected = [(0, 1)]  # all accepted
    for threshold in (1, 1.5, 2, 2.5, 4, 4.5):  # each target's score and what comes above it
        missed, passed = target < threshold, nontarget >= threshold
        expected.append((weights[0][missed].sum() / 6, weights[1][passed].sum() / 8))
    expected.append((1, 0))  # all refused
    np.testing.assert_allclose(np.transpose(ErrorCurve(target, nontarget).rates(*weights)), expected)


def test_results_are_plain_numbers_for_json():
    for errors in (equal_error_rate(TARGET, NONTARGET), minimum_detection_cost(TARGET, NONTARGET, 0.1)):
        assert type(errors) is float
    assert {type(end) for end in wilson_interval(3, 10)} == {float}


def test_the_curve_goes_from_accepting_all_to_refusing_all():
    miss, false_alarm = ErrorCurve(TIED_TARGET, TIED_NONTARGET).rates()
    assert (miss[0], false_alarm[0], miss[-1], false_alarm[-1]) == (0, 1, 1, 0)
    assert (np.diff(miss) >= 0).all()
    assert (np.diff(false_alarm) <= 0).all()


@pytest.mark.parametrize("weights", [([0, 0], [1, 1, 1]), ([1, 1], [0, 0, 0])])
def test_no_weight_means_no_rates(weights):
    curve = ErrorCurve(np.array([1.0, 2.0]), np.array([0.0, 1.0, 3.0]))
    with np.errstate(all="raise"):  # and no warnings
        rates = curve.rates(*map(np.array, weights))
    assert np.isnan(rates).all()
    assert np.isnan(crossing(*rates))
    assert np.isnan(lowest_cost(*rates, 0.01))


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


def test_one_trial_says_little():
    z = NormalDist().inv_cdf(0.975)
    assert wilson_interval(0, 1) == pytest.approx((0, z * z / (1 + z * z)))


def test_no_trials_are_refused():
    with pytest.raises(ValueError, match="at least one trial"):
        wilson_interval(0, 0)


def test_an_accuracy_is_told_with_the_interval_of_its_hits():
    line = describe_accuracy(81 / 263, 263)  # Newcombe's first row
    assert line == "30.8 % of 263 test utterances are given to their speaker (95 % interval 25.5 to 36.6 %)"


RATIOS, OTHER_RATIOS = np.array([3.0, 5.0, -1.0, 8.0]), np.array([-4.0, 4.7, -2.0, 0.0, -9.0])


def test_ratios_decide_by_themselves():
    # at a prior of 0.01 the threshold is ln 99 = 4.595: half the targets are missed, one of five others passes
    assert actual_detection_cost(RATIOS, OTHER_RATIOS, 0.01) == pytest.approx(0.5 + 99 * 0.2)
    # at 0.05 it is ln 19 = 2.944
    assert actual_detection_cost(RATIOS, OTHER_RATIOS, 0.05) == pytest.approx(0.25 + 19 * 0.2)
    # at even odds with misses that cost ten times as much it is -ln 10 = -2.303
    assert actual_detection_cost(RATIOS, OTHER_RATIOS, 0.5, miss_cost=10) == pytest.approx(0 + 3 / 5)


def test_what_is_decided_well_costs_what_the_best_threshold_does():
    rng = np.random.default_rng(1)
    target, nontarget = rng.normal(2, 2, 40_000), rng.normal(-2, 2, 40_000)  # their ratio is the score itself
    for prior in (0.05, 0.5):
        least = minimum_detection_cost(target, nontarget, prior)
        assert least <= actual_detection_cost(target, nontarget, prior) <= least + 0.01
    assert lowest_log_ratio_cost(target, nontarget) == pytest.approx(log_ratio_cost(target, nontarget), abs=0.01)
    assert log_ratio_cost(target + 3, nontarget + 3) > 1.5 * lowest_log_ratio_cost(target + 3, nontarget + 3)


def test_no_information_costs_one_bit_and_false_certainty_more():
    assert log_ratio_cost(np.zeros(3), np.zeros(5)) == 1
    assert lowest_log_ratio_cost(np.zeros(3), np.zeros(5)) == 1
    assert log_ratio_cost(np.array([-9.0]), np.array([9.0])) == pytest.approx(9 / np.log(2), rel=1e-3)
    assert lowest_log_ratio_cost(np.array([5.0, 6.0]), np.array([4.0])) == 0


@pytest.mark.parametrize("decimals", [0, 1, 6])
def test_an_independent_package_agrees_on_ratios(decimals):
    """lir, of the Netherlands Forensic Institute, whose logarithms are decimal."""
    from lir.data.models import LLRData
    from lir.metrics import cllr, cllr_min

    rng = np.random.default_rng(decimals)
    target, nontarget = rng.normal(2, 1.5, 200).round(decimals), rng.normal(-1, 1.5, 900).round(decimals)
    labels = np.repeat([1, 0], [len(target), len(nontarget)])
    data = LLRData(features=np.concatenate([target, nontarget])[:, None] / np.log(10), labels=labels)
    assert log_ratio_cost(target, nontarget) == pytest.approx(cllr(data))
    assert lowest_log_ratio_cost(target, nontarget) == pytest.approx(cllr_min(data), abs=1e-6)


@pytest.mark.parametrize(("target", "nontarget"), [(TARGET, NONTARGET), (TIED_TARGET, TIED_NONTARGET)])
def test_scikit_learn_s_curve_agrees_on_scores(target, nontarget):
    from sklearn.metrics import det_curve

    scores, labels = np.concatenate([target, nontarget]), np.repeat([1, 0], [len(target), len(nontarget)])
    alarms, misses, _ = det_curve(labels, scores, drop_intermediate=False)
    for prior in (0.01, 0.05, 0.5):
        cost = (prior * misses + (1 - prior) * alarms).min() / min(prior, 1 - prior)
        assert minimum_detection_cost(target, nontarget, prior) == pytest.approx(min(cost, 1))
    crossing_at = np.interp(0, (misses - alarms), misses)
    assert equal_error_rate(target, nontarget) == pytest.approx(crossing_at)


@pytest.mark.parametrize(
    "measure",
    [lambda *scores: actual_detection_cost(*scores, 0.1), log_ratio_cost, lowest_log_ratio_cost],
)
def test_measures_of_ratios_want_numbers_of_both_kinds(measure):
    with pytest.raises(ValueError, match="expected target and non-target scores"):
        measure(np.zeros(0), np.ones(3))
    with pytest.raises(ValueError, match="expected numbers as scores"):
        measure(np.array([np.nan]), np.ones(3))
