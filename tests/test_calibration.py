"""Cosines to log-likelihood ratios, probabilities and thresholds."""

import dataclasses
import json

import numpy as np
import pytest
from calibrated import CALIBRATION, COMPLETE

from inference.calibration import Calibration, CalibrationError
from inference.likelihood_ratio import log_odds, probability, side_by_side


def test_a_ratio_by_hand():
    expected = -4 + 0.6 * (10 + np.log(2) + 0.5 * np.log(4)) - np.log(2)
    assert CALIBRATION.log_likelihood_ratio(0.6, 2.0, 4.0) == pytest.approx(expected)


def test_it_does_not_matter_which_recording_comes_first():
    ratios = CALIBRATION.log_likelihood_ratio(np.array([0.1, 0.6]), np.array([2.0, 5.0]), 4.0)
    assert ratios.shape == (2,)
    np.testing.assert_array_equal(
        ratios, CALIBRATION.log_likelihood_ratio(np.array([0.1, 0.6]), 4.0, np.array([2.0, 5.0]))
    )


def test_lengths_outside_of_the_trials_count_as_their_ends():
    assert CALIBRATION.log_likelihood_ratio(0.6, 0.01, 999) == CALIBRATION.log_likelihood_ratio(0.6, 0.5, 8)


def test_bayes_rule():
    assert probability(0.0, 0.5) == 0.5
    assert probability(np.log(9), 0.1) == pytest.approx(0.5)
    assert log_odds(0.8) == pytest.approx(np.log(4))


@pytest.mark.parametrize(
    ("rate", "seconds", "expected"),
    [(0.1, 1.0, 1), (0.01, 1.0, 2), (np.sqrt(0.001), 1.0, 1.5), (0.1, 1.5, 3), (0.01, 2.9, 4), (0.1, 60, 5)],
)
def test_thresholds_by_rate_and_length(rate, seconds, expected):
    assert CALIBRATION.threshold(rate, seconds) == pytest.approx(expected)


@pytest.mark.parametrize("rate", [0.009, 0.11])
def test_rates_beyond_the_trials_are_refused(rate):
    with pytest.raises(CalibrationError, match=r"from 0\.01 to 0\.1"):
        CALIBRATION.threshold(rate, 1.0)


def test_ratios_are_no_stronger_than_so_few_speakers_can_say():
    strong, weak = (COMPLETE.log_likelihood_ratio(cosine, 2.0, 4.0) for cosine in (0.99, -0.9))
    assert (strong, weak) == (6.0, -4.5)
    assert COMPLETE.unbounded(0.99, 2.0, 4.0) == CALIBRATION.log_likelihood_ratio(0.99, 2.0, 4.0) > 6
    assert COMPLETE.log_likelihood_ratio(0.6, 2.0, 4.0) == CALIBRATION.log_likelihood_ratio(0.6, 2.0, 4.0)


def test_the_interval_of_a_ratio_by_hand():
    columns = np.append(side_by_side(0.6, 2.0, 4.0), 1)
    reach, middle = 1.96 * 0.1 * np.linalg.norm(columns), CALIBRATION.log_likelihood_ratio(0.6, 2.0, 4.0)
    assert COMPLETE.interval(0.6, 2.0, 4.0) == pytest.approx((middle - reach, middle + reach))
    assert COMPLETE.interval(0.99, 2.0, 4.0)[1] == 6.0
    assert CALIBRATION.interval(0.6, 2.0, 4.0) is None


def test_the_interval_of_a_rate_lies_between_those_of_the_rates_around_it():
    assert COMPLETE.rate_interval(0.1, 1.0) == (0.05, 0.2)
    assert COMPLETE.rate_interval(np.sqrt(0.001), 2.0) == pytest.approx((0.031, 0.115))
    assert CALIBRATION.rate_interval(0.1, 1.0) is None


def test_what_verdicts_are_worth_is_told_by_length():
    assert [COMPLETE.expected_errors(seconds).up_to for seconds in (1.0, 2.0, 9.0)] == [1.5, 3.0, None]
    assert CALIBRATION.expected_errors(1.0) is None


def test_rates_of_too_few_speakers_are_refused_at_that_length_alone():
    some = dataclasses.replace(COMPLETE, thresholds=((1.0, None), (3.0, 4.0), (None, None)))
    assert (some.lowest_rate(1.0), some.lowest_rate(2.0)) == (0.1, 0.01)
    with pytest.raises(CalibrationError, match=r"from 0\.1 to 0\.1"):
        some.threshold(0.01, 1.0)
    with pytest.raises(CalibrationError, match="too few to tell any rate"):
        some.threshold(0.1, 5.0)


@pytest.mark.parametrize("calibration", [CALIBRATION, COMPLETE])
def test_it_travels_as_json(calibration):
    assert Calibration.from_json(json.loads(json.dumps(calibration.as_json()))) == calibration


def test_one_of_an_earlier_version_says_what_it_knows():
    known = ("intercept", "weights", "shortest", "longest", "bins", "rates", "thresholds", "about")
    fields = CALIBRATION.as_json()
    assert Calibration.from_json({name: fields[name] for name in known}) == CALIBRATION


@pytest.mark.parametrize(
    "change",
    [
        {"thresholds": [[1.0, 2.0]]},
        {"rates": [0.1]},
        {"weights": 3},
        {"slope": 1},
        {"score_norm": "zt"},
        {"covariance": [[1.0]]},
        {"intervals": [[None]]},
        {"thresholds": [[1.0, "x"], [1.0, 2.0], [1.0, 2.0]]},
    ],
)
def test_other_versions_are_told_by_an_exception(change):
    with pytest.raises(ValueError, match="expected"):
        Calibration.from_json({**COMPLETE.as_json(), **change})


def test_columns():
    assert side_by_side(0.5, 1.0, np.e).tolist() == pytest.approx([0.5, 0, 0.5, 0, 1])
