"""A value with its interval, through JSON and back."""

import json
import math

import pytest

from inference.estimate import Estimate


def test_it_travels_as_json():
    estimate = Estimate(0.25, 0.125, 0.5)
    assert estimate.as_json() == {"value": 0.25, "low": 0.125, "high": 0.5}
    assert Estimate.from_json(json.loads(json.dumps(estimate.as_json()))) == estimate


def test_what_is_not_finite_is_null_and_comes_back_as_no_number():
    text = json.dumps(Estimate(math.nan, -math.inf, math.inf).as_json(), allow_nan=False)
    assert text == '{"value": null, "low": null, "high": null}'
    assert all(map(math.isnan, vars(Estimate.from_json(json.loads(text))).values()))


def test_rounding():
    assert Estimate(0.123456789, 0.1, 2 / 3).rounded(3) == Estimate(0.123, 0.1, 0.667)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"value": 1.0, "low": 0.0}, "expected a field 'high'"),
        ({"value": 1.0, "low": 0.0, "high": 2.0, "mean": 1.0}, "expected no field 'mean'"),
        ({"value": "1", "low": 0.0, "high": 2.0}, "expected value as a float"),
        ({"value": math.inf, "low": 0.0, "high": 2.0}, "expected value as a finite number"),
    ],
)
def test_other_fields_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Estimate.from_json(fields)


def test_as_a_text_it_has_an_interval_only_where_there_is_one():
    assert Estimate(0.07334, 0.0481, 0.11009).as_text(100) == "7.33 [4.81, 11.01]"
    assert Estimate(0.5, math.nan, math.nan).as_text(decimals=1, sign="+") == "+0.5"
