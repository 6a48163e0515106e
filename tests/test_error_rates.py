"""Error rates and thresholds of ratios that are given."""

import numpy as np
import pytest
from made_trials import made_trials

from evaluation.balance import balanced_weights, bins_of
from evaluation.error_rates import RATES, Judged, error_rates, format_error_rates, thresholds
from evaluation.speaker_draws import SpeakerDraws


def judged(trials, ratios=None):
    weights = balanced_weights(trials)
    return Judged(trials, weights, trials.scores if ratios is None else ratios, SpeakerDraws(trials, weights))


@pytest.fixture(scope="module")
def trials():
    return made_trials(speakers=(12, 12), of_one=30, of_two=30)


def nothing(trials):
    return np.full(len(trials.scores), np.nan)


def test_rates_are_counted_over_pairs_by_length_and_corpus(trials):
    ratios = np.where(trials.same, 1.0, -1.0)
    ratios[(trials.first == 0) & (trials.second == 1)] = 1.0  # one pair of 66 in the first corpus
    ratios[(trials.first == 13) & (trials.second == 13)] = -1.0  # one speaker of 12 in the second
    rows = error_rates(judged(trials, ratios), ["a", "b"], nothing(trials))
    assert [(row.corpus, row.up_to) for row in rows] == [(c, end) for c in (None, "a", "b") for end in (1.5, 3.0, None)]
    for row in rows:
        pairs, speakers = {"a": (1 / 66, 0), "b": (0, 1 / 12), None: (1 / 132, 1 / 24)}[row.corpus]
        assert row.false_accept.value == pytest.approx(pairs, abs=1e-6)
        assert row.miss.value == pytest.approx(speakers, abs=1e-6)
        for rate in (row.miss, row.false_accept):
            assert rate.low <= rate.value <= rate.high > 0
    assert rows[0].speakers == 24


def test_a_pair_with_many_trials_counts_once():
    trials = made_trials(speakers=(12,), of_two=6)
    crowd = (trials.first == 0) & (trials.second == 1)
    rows = np.concatenate([np.arange(len(crowd)), np.repeat(np.flatnonzero(crowd), 200)])
    trials = type(trials)(*(column[rows] for column in trials))
    ratios = np.where(trials.same | ((trials.first == 0) & (trials.second == 1)), 1.0, -1.0)
    row, *_ = error_rates(judged(trials, ratios), ["a"], nothing(trials))
    assert row.false_accept.value == pytest.approx(1 / 66, abs=1e-6)


def test_the_weights_of_other_corpora_are_told_of_all_corpora(trials):
    foreign = np.where(trials.corpora == 0, 1.0, np.nan)
    rows = error_rates(judged(trials), ["a", "b"], foreign)
    assert rows[0].false_accept_foreign.value == 1.0
    assert rows[0].miss_foreign.value == 0.0
    assert rows[3].miss_foreign is None and "miss_foreign" not in rows[3].as_json()
    table = format_error_rates(rows)
    assert sum(line.startswith("all, weights of the other corpora") for line in table.splitlines()) == 3


def test_sessions_are_told_apart():
    trials = made_trials(speakers=(12,), of_one=60)
    across = trials.same & (np.arange(len(trials.same)) // 6 % 2 == 0) & (trials.first < 6)
    trials = trials._replace(across=across)
    ratios = np.where(trials.same & ~across, 1.0, -1.0)
    rows = error_rates(judged(trials, ratios), ["a"], nothing(trials))
    of_a = [row for row in rows if row.corpus == "a" and row.up_to is None]
    assert [row.sessions for row in of_a] == [None, "two", "one"]
    # of 12 speakers, 6 have two sessions, and then only trials across them count
    assert [row.miss.value for row in of_a] == pytest.approx([0.5, 1.0, 0.0])


def test_a_table_has_a_line_for_each(trials):
    table = format_error_rates(error_rates(judged(trials), ["a", "b"], nothing(trials))).splitlines()
    assert [line.split()[0] for line in table[1:10]] == ["all"] * 3 + ["a"] * 3 + ["b"] * 3
    assert ["below 1.5 s" in line for line in table[1:4]] == [True, False, False]
    assert "3 s or more" in table[3]


def test_thresholds_let_the_share_of_pairs_through_that_they_say(trials):
    found = judged(trials)
    reached, intervals = thresholds(found)
    for number, (row, ends) in enumerate(zip(reached, intervals)):
        among = ~trials.same & (bins_of(trials.shorter) == number)
        for rate, threshold, interval in zip(RATES, row, ends):
            if threshold is not None:
                hit = found.weights[among & (trials.scores >= threshold)].sum() / found.weights[among].sum()
                assert hit == pytest.approx(rate, rel=0.05, abs=2e-3)
                assert interval[0] <= hit + 1e-6
                assert interval[1] >= hit - 1e-6


def test_a_rate_that_a_few_pairs_make_is_not_told():
    trials = made_trials(speakers=(20,), of_one=20, of_two=60)  # 190 pairs
    ratios = np.where(trials.same, 9.0, -np.arange(len(trials.same)) / 1e6 - 1)
    for pair in ((0, 1), (2, 3), (4, 5), (6, 7)):  # 4 of 190 are 2.1 %
        ratios[(trials.first == pair[0]) & (trials.second == pair[1])] = 5.0
    (row, *_), (ends, *_) = thresholds(judged(trials, ratios))
    told = [rate for rate, threshold in zip(RATES, row) if threshold is not None]
    assert min(told) == 0.05
    assert [end is None for end in ends] == [threshold is None for threshold in row]
    ratios[(trials.first == 8) & (trials.second == 9)] = 5.0
    (row, *_), _ = thresholds(judged(trials, ratios))
    assert row[RATES.index(0.02)] == 5.0


def test_a_ratio_of_nothing_is_accepted(trials):
    row, *_ = error_rates(judged(trials, np.zeros(len(trials.scores))), ["a", "b"], nothing(trials))
    assert (row.miss.value, row.false_accept.value) == (0.0, 1.0)
