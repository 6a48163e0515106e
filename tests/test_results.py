"""Results as people and as programs read them."""

import dataclasses
import json

import pytest

from evaluation.results import COLUMNS, Result, as_json, format_table
from inference.estimate import Estimate

WHOLE, NAN = Estimate(0.06524, 0.0566, 0.07404), float("nan")
ALL = dict.fromkeys(COLUMNS, WHOLE)
RESULTS = [
    Result("speechocean762", None, 24, 384, 384, 2880, 70_656, ALL),
    Result("", 2.0, 4, 40, 38, 180, 600, ALL | {"eer": Estimate(0.5, NAN, NAN)}),
]


def test_a_line_for_each_result_with_value_and_interval():
    header, whole, cut, *notes = format_table(RESULTS).splitlines()
    assert " ".join(header.split()) == "corpus speakers utterances cut SAP SAN EER in % minDCF 0.01 minDCF 0.05"
    assert whole.split()[:4] == ["speechocean762", "24", "384", "whole"]
    assert cut.split()[:5] == [".", "4", "38/40", "2", "s"]
    assert "0.0652 [0.0566, 0.0740]  0.065 [0.057, 0.074]  6.52 [5.66, 7.40]  0.07 [0.06, 0.07]" in whole
    assert "95 % interval" in notes[0]


def test_columns_stand_below_their_headings():
    header, whole, cut, *_ = format_table(RESULTS).splitlines()
    for heading, cell in (("SAP", "0.0652"), ("minDCF 0.05", "0.07 [")):
        at = header.index(heading)
        assert whole[at:].startswith(cell)
        assert cut[at:].startswith(cell)


def test_the_table_fits_a_wide_terminal():
    figures = ALL | {"eer": Estimate(0.1722, 0.0351, 0.3111)}
    assert max(map(len, format_table([Result("speechocean762", 2.0, 24, 384, 207, 1, 1, figures)]).splitlines())) <= 150


def test_a_trial_list_has_no_columns_for_distances():
    figures = {name: WHOLE for name in COLUMNS if name not in ("sap", "san")}
    header, line, *_ = format_table([Result("veri{}.txt", None, 24, 384, 384, 9, 9, figures)], "trials").splitlines()
    assert " ".join(header.split()) == "trials speakers utterances cut EER in % minDCF 0.01 minDCF 0.05"
    assert line.startswith("veri{}.txt")


def test_json_says_the_same_in_full():
    content = json.loads(as_json(RESULTS, checkpoint={"step": 1500}, left_out=["p362"]))
    assert list(content) == ["checkpoint", "left_out", "confidence", "resamples", "results"]
    assert (content["confidence"], content["resamples"], content["checkpoint"]) == (0.95, 1000, {"step": 1500})
    whole, cut = content["results"]
    assert whole == {
        "source": "speechocean762",
        "cut": None,
        "speakers": 24,
        "utterances": 384,
        "long_enough": 384,
        "targets": 2880,
        "nontargets": 70_656,
        "across_sessions": False,
        "figures": {name: {"value": 0.06524, "low": 0.0566, "high": 0.07404} for name in COLUMNS},
    }
    assert (cut["source"], cut["cut"], cut["long_enough"]) == ("", 2.0, 38)


def test_what_does_not_exist_is_null():
    text = as_json(RESULTS)
    assert "NaN" not in text
    assert json.loads(text)["results"][1]["figures"]["eer"] == {"value": 0.5, "low": None, "high": None}


def test_infinity_is_null_too():
    text = as_json([Result("", None, 2, 4, 4, 2, 4, {"eer": Estimate(float("inf"), 0, 1)})])
    assert json.loads(text)["results"][0]["figures"]["eer"]["value"] is None


def test_numbers_of_other_kinds_are_a_programmer_s_mistake():
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json(RESULTS, step=NAN)


def test_a_result_across_sessions_has_its_own_name_and_no_distances():
    figures = {name: figure for name, figure in RESULTS[0].estimates.items() if name not in ("sap", "san")}
    apart = dataclasses.replace(RESULTS[0], estimates=figures, across_sessions=True)
    table = format_table([RESULTS[0], apart], scores="normalised scores").splitlines()
    assert table[2].split()[:4] == ["speechocean762,", "across", "sessions", "24"]
    assert len(table[2].split()) < len(table[1].split())
    assert table[-1] == "(EER and minDCF are of normalised scores)"
