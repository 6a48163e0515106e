"""Trials between embeddings against plain loops."""

import numpy as np
import pytest

from evaluation import detection
from evaluation.detection import (
    DETECTION_MEASURES,
    ScoredTrials,
    detection_statistic,
    score_all_pairs,
    score_pairs,
)
from evaluation.metrics import equal_error_rate, minimum_detection_cost

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


def test_with_everyone_once_these_are_the_plain_figures():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 4, (2, 4000))
    same = first == second
    scores = rng.normal(1.5 * same, 1)
    figures = detection_statistic(ScoredTrials(scores, first, second))(np.ones(4, int))
    assert dict(zip(DETECTION_MEASURES, figures.tolist(), strict=True)) == {
        "eer": pytest.approx(equal_error_rate(scores[same], scores[~same])),
        "min_dcf_0.01": pytest.approx(minimum_detection_cost(scores[same], scores[~same], 0.01)),
        "min_dcf_0.05": pytest.approx(minimum_detection_cost(scores[same], scores[~same], 0.05)),
    }


@pytest.mark.parametrize("times", [[2, 1, 1, 0], [0, 3, 0, 1], [1, 0, 2, 1]])
def test_a_draw_repeats_the_trials_of_its_speakers(embeddings, times):
    """A speaker drawn twice brings his own trials twice, none between his two selves, and pairs by the product."""
    target, nontarget = [], []
    drawn = np.repeat(np.arange(4), times)
    for n, a in enumerate(drawn):
        own = embeddings[np.array(SPEAKERS) == a]
        target += [own[i] @ own[j] for i in range(len(own)) for j in range(i)]
        for b in drawn[:n]:
            if b != a:
                nontarget += list((own @ embeddings[np.array(SPEAKERS) == b].T).ravel())
    eer, *costs = detection_statistic(score_all_pairs(embeddings, SPEAKERS))(np.array(times))
    target, nontarget = np.array(target), np.array(nontarget)
    assert eer == pytest.approx(equal_error_rate(target, nontarget))
    assert costs == pytest.approx([minimum_detection_cost(target, nontarget, prior) for prior in (0.01, 0.05)])


def test_a_draw_of_one_speaker_has_no_figures(embeddings):
    assert np.isnan(detection_statistic(score_all_pairs(embeddings, SPEAKERS))(np.array([4, 0, 0, 0]))).all()


def test_trials_of_one_kind_are_refused(embeddings):
    with pytest.raises(ValueError, match="expected target and non-target scores"):
        detection_statistic(score_all_pairs(embeddings[:2], [0, 1]))
