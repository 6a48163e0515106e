"""Intervals over speakers."""

import numpy as np
import pytest

from evaluation.bootstrap import RESAMPLES, estimates
from inference.estimate import Estimate

VALUES = np.random.default_rng(2).normal(5, 1, 40)


def mean(times):
    return np.array([times @ VALUES / times.sum()])


def test_the_interval_holds_the_value_is_repeatable_and_as_wide_as_theory_says():
    (figure,) = estimates(mean, 40, seed=3)
    assert figure.value == pytest.approx(VALUES.mean())
    assert figure.low < figure.value < figure.high
    assert [figure] == estimates(mean, 40, seed=3)
    assert figure.high - figure.low == pytest.approx(2 * 1.96 * VALUES.std() / np.sqrt(40), rel=0.15)


def test_as_many_speakers_are_drawn_as_there_are():
    seen = []
    estimates(lambda times: seen.append(times) or np.zeros(1), 6)
    assert {(len(times), times.sum(), times.dtype) for times in seen} == {(6, 6, np.dtype(np.int64))}
    assert max(times.max() for times in seen) > 2  # with replacement


def test_the_interval_leaves_the_same_share_of_draws_on_either_side():
    seen = []
    (figure,) = estimates(lambda times: seen.append(mean(times)) or seen[-1], 40, confidence=0.9)
    *drawn, value = np.concatenate(seen)
    assert len(drawn) == RESAMPLES
    assert figure == Estimate(value, *np.percentile(drawn, [5, 95]))


def test_another_seed_draws_others():
    assert estimates(mean, 40, seed=3) != estimates(mean, 40, seed=4)


def test_a_constant_has_no_width_and_is_a_plain_number_for_json():
    (figure,) = estimates(lambda times: np.array([0.25], np.float32), 6)
    assert figure == Estimate(0.25, 0.25, 0.25)
    assert {type(number) for number in (figure.value, figure.low, figure.high)} == {float}


def test_draws_without_a_value_are_left_out_of_that_figure_alone():
    one, other = estimates(lambda times: np.array([1.0 if times.all() else np.nan, times[0]]), 2)
    assert (one.low, one.high) == (1, 1)
    assert (other.low, other.high) == (0, 2)


def test_no_value_in_any_draw_gives_no_interval():
    (figure,) = estimates(lambda times: np.array([np.nan]), 2)
    assert np.isnan([figure.value, figure.low, figure.high]).all()
