"""Where a calibration comes from, through JSON and back."""

import dataclasses
import json
import math

import pytest
from calibrated import COMPLETE, RATES, SOURCE

from inference.calibration_source import TWO_SESSIONS, CalibrationSource, ErrorRates
from inference.encoder import SpeakerEncoder
from inference.estimate import Estimate


def again(source):
    return CalibrationSource.from_json(json.loads(json.dumps(source.as_json(), allow_nan=False)))


def test_it_travels_as_json():
    assert again(COMPLETE.source) == COMPLETE.source
    assert again(SOURCE).as_json() == SOURCE.as_json()


def test_the_first_version_knew_less():
    fields = SOURCE.as_json()
    for name in ("pairs_of_strangers", "across_sessions", "cllr"):
        del fields[name]
    source = CalibrationSource.from_json(fields)
    assert (source.corpora, source.pairs_of_strangers, source.across_sessions) == (("made up",), 0, 0)
    assert math.isnan(source.cllr) and source.as_json()["cllr"] is None


def test_rows_have_the_fields_that_they_know_and_no_others():
    plain = RATES[0].as_json()
    assert list(plain) == ["corpus", "up_to", "speakers", "targets", "nontargets", "eer", "miss", "false_accept"]
    foreign = dataclasses.replace(RATES[0], miss_foreign=Estimate(0.1, 0.0, 0.2), sessions=TWO_SESSIONS)
    assert foreign.as_json() == {**plain, "miss_foreign": foreign.miss_foreign.as_json(), "sessions": "two"}
    assert ErrorRates.from_json(foreign.as_json()) == foreign


def test_rates_of_the_first_version_have_no_intervals_and_are_left_out():
    row = {"eer": 0.1, "miss": 0.1, "false_accept": 0.1, "targets": 5, "nontargets": 5, "up_to": 1.5}
    source = CalibrationSource.from_json({**SOURCE.as_json(), "error_rates": [row]})
    assert source.error_rates == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": 1}, "expected no field 'colour'"),
        ({"corpora": "vctk"}, "expected corpora as a list"),
        ({"speakers": -1}, "expected speakers from 0"),
        ({"cllr": "low"}, "expected cllr as a float"),
        ({"error_rates": [3]}, "expected every value of error_rates as dict"),
        ({"error_rates": [{"miss": {}}]}, "expected a field 'corpus'"),
    ],
)
def test_other_fields_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        CalibrationSource.from_json({**COMPLETE.source.as_json(), **change})


def test_the_bundled_network_says_what_it_was_calibrated_on():
    encoder = SpeakerEncoder()
    assert (encoder.calibration.source.speakers, encoder.calibration.source.pairs_of_strangers) == (93, 631)
    assert encoder.calibration.as_json() == encoder.description.calibration
