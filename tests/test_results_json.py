"""Results as JSON, and counts in words."""

import json

import pytest

from commands.results import print_json
from storage.counting import counted
from storage.nearest_names import mistyped, nearest


def test_numbers_that_json_has_no_sign_for_are_null(capsys):
    print_json({"best": float("inf"), "pair": (1.5, float("nan")), "rows": [{"x": -float("inf"), "n": 2}]})
    printed = capsys.readouterr().out
    assert json.loads(printed, parse_constant=pytest.fail) == {
        "best": None,
        "pair": [1.5, None],
        "rows": [{"x": None, "n": 2}],
    }


def test_one_thing_is_no_plural():
    assert [counted(number, "recording") for number in (0, 1, 2)] == ["0 recordings", "1 recording", "2 recordings"]
    assert counted(2, "copy", "copies") == "2 copies"


def test_the_nearest_name_stands_first():
    assert nearest("anna", ["ben", "ann", "zoe"]).startswith("nearest: ann")
    assert nearest("anna", []) == nearest("", ["ann"]) == ""
    assert mistyped("anna", ["ben", "ann"]) == "ann"
    assert mistyped("anna", ["ben", "zoe"]) is None
