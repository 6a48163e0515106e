"""Dimensions of networks that may be anybody's."""

import json
from dataclasses import asdict, fields

import pytest
import tiny

from models.network_options import LARGEST, NetworkOptions

USUAL = NetworkOptions().as_json()


@pytest.mark.parametrize("options", [NetworkOptions(), tiny.TinyNetworkOptions(), NetworkOptions(gru_units=1)])
def test_options_survive_json(options):
    assert NetworkOptions.from_json(json.loads(json.dumps(options.as_json()))) == NetworkOptions(**asdict(options))


@pytest.mark.parametrize("name", [field.name for field in fields(NetworkOptions)])
def test_every_field_is_needed(name):
    with pytest.raises(ValueError, match=f"expected a field '{name}'"):
        NetworkOptions.from_json({other: value for other, value in USUAL.items() if other != name})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lstm_units": 3}, "no field 'lstm_units', which this version does not know"),
        ({"gru_units": "64"}, "expected gru_units as a whole number. Received str"),
        ({"gru_units": True}, "expected gru_units as a whole number. Received bool"),
        ({"gru_units": 64.0}, "expected gru_units as a whole number. Received float"),
        ({"gru_units": 0}, "expected gru_units from 1 to"),
        ({"gru_units": 10**30}, "expected gru_units from 0 to"),
        ({"conv_filters": 64}, "expected conv_filters as a list. Received int"),
        ({"conv_filters": [64, None, 96]}, "expected every value of conv_filters as int. Received NoneType"),
        ({"conv_kernels": [3, -1, 3]}, "expected conv_kernels from 1 to"),
        ({"conv_strides": [2, 2]}, "a filter, kernel and stride for each"),
        ({"conv_filters": [1] * 40, "conv_kernels": [1] * 40, "conv_strides": [1] * 40}, "up to 16 convolutions"),
        ({"conv_filters": [4096] * 3, "conv_kernels": [512] * 3}, "expected a network of up to 67108864 weights"),
        ({"embedding_activation": "softplus"}, "expected an embedding_activation of linear, tanh, sigmoid"),
        ({"normalize_embeddings": 1}, "expected normalize_embeddings as true or false. Received int"),
    ],
)
def test_options_without_sense_are_refused_with_the_reason(change, message):
    with pytest.raises(ValueError, match=message):
        NetworkOptions.from_json({**USUAL, **change})


@pytest.mark.parametrize("name", LARGEST)
def test_sizes_are_bounded_wherever_options_come_from(name):
    value = getattr(NetworkOptions(), name)
    too_large = (*value[1:], LARGEST[name] + 1) if isinstance(value, tuple) else LARGEST[name] + 1
    with pytest.raises(ValueError, match=f"expected {name} from 1 to {LARGEST[name]}"):
        NetworkOptions(**{name: too_large})


def test_a_list_is_no_object():
    with pytest.raises(ValueError, match="expected an object with named fields"):
        NetworkOptions.from_json([USUAL])
