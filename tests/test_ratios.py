"""Whose log-likelihood ratios an evaluation measures."""

import dataclasses

import numpy as np
import pytest
from angles import AngleEncoder, made_up
from calibrated import CALIBRATION

from corpus.recording import Speaker
from evaluation.calibration_trials import without_most_strangers
from evaluation.evaluate import measure, perhaps_calibrated_on
from evaluation.ratios import RatiosBy, calibration_trials, with_ratios
from evaluation.scored_set import ScoredSet
from evaluation.trial_sets import all_pairs

TRUE_SLOPE, TRUE_OFFSET = 8.0, -4.0  # of the ratios that the scores are drawn for


def made_set(speakers=12, utterances=6, corpus="a", cut=None, seed=0, unlike=1.0):
    """All pairs of speakers, whose scores are normal with a known ratio; `unlike` stretches them."""
    own = {f"s{n:02}": [made_up(corpus, f"s{n:02}", f"{u}") for u in range(utterances)] for n in range(speakers)}
    trials = all_pairs(corpus, own)
    rng = np.random.default_rng(seed)
    scores = unlike * rng.normal(np.where(trials.same, 0.75, 0.25), 0.25)  # ratio: 8 (score - 0.5)
    seconds = rng.uniform(1, 4, len(trials.owners))
    embeddings = np.zeros((len(trials.owners), 2))
    return ScoredSet(
        **vars(trials), cut=cut, embeddings=embeddings, seconds=seconds, scores={"none": scores}, ratios={}
    )


def test_ratios_are_fitted_on_other_speakers():
    sets, by = with_ratios([made_set()], None, set())
    assert by == {"none": RatiosBy.CROSS_VALIDATION}
    ratios = sets[0].ratios["none"]
    expected = TRUE_SLOPE * sets[0].scores["none"] + TRUE_OFFSET
    assert np.corrcoef(ratios, expected)[0, 1] > 0.95
    (result,) = measure(sets, distances=False)
    assert (
        result.estimates["min_cllr"].value <= result.estimates["cllr"].value < result.estimates["min_cllr"].value + 0.1
    )


def test_nobody_s_own_trials_make_their_ratios():
    """Twice the scores of a speaker's trials change that speaker's ratios, by weights that stay the same."""
    before = made_set()
    of_one = before.owners[before.first] == 0
    stretched = np.where(of_one & before.same, 3 * before.scores["none"], before.scores["none"])
    after = dataclasses.replace(before, scores={"none": stretched})
    (one,), _ = with_ratios([before], None, set())
    (other,), _ = with_ratios([after], None, set())
    unchanged = (of_one | (before.owners[before.second] == 0)) & ~before.same
    np.testing.assert_allclose(one.ratios["none"][unchanged], other.ratios["none"][unchanged])


def test_a_calibration_is_used_where_it_saw_nobody():
    one = made_set()
    ((own,), by) = with_ratios([one], CALIBRATION, {Speaker("a", "t00")})
    assert by == {"none": RatiosBy.CALIBRATION}
    lengths = one.seconds[one.first], one.seconds[one.second]
    np.testing.assert_array_equal(own.ratios["none"], CALIBRATION.log_likelihood_ratio(one.scores["none"], *lengths))
    (_, by) = with_ratios([one], CALIBRATION, {Speaker("a", "s03")})
    assert by == {"none": RatiosBy.CROSS_VALIDATION}


def test_too_few_speakers_have_no_ratios_and_hopeless_ones_neither():
    for one in (made_set(speakers=4), made_set(unlike=-1)):
        (found,), by = with_ratios([one], None, set())
        assert (found.ratios, by) == ({}, {"none": RatiosBy.NOBODY})


def test_a_speaker_is_one_at_every_length_and_corpora_are_two():
    sets = [made_set(corpus="a"), made_set(corpus="a", cut=2.0), made_set(corpus="b", cut=2.0)]
    trials = calibration_trials(sets, "none")
    thirds = np.split(trials.first, 3)
    np.testing.assert_array_equal(thirds[0], thirds[1])
    assert np.intersect1d(thirds[1], thirds[2]).size == 0
    assert [part[0] for part in np.split(trials.corpora, 3)] == [0, 0, 1]
    assert (trials.shorter <= trials.longer).all()


@pytest.mark.parametrize("wanted", [500, 10_000])
def test_of_too_many_pairs_of_two_some_are_drawn(wanted, monkeypatch):
    monkeypatch.setattr("evaluation.trial_sets.MOST_NONTARGETS", wanted)
    one = made_set(speakers=30, utterances=5)
    pairs = set(zip(one.first.tolist(), one.second.tolist()))
    assert len(pairs) == len(one.first) and all(a < b for a, b in pairs)
    assert (one.same.sum(), (~one.same).sum()) == (30 * 10, min(wanted, 150 * 149 // 2 - 300))
    assert len(np.unique(one.owners[one.first[~one.same]])) > 25


@pytest.mark.parametrize(
    ("speaker", "seen"),
    [
        (Speaker("vctk", "p225"), True),  # held out, under its name
        (Speaker("VCTK-Corpus-0.92", "p225"), True),  # perhaps the same, as that corpus is not here
        (Speaker("made up", "anybody"), True),  # of a corpus that the calibration is of
        (Speaker("another", "p999"), False),
    ],
)
def test_whom_a_calibration_may_have_seen_it_does_not_judge(speaker, seen):
    encoder = AngleEncoder(held_out=["vctk/p225"])
    encoder.calibration = CALIBRATION
    assert (perhaps_calibrated_on(encoder, [speaker]) == {speaker}) == seen
    encoder.calibration = None
    assert perhaps_calibrated_on(encoder, [speaker]) == set()


def test_of_a_large_list_some_pairs_of_strangers_are_kept(monkeypatch):
    monkeypatch.setattr("evaluation.calibration_trials.MOST_PAIRS", 20)
    trials = calibration_trials([made_set()], "none")
    some = without_most_strangers(trials)
    assert some.same.sum() == trials.same.sum()
    assert len(set(zip(some.first[~some.same], some.second[~some.same]))) == 20
