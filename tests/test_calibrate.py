"""A calibration is fitted on voices at known angles, and measured on other speakers than it was fitted on."""

import numpy as np
import pytest
from angles import AngleEncoder, cache_of

from corpus.recording import Speaker
from evaluation import crossed_trials
from evaluation.calibrate import BINS, calibrate, error_rates, fit, format_error_rates
from evaluation.crossed_trials import Trials
from storage.errors import UserError

SPEAKERS, UTTERANCES = 12, 7


def made_trials(count=20_000, seed=0):
    """Cosines whose log-likelihood ratio is known: normal, deviation 0.1, means 0.6 and 0.2, whatever the length."""
    rng = np.random.default_rng(seed)
    same = rng.random(count) < 0.2
    lengths = np.sort(rng.uniform(0.6, 6, (2, count)), axis=0)
    return Trials(rng.normal(np.where(same, 0.6, 0.2), 0.1), *lengths, same, rng.integers(0, 2, count))


def test_the_known_ratio_is_found():
    calibration = fit(made_trials(), {})
    for cosine in (0.1, 0.4, 0.7):
        expected = ((cosine - 0.2) ** 2 - (cosine - 0.6) ** 2) / (2 * 0.1**2)
        assert calibration.log_likelihood_ratio(cosine, 2.0, 4.0) == pytest.approx(expected, abs=1)


def test_the_thresholds_let_the_share_of_strangers_through_that_they_say():
    calibration = fit(made_trials(), {})
    tested = made_trials(seed=1)
    ratios = calibration.log_likelihood_ratio(tested.cosines, tested.shorter, tested.longer)
    for rate in (0.1, 0.01):
        by_bin = np.array([calibration.threshold(rate, seconds) for seconds in (1.0, 2.0, 5.0)])
        accepted = ratios >= by_bin[np.searchsorted(BINS, tested.shorter, side="right")]
        assert accepted[~tested.same].mean() == pytest.approx(rate, rel=0.3)


def test_rates_that_the_trials_can_not_tell_are_left_out():
    assert min(fit(made_trials(), {}).rates) > min(fit(made_trials(200_000), {}).rates) == 0.001
    with pytest.raises(UserError, match="too few trials"):
        fit(made_trials(40), {})


def test_a_network_that_has_learned_nothing_is_not_calibrated():
    trials = made_trials()
    with pytest.raises(UserError, match="not above those of two"):
        fit(trials._replace(same=~trials.same), {})


def test_error_rates_are_those_of_the_known_distributions():
    rows = error_rates(made_trials())
    assert [row["up_to"] for row in rows] == [1.5, 3.0, None]
    for row in rows:
        for name in ("eer", "miss", "false_accept"):  # both means are two deviations off the middle
            assert row[name] == pytest.approx(0.0228, abs=0.015)
    table = format_error_rates(rows).splitlines()
    assert [line.split("  ")[0] for line in table[1:]] == ["below 1.5 s", "below 3 s", "3 s or more"]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    centres = np.linspace(0, 330, SPEAKERS)
    angles = {
        f"corpus/s{number:02}": [int(a) for a in rng.normal(centre, 12, UTTERANCES)]
        for number, centre in enumerate(centres)
    }
    monkeypatch.setattr("evaluation.crossed_trials.read_signal", lambda _folder, u: np.zeros(u.samples, np.int16))
    monkeypatch.setattr("evaluation.crossed_trials.speech_seconds", lambda signal: len(signal) / 8000)
    return cache_of(tmp_path, angles, monkeypatch)


def test_speakers_of_a_cache_make_for_trials(cache):
    calibration = calibrate(AngleEncoder(trained_on=["corpus/s00"]), cache, map(str, cache.speakers()))
    about = calibration.about
    assert (about["corpora"], about["speakers"]) == (["corpus"], SPEAKERS - 1)
    recordings = 4 * UTTERANCES + 2  # cuts, and enrolments by three utterances
    assert about["nontargets"] == (SPEAKERS - 1) * (SPEAKERS - 2) // 2 * recordings**2
    assert calibration.log_likelihood_ratio(np.cos(0.1), 3.0, 3.0) > 0 > calibration.log_likelihood_ratio(0.3, 3.0, 3.0)
    assert calibration.longest == pytest.approx(9.0)


def test_no_utterance_is_compared_with_itself(cache, monkeypatch):
    utterances = cache.of_speaker(Speaker("corpus", "s03"))
    voice = crossed_trials._voice(AngleEncoder(), cache, utterances)
    pairs = crossed_trials._within(voice, 0)
    each = UTTERANCES * (UTTERANCES - 1) // 2 * 4**2  # of two utterances, at all cuts
    enrolled = 2 * 4 * (UTTERANCES - 3) + 1  # against cuts of the other utterances, and each other
    assert len(pairs.same) == each + enrolled


def test_without_two_unheard_speakers_it_is_refused(cache):
    names = list(map(str, cache.speakers()))
    with pytest.raises(UserError, match="no two speakers of a corpus"):
        calibrate(AngleEncoder(trained_on=names[1:]), cache, names)
