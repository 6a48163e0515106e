"""Cosines to log-likelihood ratios, probabilities and thresholds."""

import dataclasses
import json

import numpy as np
import pytest
from calibrated import CALIBRATION

from inference.calibration import Calibration, CalibrationError, log_odds, probability, side_by_side


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


def test_it_travels_as_json():
    assert Calibration.from_json(json.loads(json.dumps(CALIBRATION.as_json()))) == CALIBRATION


@pytest.mark.parametrize("change", [{"thresholds": [[1.0, 2.0]]}, {"rates": [0.1]}, {"weights": 3}, {"slope": 1}])
def test_other_versions_are_told_by_an_exception(change):
    with pytest.raises((TypeError, ValueError)):
        Calibration.from_json({**dataclasses.asdict(CALIBRATION), **change})


def test_columns():
    assert side_by_side(0.5, 1.0, np.e).tolist() == pytest.approx([0.5, 0, 0.5, 0, 1])
