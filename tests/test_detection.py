"""Trials between embeddings against plain loops, and their measures against the definitions."""

import numpy as np
import pytest

from evaluation import detection
from evaluation.detection import (
    DETECTION_MEASURES,
    ScoredTrials,
    detection_statistic,
    measured,
    score_all_pairs,
    score_pairs,
)
from evaluation.metrics import (
    actual_detection_cost,
    equal_error_rate,
    log_ratio_cost,
    lowest_log_ratio_cost,
    minimum_detection_cost,
)

SPEAKERS = [0, 1, 0, 2, 2, 1, 0, 3, 2, 3]


@pytest.fixture(scope="module")
def embeddings():
    vectors = np.random.default_rng(8).normal(size=(len(SPEAKERS), 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def pairs_by_loop(embeddings, speakers):
    expected = {True: [], False: []}
    for i in range(len(embeddings)):
        for j in range(i + 1, len(embeddings)):
            expected[speakers[i] == speakers[j]].append(embeddings[i] @ embeddings[j])
    return expected


def test_all_pairs_equal_a_plain_loop(embeddings):
    trials, expected = score_all_pairs(embeddings, SPEAKERS), pairs_by_loop(embeddings, SPEAKERS)
    same = trials.first == trials.second
    np.testing.assert_allclose(trials.scores[same], expected[True])
    np.testing.assert_allclose(trials.scores[~same], expected[False])
    assert (trials.targets, trials.nontargets) == (len(expected[True]), len(expected[False]))
    assert type(trials.targets) is int  # plain numbers for JSON


def test_chosen_pairs_in_parts(embeddings, monkeypatch):
    monkeypatch.setattr(detection, "SCORED_AT_ONCE", 2)
    first, second = np.array([0, 3, 3, 9, 1]), np.array([2, 1, 9, 7, 5])
    trials = score_pairs(embeddings, SPEAKERS, first, second)
    np.testing.assert_allclose(trials.scores, [embeddings[i] @ embeddings[j] for i, j in zip(first, second)])
    assert (trials.first.tolist(), trials.second.tolist()) == ([0, 2, 2, 3, 1], [0, 1, 3, 3, 1])


def made_up(speakers=4, trials=4000, seed=0):
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, speakers, (2, trials))
    scores = np.round(rng.normal(1.5 * (first == second), 1), 2)  # some of them equal
    return ScoredTrials(scores, first, second, 1.3 * scores - 2)


def by_the_book(trials):
    """Each measure of all trials, by the functions of `evaluation.metrics`."""
    scores, ratios = ([values[trials.same], values[~trials.same]] for values in (trials.scores, trials.ratios))
    return {
        "eer": equal_error_rate(*scores),
        "min_dcf_0.01": minimum_detection_cost(*scores, 0.01),
        "min_dcf_0.05": minimum_detection_cost(*scores, 0.05),
        "act_dcf_0.01": actual_detection_cost(*ratios, 0.01),
        "act_dcf_0.05": actual_detection_cost(*ratios, 0.05),
        "cllr": log_ratio_cost(*ratios),
        "min_cllr": lowest_log_ratio_cost(*ratios),
    }


@pytest.mark.parametrize("left_out", [[], [2], [0, 3]])
def test_whoever_is_left_out_takes_every_trial_along(left_out):
    trials = made_up()
    kept = ~np.isin(np.arange(4), left_out)
    remaining = trials.chosen(kept[trials.first] & kept[trials.second])
    figures = dict(zip(DETECTION_MEASURES, detection_statistic(trials, 4)(kept).tolist(), strict=True))
    assert figures == pytest.approx(by_the_book(remaining))


def test_without_ratios_there_are_the_measures_of_scores_alone():
    trials = made_up()
    bare = ScoredTrials(trials.scores, trials.first, trials.second)
    assert list(measured(bare, 4)) == ["eer", "min_dcf_0.01", "min_dcf_0.05"]
    assert measured(bare, 4) == {name: one for name, one in measured(trials, 4).items() if name in measured(bare, 4)}


def test_one_speaker_alone_has_no_figures(embeddings):
    kept = np.array([True, False, False, False])
    assert np.isnan(detection_statistic(score_all_pairs(embeddings, SPEAKERS), 4)(kept)).all()


def test_trials_of_one_kind_and_scores_that_are_no_numbers_are_refused(embeddings):
    with pytest.raises(ValueError, match="expected target and non-target scores"):
        detection_statistic(score_all_pairs(embeddings[:2], [0, 1]), 2)
    trials = made_up()
    trials.scores[5] = np.nan
    with pytest.raises(ValueError, match="expected numbers as scores"):
        detection_statistic(trials, 4)


def test_speakers_are_numbered_by_their_places():
    trials = ScoredTrials(np.zeros(3), np.array([7, 2, 9]), np.array([7, 9, 9]), np.ones(3))
    numbered = trials.numbered(np.array([2, 7, 9]))
    assert (numbered.first.tolist(), numbered.second.tolist()) == ([1, 0, 2], [1, 2, 2])


def test_no_interval_ends_beyond_the_cost_of_accepting_everything():
    rng = np.random.default_rng(3)
    first, second = np.triu_indices(24, k=1)
    speakers = np.repeat(np.arange(4), 6)
    first, second = speakers[first], speakers[second]
    ratios = rng.normal(np.where(first == second, 2, 1.5), 2)
    found = measured(ScoredTrials(ratios, first, second, ratios), 4)
    assert found["act_dcf_0.01"].high <= 99 and found["act_dcf_0.05"].high <= 19
