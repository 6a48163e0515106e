"""Every trial is judged by weights that saw neither of its speakers, and by no others."""

import numpy as np
import pytest
from made_trials import OTHER_MEAN, SAME_MEAN, made_trials

from evaluation import cross_validation
from evaluation.calibration_trials import chosen
from evaluation.cross_validation import cross_validated, dealt, fitted, judged, without_own_corpus
from storage.errors import UserError


@pytest.fixture(scope="module")
def trials():
    return made_trials(speakers=(12, 10), of_one=24, of_two=12)


@pytest.fixture(scope="module")
def folds(trials):
    return dealt(trials, folds=4)


def test_speakers_of_each_corpus_are_dealt_out_evenly(trials, folds):
    assert np.bincount(folds[:12]).tolist() == [3, 3, 3, 3]
    assert sorted(np.bincount(folds[12:])) == [2, 2, 3, 3]
    assert (dealt(trials, folds=4, seed=1) != folds).any()


def test_ratios_are_those_of_weights_fitted_on_speakers_of_other_folds(trials, folds):
    ratios = cross_validated(trials, folds)
    for row in (0, 50, 300, 700, len(ratios) - 1):
        banned = {folds[trials.first[row]], folds[trials.second[row]]}
        unseen = np.array(
            [folds[a] not in banned and folds[b] not in banned for a, b in zip(trials.first, trials.second)]
        )
        expected = judged(chosen(trials, np.array([row])), fitted(chosen(trials, unseen)))[0]
        assert ratios[row] == pytest.approx(expected)


@pytest.mark.parametrize("pair", [(0, 0), (1, 2), (3, 0)])
def test_what_speakers_of_two_folds_say_does_not_move_the_weights_that_judge_them(trials, folds, pair, monkeypatch):
    """Whoever judges by own weights, by a half of the speakers, or by the wrong folds, fails here."""
    first, second = folds[trials.first], folds[trials.second]
    tested = ((first == pair[0]) & (second == pair[1])) | ((first == pair[1]) & (second == pair[0]))
    theirs = np.isin(first, pair) | np.isin(second, pair)
    turned = trials._replace(scores=np.where(theirs & ~tested, 1 - trials.scores, trials.scores))

    def lenient(some):  # where scores are turned, the weights may not rise
        return cross_validation.logistic_regression(*_columns(some))

    monkeypatch.setattr(cross_validation, "fitted", lenient)
    before, after = cross_validated(trials, folds)[tested], cross_validated(turned, folds)[tested]
    np.testing.assert_array_equal(before, after)
    assert not np.allclose(judged(chosen(trials, tested), lenient(trials)), before, atol=1e-3)  # by own weights


def test_and_every_other_speaker_does(trials, folds):
    first, second = folds[trials.first], folds[trials.second]
    tested = (first == 1) & (second == 1)
    for other in (0, 2, 3):
        moved = trials._replace(scores=trials.scores + 0.1 * ((first == other) & (second == other)))
        assert (cross_validated(moved, folds)[tested] != cross_validated(trials, folds)[tested]).all()


def test_strangers_that_only_their_own_weights_would_refuse_are_counted():
    """Two speakers' strangers sound as one speaker does: 12 speakers' 66 pairs, of which 21 have one of the two."""
    trials = made_trials(speakers=(12,), of_one=36, of_two=24)
    folds = np.arange(12) // 2
    alike = ~trials.same & ((trials.first < 2) | (trials.second < 2))
    trials = trials._replace(scores=np.where(alike, SAME_MEAN, np.where(trials.same, SAME_MEAN, OTHER_MEAN)))
    accepted = cross_validated(trials, folds) >= 0
    assert accepted[~trials.same].mean() == pytest.approx(21 / 66)
    assert accepted[trials.same].all()


def test_a_corpus_is_judged_by_the_others(trials):
    ratios = without_own_corpus(trials)
    other = trials.corpora == 1
    expected = judged(chosen(trials, ~other), fitted(chosen(trials, other)))
    np.testing.assert_allclose(ratios[~other], expected)
    alone = chosen(trials, other)
    assert np.isnan(without_own_corpus(alone)).all()


def test_few_speakers_are_refused():
    with pytest.raises(UserError, match="too few speakers to calibrate with: 9; 10 or more"):
        dealt(made_trials(speakers=(5, 4)))


def test_trials_of_one_kind_and_networks_that_have_learned_nothing_are_refused(trials):
    with pytest.raises(UserError, match="too few trials"):
        fitted(chosen(trials, trials.same))
    with pytest.raises(UserError, match="not above those of two"):
        fitted(trials._replace(scores=-trials.scores))


def _columns(some):
    from evaluation.balance import balanced_weights
    from inference.likelihood_ratio import side_by_side

    return side_by_side(some.scores, some.shorter, some.longer), some.same, balanced_weights(some)
