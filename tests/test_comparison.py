"""Networks on the same trials: differences, means and the sentence."""

import dataclasses

import numpy as np
import pytest
from test_ratios import made_set

from evaluation.comparison import MEAN, compare, format_comparison, verdict
from evaluation.metrics import equal_error_rate


def noisier(one, noise, seed=1):
    scores = one.scores["none"] + np.random.default_rng(seed).normal(0, noise, len(one.first))
    return dataclasses.replace(one, scores={"none": scores})


GOOD = [made_set(24, corpus="a"), made_set(24, corpus="b", seed=5)]
WORSE = [noisier(one, 0.4) for one in GOOD]


def rows_of(rows, measure="eer", source=MEAN):
    return next(row for row in rows if (row.measure, row.source) == (measure, source))


def test_values_are_those_of_each_and_differences_theirs():
    row = rows_of(compare([GOOD, WORSE]), source="a")
    for one, value in zip((GOOD[0], WORSE[0]), row.values):
        scores = one.scores["none"]
        assert value.value == pytest.approx(equal_error_rate(scores[one.same], scores[~one.same]))
    (difference,) = row.differences
    assert difference.value == pytest.approx(row.values[1].value - row.values[0].value)
    assert 0 < difference.low < difference.value < difference.high


def test_a_paired_interval_is_narrower_than_those_of_both():
    row = rows_of(compare([GOOD, [noisier(one, 0.05) for one in GOOD]]), source="a")
    wide = sum(value.high - value.low for value in row.values) / 2
    assert row.differences[0].high - row.differences[0].low < 0.8 * wide


def test_the_mean_of_corpora_is_surer_than_either():
    rows = compare([GOOD, WORSE])
    each = [rows_of(rows, source=source).differences[0] for source in "ab"]
    mean = rows_of(rows).differences[0]
    assert mean.value == pytest.approx(np.mean([one.value for one in each]))
    assert mean.high - mean.low < min(one.high - one.low for one in each)


def test_the_better_one_is_named():
    names = ["good", "worse"]
    text = verdict(compare([GOOD, WORSE]), names)
    assert text.startswith("EER of whole utterances, mean of corpora: lowest with good; good is better than worse by ")
    turned = verdict(compare([WORSE, GOOD]), names[::-1])
    assert "lowest with good; good is better than worse by " in turned
    assert text in format_comparison(compare([GOOD, WORSE]), names)


def test_noise_is_called_noise():
    rows = compare([GOOD, [noisier(one, 0.02) for one in GOOD]])
    assert "which may be noise" in verdict(rows, ["one", "other"])


def test_few_speakers_tell_nothing():
    few = [made_set(3)]
    text = verdict(compare([few, [noisier(few[0], 0.3)]]), ["one", "other"])
    assert text.endswith("3 speakers can't tell other and one apart.")


def test_two_perfect_networks_are_not_equal_for_certain():
    perfect = made_set(8)
    perfect = dataclasses.replace(perfect, scores={"none": np.where(perfect.same, 1.0, 0.0)})
    (difference,) = rows_of(compare([[perfect], [perfect]]), source="a").differences
    assert (difference.value, difference.low) == (0, -difference.high)
    assert difference.high > 0.2


def test_a_network_against_itself_differs_by_nothing():
    (difference,) = rows_of(compare([GOOD, GOOD]), source="a").differences
    assert (difference.value, difference.low, difference.high) == (0, 0, 0)


def test_of_three_all_differences_hold_together():
    two = rows_of(compare([GOOD, WORSE])).differences[0]
    three = rows_of(compare([GOOD, WORSE, GOOD])).differences[0]
    assert three.low < two.low < two.high < three.high


def test_ratios_are_compared_only_where_all_have_them():
    rated = [dataclasses.replace(one, ratios={"none": 8 * one.scores["none"] - 4}) for one in GOOD]
    assert {row.measure for row in compare([rated, rated])} > {"cllr"}
    assert {row.measure for row in compare([rated, GOOD])} == {"eer", "min_dcf_0.01", "min_dcf_0.05"}
