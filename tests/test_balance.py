"""What each trial of a calibration counts."""

import numpy as np
import pytest
from made_trials import made_trials

from evaluation.balance import a_few_of_each, balanced_weights, bins_of
from evaluation.calibration_trials import Trials, chosen


def trials_of(*rows) -> Trials:
    """Of (shorter, longer, first, second, across, corpus) each."""
    shorter, longer, first, second, across, corpora = map(np.array, zip(*rows))
    return Trials(np.zeros(len(rows)), shorter, longer, first == second, across.astype(bool), first, second, corpora)


def test_lengths_and_corpora_alone_say_nothing_of_who_speaks():
    trials = made_trials(speakers=(12, 5), of_one=12, of_two=42)
    lengthened = trials.longer + 3 * ~trials.same * (trials.corpora == 1)
    trials = trials._replace(longer=lengthened)
    weights = balanced_weights(trials)
    for corpus in (0, 1):
        for short in range(3):
            for long in range(short, 3):
                own = (trials.corpora == corpus) & (bins_of(trials.shorter) == short) & (bins_of(trials.longer) == long)
                one, two = weights[own & trials.same].sum(), weights[own & ~trials.same].sum()
                assert one == pytest.approx(two)


def test_each_speaker_and_each_pair_weigh_the_same_however_many_their_trials():
    trials = trials_of(*[(1, 1, 0, 0, 0, 0)] * 9, (1, 1, 1, 1, 0, 0), *[(1, 1, 0, 1, 0, 0)] * 5, (1, 1, 0, 2, 0, 0))
    weights = balanced_weights(trials)
    assert weights[:9].sum() == pytest.approx(weights[9])
    assert weights[10:15].sum() == pytest.approx(weights[15])
    assert weights[:10].sum() == pytest.approx(weights[10:].sum())


def test_trials_without_a_counterpart_at_their_lengths_do_not_count():
    weights = balanced_weights(
        trials_of((1, 1, 0, 0, 0, 0), (1, 1, 0, 1, 0, 0), (5, 5, 0, 1, 0, 0), (2, 2, 1, 1, 0, 0))
    )
    assert (weights > 0).tolist() == [True, True, False, False]


def test_where_a_speaker_has_two_sessions_those_within_one_do_not_count():
    rows = ((1, 1, 0, 0, 0, 0), (1, 1, 0, 0, 1, 0), (1, 1, 1, 1, 0, 0), (1, 1, 0, 1, 0, 0))
    weights = balanced_weights(trials_of(*rows))
    assert (weights > 0).tolist() == [False, True, True, True]
    assert weights[1] == weights[2]


def test_a_corpus_weighs_as_much_as_it_has_speakers():
    trials = made_trials(speakers=(12, 4))
    weights = balanced_weights(trials)
    assert weights[trials.corpora == 0].sum() == pytest.approx(3 * weights[trials.corpora == 1].sum())


def test_each_bin_of_the_shorter_length_weighs_the_same():
    trials = made_trials()
    sums = np.bincount(bins_of(trials.shorter), balanced_weights(trials))
    assert sums == pytest.approx([sums[0]] * 3)


def test_a_few_trials_of_each_are_drawn_and_all_of_the_rare_ones_kept():
    rows = (
        ((1, 1, 0, 0, 0, 0),) * 50 + ((1, 1, 0, 1, 0, 0),) * 3 + ((1, 4, 0, 0, 0, 0),) * 20 + ((1, 1, 0, 0, 1, 0),) * 9
    )
    trials = trials_of(*rows)
    few = chosen(trials, a_few_of_each(trials, 10))
    kept = [(few.first == few.second) & (few.longer == longer) & (few.across == across) for longer, across in
            ((1, False), (4, False), (1, True))]  # fmt: skip
    assert [one.sum() for one in kept] == [10, 10, 9]
    assert (few.first != few.second).sum() == 3
