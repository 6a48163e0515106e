"""Shares over speakers and corpora, against plain loops."""

import numpy as np
import pytest
from made_trials import made_trials
from scipy.stats import t

from evaluation.balance import balanced_weights
from evaluation.calibrate import covariance
from evaluation.calibration_trials import Trials
from evaluation.cross_validation import fitted, judged
from evaluation.error_rates import Judged
from evaluation.metrics import wilson_interval
from evaluation.speaker_draws import SpeakerDraws


def strangers(pairs, trials_each, corpora) -> Trials:
    """So many trials of each pair."""
    first, second = (np.repeat([pair[side] for pair in pairs], trials_each) for side in (0, 1))
    nothing = np.zeros(len(first))
    corpora = np.repeat(corpora, trials_each)
    return Trials(nothing, nothing, nothing, first == second, nothing.astype(bool), first, second, corpora)


def test_a_share_is_that_of_the_weights():
    trials = strangers([(0, 1), (0, 2), (1, 2)], [2, 1, 1], [0, 0, 0])
    draws = SpeakerDraws(trials, np.array([0.5, 0.5, 1.0, 1.0]))
    hits, all_of_them = np.array([True, False, True, False]), np.ones(4, bool)
    assert draws.share(hits, all_of_them).value == pytest.approx(1.5 / 3)
    assert draws.share(hits, np.array([True, True, False, False])).value == 0.5
    assert np.isnan(draws.share(hits, ~all_of_them).value)


def test_the_standard_error_is_that_of_draws_by_plain_loops(monkeypatch):
    monkeypatch.setattr("evaluation.speaker_draws.RESAMPLES", 200)
    rng = np.random.default_rng(4)
    pairs = [(a, b) for a in range(5) for b in range(a + 1, 5)] + [(a, b) for a in range(5, 9) for b in range(a + 1, 9)]
    trials = strangers(pairs, [1] * len(pairs), [0] * 10 + [1] * 6)
    hits, weights = rng.random(len(pairs)) < 0.4, np.where(trials.corpora == 0, 0.5, 1.0)
    draws, everything = SpeakerDraws(trials, weights, seed=7), np.ones(len(pairs), bool)

    rng, shares = np.random.default_rng(7), []
    picked = [rng.integers(0, count, (200, count)) for count in (2, 5, 4)]
    for corpora, *drawn in zip(*picked):
        hit = mass = 0.0
        for corpus in corpora:
            rates = [
                hits[row]
                for a in drawn[corpus]
                for b in drawn[corpus]
                for row, pair in enumerate(pairs)
                if pair == (a + 5 * corpus, b + 5 * corpus)
            ]
            if rates:
                whole = weights[trials.corpora == corpus].sum()
                hit, mass = hit + whole * np.mean(rates), mass + whole
        shares += [hit / mass] if mass else []
    assert draws.variance(hits, everything) == pytest.approx(np.var(shares))


def test_the_interval_is_wilson_s_of_as_many_trials_as_the_draws_vary_by():
    """Each speaker's own trial is independent of the others', so that they are worth as many as they are."""
    errors = np.arange(200) < 20
    draws = SpeakerDraws(strangers([(a, a) for a in range(200)], [1] * 200, [0] * 200), np.ones(200))
    found = draws.share(errors, np.ones(200, bool))
    assert (found.low, found.high) == pytest.approx(wilson_interval(20, 200), abs=0.003)


def test_speakers_in_one_corpus_say_less_of_another():
    """Where corpora differ, two of them leave the share open, and nine do not."""
    pairs = [(a, a) for a in range(90)]
    everything, errors = np.ones(90, bool), np.arange(90) % 10 < 3  # 3 of 10 in each corpus
    few = SpeakerDraws(strangers(pairs, [1] * 90, np.arange(90) // 45), np.ones(90))
    apart = few.share((np.arange(90) < 45) & (np.arange(90) % 2 == 0), everything)  # all errors in one of two
    alike = few.share(errors, everything)
    assert apart.high - apart.low > 2 * (alike.high - alike.low)
    within = few.share(errors, everything, corpus=0)
    assert within.value == pytest.approx(errors[:45].mean())
    assert 0.1 < within.low < within.high < 0.55


def test_where_no_error_was_seen_some_may_come():
    pairs = [(a, b) for a in range(20) for b in range(a + 1, 20)]
    draws = SpeakerDraws(strangers(pairs, [1] * len(pairs), [0] * len(pairs)), np.ones(len(pairs)))
    everything = np.ones(len(pairs), bool)
    none, all_of_them = draws.share(~everything, everything), draws.share(everything, everything)
    high = t.ppf(0.975, 19) ** 2 / (20 + t.ppf(0.975, 19) ** 2)  # Wilson's for none of 20 speakers
    assert (none.value, none.low, none.high) == (0, 0, pytest.approx(high))
    assert (all_of_them.low, all_of_them.high) == (pytest.approx(1 - high), 1)


def test_how_many_pairs_hits_are_shared_out_among():
    draws = SpeakerDraws(strangers([(0, 1), (0, 2), (1, 2)], [6, 1, 1], [0] * 3), np.ones(8))
    assert draws.effective_units(np.ones(8, bool)) == pytest.approx(64 / 38)
    assert draws.effective_units(np.arange(8) < 6) == pytest.approx(1)
    assert draws.effective_units(np.arange(8) >= 6) == pytest.approx(2)


def test_coefficients_of_many_speakers_vary_as_much_as_they_do_between_made_up_populations():
    """Each speaker shifts the scores of all his trials, which no count of trials would show."""

    def population(seed):
        trials = made_trials(speakers=(40,), of_one=6, of_two=6, seed=seed)
        shifts = np.random.default_rng(1000 + seed).normal(0, 0.05, 40)
        return trials._replace(scores=trials.scores + shifts[trials.first] + shifts[trials.second])

    middle = []
    for seed in range(30):
        trials = population(seed)
        found = fitted(trials)
        middle.append(
            judged(
                trials._replace(
                    scores=np.full(len(trials.scores), 0.4),
                    shorter=np.full(len(trials.scores), 2.0),
                    longer=np.full(len(trials.scores), 2.0),
                ),
                found,
            )[0]
        )
    trials = population(99)
    weights = balanced_weights(trials)
    known = Judged(trials, weights, np.zeros(len(weights)), SpeakerDraws(trials, weights))
    given = np.array([0.4, 0.4 * np.log(2), 0.4 * np.log(2), np.log(2), np.log(2), 1])
    deviation = np.sqrt(given @ covariance(known, fitted(trials)) @ given)
    assert deviation == pytest.approx(np.std(middle), rel=0.5)
