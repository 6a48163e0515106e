"""A calibration in a file of its own, whatever has become of it."""

import json

import pytest
from calibrated import COMPLETE

from inference.calibration_file import LARGEST, CalibrationFileError, read_calibration, write_calibration


@pytest.fixture
def path(tmp_path):
    write_calibration(tmp_path / "own.json", COMPLETE, "abc")
    return tmp_path / "own.json"


def test_it_comes_back_as_it_was(path):
    assert read_calibration(path, "abc") == COMPLETE


def test_it_is_for_one_network(path):
    with pytest.raises(CalibrationFileError, match=r"own\.json was fitted on the scores of another network"):
        read_calibration(path, "abd")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"[" * 100_000,
        b'{"format": "deep-speaker-calibration-2", "network": "abc", "calibration": {}}',
        b'{"format": "deep-speaker-calibration-1", "network": 1, "calibration": {}}',
        b'{"format": "deep-speaker-calibration-1", "network": "abc", "calibration": {}, "more": 1}',
    ],
)
def test_what_is_none_is_refused_in_a_line(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(CalibrationFileError, match="expected a calibration, as --calibrate writes it, in") as caught:
        read_calibration(tmp_path / "x.json", "abc")
    assert len(str(caught.value)) < 500


def test_a_missing_and_an_endless_file_are_refused(tmp_path):
    with open(tmp_path / "long.json", "wb") as file:
        file.truncate(LARGEST + 1)
    for path in (tmp_path / "none.json", tmp_path, tmp_path / "long.json"):
        with pytest.raises(CalibrationFileError, match="expected a calibration"):
            read_calibration(path, "abc")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", '"1"', "null", "true"])
@pytest.mark.parametrize("field", ["intercept", "shortest"])
def test_numbers_that_are_none_are_refused(path, number, field):
    content = json.loads(path.read_text())
    content["calibration"][field] = "HERE"
    path.write_text(json.dumps(content).replace('"HERE"', number))
    with pytest.raises(CalibrationFileError, match="expected a calibration"):
        read_calibration(path, "abc")
