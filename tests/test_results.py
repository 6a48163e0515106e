"""Results as people and as programs read them."""

import json

import pytest

from evaluation.results import COLUMNS, ERRORS, RATIOS, Result, as_json, format_tables
from inference.estimate import Estimate

WHOLE, NAN = Estimate(0.06524, 0.0566, 0.07404), float("nan")
ALL = dict.fromkeys(COLUMNS, WHOLE)
SCORES = {name: WHOLE for name in ERRORS if name not in ("sap", "san")}
RESULTS = [
    Result("speechocean762", None, "", "none", 24, 384, 384, 2880, 70_656, ALL),
    Result("", 2.0, "", "as", 2, 40, 38, 190, 400, {"eer": Estimate(0.5, NAN, NAN)}),
]


def words(line):
    return " ".join(line.split())


def test_errors_and_ratios_have_a_table_each():
    errors, ratios, notes = format_tables(RESULTS).split("\n\n")
    header, whole, cut = map(words, errors.splitlines())
    assert header == "corpus speakers utterances cut scores SAP SAN EER in % minDCF 0.01 minDCF 0.05"
    assert whole == (
        "speechocean762 24 384 whole cosine 0.065 [0.057, 0.074] 0.065 [0.057, 0.074] 6.52 [5.66, 7.40] "
        "0.07 [0.06, 0.07] 0.07 [0.06, 0.07]"
    )
    assert cut == ". 2 38/40 2 s AS-norm 50.00"  # neither an interval nor distances
    header, whole = map(words, ratios.splitlines())
    assert header == "corpus cut scores actDCF 0.01 actDCF 0.05 Cllr minCllr"
    assert whole.startswith("speechocean762 whole cosine 0.07 [0.06, 0.07] ")
    assert "95 % interval" in notes


def test_without_ratios_there_is_one_table():
    assert format_tables(RESULTS[1:]).count("\n\n") == 1
    assert not any(heading in format_tables(RESULTS[1:]).split("\n\n")[0] for heading, *_ in RATIOS.values())


def test_the_tables_fit_a_wide_terminal():
    wide = ALL | {"eer": Estimate(0.1722, 0.0351, 0.3111)}
    table = format_tables([Result("speechocean762, across sessions", 2.0, "", "as", 24, 384, 207, 1, 1, wide)])
    assert max(map(len, table.splitlines())) <= 180


def test_a_trial_list_has_no_columns_for_distances():
    table = format_tables([Result("veri{}.txt", None, "", "none", 24, 384, 384, 9, 9, SCORES)], "trials")
    header, line, *_ = table.splitlines()
    assert words(header) == "trials speakers utterances cut scores EER in % minDCF 0.01 minDCF 0.05"
    assert line.startswith("veri{}.txt")


def test_a_subset_stands_beside_its_corpus():
    part = Result("calls", None, "across sessions", "none", 9, 80, 80, 9, 9, SCORES)
    assert format_tables([part]).splitlines()[1].startswith("calls, across sessions  ")


def test_a_cut_that_nobody_is_long_enough_for_is_not_printed_again():
    short = [
        Result("words", cut, "", "none", 9, 80, long, 9, 9, SCORES) for cut, long in ((None, 80), (5.0, 0), (1.0, 3))
    ]
    assert [line.split()[3] for line in format_tables(short).splitlines()[1:3]] == ["whole", "1"]
    assert len(json.loads(as_json(short))["results"]) == 3


def test_json_says_the_same_in_full():
    content = json.loads(as_json(RESULTS, checkpoint={"step": 1500}, left_out=["p362"]))
    assert list(content) == ["checkpoint", "left_out", "confidence", "interval", "results"]
    assert (content["confidence"], content["checkpoint"]) == (0.95, {"step": 1500})
    whole, cut = content["results"]
    assert whole == {
        "source": "speechocean762",
        "cut": None,
        "subset": "",
        "score_norm": "none",
        "speakers": 24,
        "utterances": 384,
        "long_enough": 384,
        "targets": 2880,
        "nontargets": 70_656,
        "figures": {name: {"value": 0.06524, "low": 0.0566, "high": 0.07404} for name in COLUMNS},
    }
    assert (cut["source"], cut["cut"], cut["long_enough"]) == ("", 2.0, 38)


def test_what_does_not_exist_is_null():
    text = as_json(RESULTS)
    assert "NaN" not in text
    assert json.loads(text)["results"][1]["figures"]["eer"] == {"value": 0.5, "low": None, "high": None}


def test_numbers_of_other_kinds_are_a_programmer_s_mistake():
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json(RESULTS, step=NAN)


def test_no_terminal_is_steered_by_a_name():
    table = format_tables([Result("a\x1b[31mB", None, "", "none", 9, 80, 80, 9, 9, SCORES)])
    assert "a\\x1b[31mB" in table and "\x1b" not in table
