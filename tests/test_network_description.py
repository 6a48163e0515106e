"""What an exported network says of itself comes back, and nothing else is taken for it."""

import json

import onnx
import pytest
import sealed

from models.checkpoint import CheckpointError
from models.network_description import NetworkDescription
from models.onnx_file import BUNDLED, DESCRIPTION, description_text, parse_description

BUNDLED_FINGERPRINT = "2d8c910983baa4c600c57bb6757fbe4aa9b3f878ca99c457b14155ac08651ec6"


def bundled_text():
    (text,) = (entry.value for entry in onnx.load(BUNDLED).metadata_props if entry.key == DESCRIPTION)
    return text


def test_the_bundled_network_s_description_is_written_again_to_the_letter():
    description = parse_description(bundled_text(), "network.onnx")
    assert (description.fingerprint, description.stage, description.step) == (BUNDLED_FINGERPRINT, "triplet", 6000)
    assert (description.network.window_frames, len(description.normalization.mean)) == (200, 60)
    assert description_text(description) == bundled_text()


def test_a_network_without_a_cohort_is_of_an_earlier_version_and_read():
    fields = sealed.description()
    del fields["cohort"], fields["format"]
    assert NetworkDescription.from_json(fields).cohort is None


@pytest.mark.parametrize("name", sorted(sealed.description().keys() - {"cohort", "format"}))
def test_a_missing_field_is_named(name):
    fields = sealed.description()
    del fields[name]
    with pytest.raises(CheckpointError, match=rf"a\.onnx is of another version.*expected a field '{name}'"):
        parse_description(json.dumps(fields), "a.onnx")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, "expected no field 'colour'"),
        ({"step": "9"}, "expected step as a whole number. Received str"),
        ({"step": -1}, "expected step from 0"),
        ({"finished": 1}, "expected finished as true or false. Received int"),
        ({"fingerprint": None}, "expected fingerprint as a text. Received NoneType"),
        ({"calibration": []}, "expected calibration as an object. Received list"),
        ({"cohort": "x"}, "expected cohort as an object. Received str"),
        ({"network": {"lstm_units": 3}}, "expected a field 'feature_size'"),
        ({"normalization": {"mean": [0.0]}}, "expected a field 'deviation'"),
        ({"normalization": {"mean": [0.0], "deviation": [1.0], "median": []}}, "expected no field 'median'"),
        ({"normalization": {"mean": [float("nan")], "deviation": [1.0]}}, "expected finite numbers in mean"),
        ({"trained_on": [1]}, "expected every value of trained_on as str"),
    ],
)
def test_what_a_description_can_not_say_is_refused(change, message):
    with pytest.raises(CheckpointError, match=message):
        parse_description(json.dumps(sealed.description(**change)), "a.onnx")


def test_a_number_that_json_does_not_have_is_never_written():
    fields = sealed.description(calibration={"intercept": float("inf")})
    del fields["format"]
    with pytest.raises(ValueError, match="not JSON compliant"):
        description_text(NetworkDescription.from_json(fields))
