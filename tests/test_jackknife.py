"""Intervals over speakers."""

import numpy as np
import pytest
from scipy.stats import t

from evaluation.jackknife import FEWEST_SPEAKERS, Kind, estimates, interval
from inference.estimate import Estimate

VALUES = np.random.default_rng(2).normal(5, 1, 40)


def mean_of(values):
    return lambda kept: np.array([values[kept].mean()])


def test_of_a_mean_it_is_student_s_interval():
    (figure,) = estimates(mean_of(VALUES), 40, [Kind.NUMBER])
    low, high = t.interval(0.95, 39, VALUES.mean(), VALUES.std(ddof=1) / np.sqrt(40))
    assert (figure.value, figure.low, figure.high) == pytest.approx((VALUES.mean(), low, high))
    assert {type(number) for number in vars(figure).values()} == {float}


def test_each_speaker_is_left_out_once():
    seen = []
    estimates(lambda kept: seen.append(kept) or np.zeros(1), 6, [Kind.NUMBER])
    assert [kept.tolist() for kept in seen[1:]] == (~np.eye(6, dtype=bool)).tolist()
    assert seen[0].all()


def test_of_independent_trials_of_their_own_the_interval_is_that_of_as_many_trials():
    errors = np.array([1.0] * 4 + [0.0] * 36)  # a speaker, a trial
    (figure,) = estimates(mean_of(errors), 40, [Kind.SHARE])
    trials, z = 39, t.ppf(0.975, 39)  # the variance's n - 1
    centre = (0.1 + z * z / (2 * trials)) / (1 + z * z / trials)
    reach = z * np.sqrt(0.09 / trials + (z / (2 * trials)) ** 2) / (1 + z * z / trials)
    assert (figure.low, figure.high) == pytest.approx((centre - reach, centre + reach))


@pytest.mark.parametrize("kind", [Kind.SHARE, Kind.LEAST_COST, Kind.COST])
def test_no_error_seen_means_that_some_may_come(kind):
    (figure,) = estimates(mean_of(np.zeros(10)), 10, [kind])
    assert (figure.value, figure.low) == (0, 0)
    assert figure.high == pytest.approx(t.ppf(0.975, 9) ** 2 / (10 + t.ppf(0.975, 9) ** 2))


def test_shares_and_least_costs_stay_within_0_and_1_and_costs_do_not():
    values = np.array([0.0, 0.1, 0.2, 0.9, 0.4])
    for kind in (Kind.SHARE, Kind.LEAST_COST):
        (figure,) = estimates(mean_of(values), 5, [kind])
        assert 0 <= figure.low < figure.value < figure.high <= 1
    (figure,) = estimates(mean_of(3 * values), 5, [Kind.COST])
    assert 0 < figure.low < figure.value < 1.5 < figure.high


def test_an_end_beyond_all_numbers_is_still_one():
    assert np.isfinite(interval(1e-9, np.array([0, 0, 0, 1e-3]), Kind.COST)).all()


def test_too_few_speakers_have_no_interval():
    values = VALUES[: FEWEST_SPEAKERS - 1]
    (figure,) = estimates(mean_of(values), len(values), [Kind.NUMBER])
    assert figure.value == pytest.approx(values.mean())
    assert np.isnan([figure.low, figure.high]).all()


def test_what_one_speaker_decides_has_no_interval_but_the_others_do():
    def statistic(kept):
        return np.array([1.0 if kept[0] else np.nan, kept.sum()])

    one, other = estimates(statistic, 5, [Kind.NUMBER, Kind.NUMBER])
    assert (one.value, np.isnan(one.low)) == (1, True)
    assert np.isfinite([other.low, other.high]).all()


def test_a_constant_number_has_no_width():
    (figure,) = estimates(lambda kept: np.array([0.25], np.float32), 6, [Kind.NUMBER])
    assert figure == Estimate(0.25, 0.25, 0.25)
