"""A calibration is fitted on voices at known angles, and measured on other speakers than it was fitted on."""

import numpy as np
import pytest
from angles import AngleEncoder, cache_of
from made_trials import known_ratio, made_trials

from corpus.recording import Speaker
from evaluation import calibration_trials, cuts
from evaluation.calibrate import calibrate, fit
from inference.calibration import Calibration
from inference.cohort import Scoring
from storage.errors import UserError

SPEAKERS, UTTERANCES = 12, 7


@pytest.fixture(scope="module")
def calibration():
    return fit(made_trials(of_one=200, of_two=40), ["a", "b"], "none")


def test_the_known_ratio_is_found(calibration):
    for cosine in (0.1, 0.4, 0.7):
        assert calibration.unbounded(cosine, 2.0, 4.0) == pytest.approx(known_ratio(cosine), abs=1)


def test_lengths_that_strangers_have_more_often_say_nothing():
    """Trials of two are 20 times as many at 3 s or more, and half as many below."""
    trials = made_trials(of_one=96, of_two=360)
    rng = np.random.default_rng(0)
    kept = trials.same | (rng.random(len(trials.same)) < np.where(trials.shorter >= 3, 1, 0.02))
    calibration = fit(calibration_trials.chosen(trials, kept), ["a", "b"], "none")
    for seconds in (1.0, 2.0, 5.0):
        assert calibration.unbounded(0.4, seconds, seconds) == pytest.approx(
            0, abs=1
        )  # by their counts, -3 for the long ones


def test_error_rates_are_those_of_the_known_distributions(calibration):
    for row in calibration.source.error_rates[:3]:  # both means are two deviations off the middle
        for rate in (row.miss, row.false_accept):
            assert rate.value == pytest.approx(0.0228, abs=0.012)
            assert rate.low < 0.0228 < rate.high
        assert row.eer == pytest.approx(0.0228, abs=0.012)


def test_thresholds_are_those_of_the_known_distributions(calibration):
    z = 1.2816  # of a tenth
    for seconds in (1.0, 2.0, 5.0):
        threshold = calibration.threshold(0.1, seconds)
        assert threshold == pytest.approx(known_ratio(0.2 + 0.1 * z), abs=0.7)
        low, high = calibration.rate_interval(0.1, seconds)
        assert low < 0.1 < high


def test_it_says_no_more_than_its_speakers_can(calibration):
    source = calibration.source
    assert (source.speakers, source.pairs_of_strangers) == (24, 132)
    assert (calibration.lowest, calibration.highest) == pytest.approx((-np.log(24), np.log(132)))
    assert calibration.log_likelihood_ratio(0.9, 4.0, 4.0) == calibration.highest


def test_it_knows_what_it_was_fitted_on_and_travels(calibration):
    assert calibration.score_norm == "none"
    assert fit(made_trials(), ["a", "b"], "as").score_norm == "as"
    assert Calibration.from_json(calibration.as_json()) == calibration
    assert 0 < calibration.source.cllr < 0.2


def test_few_speakers_are_refused_unless_they_are_enough():
    with pytest.raises(UserError, match="too few speakers to calibrate with: 9; 10 or more"):
        fit(made_trials(speakers=(9,)), ["a"], "none", few_are_enough=True)
    some = made_trials(speakers=(19,))
    with pytest.raises(UserError, match=r"^19 speakers to calibrate on are too few .* 20 or more .*--force"):
        fit(some, ["a"], "none")
    assert fit(some, ["a"], "none", few_are_enough=True).source.speakers == 19
    assert fit(made_trials(speakers=(20,)), ["a"], "none").source.speakers == 20


@pytest.fixture
def cache(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    centres = np.linspace(0, 330, SPEAKERS)
    angles = {
        f"corpus/s{number:02}": [int(a) for a in rng.normal(centre, 12, UTTERANCES)]
        for number, centre in enumerate(centres)
    }
    monkeypatch.setattr("evaluation.cuts.speech_seconds", lambda signal: len(signal) / 8000)
    return cache_of(tmp_path, angles, monkeypatch, utterances_a_session=4)


class Encoder(AngleEncoder):
    """As `calibrate` wants it."""

    scoring = Scoring(None)


def test_speakers_of_a_cache_make_for_trials(cache):
    calibration = calibrate(Encoder(trained_on=["corpus/s00"]), cache, map(str, cache.speakers()), few_are_enough=True)
    source = calibration.source
    assert (source.corpora, source.speakers) == (("corpus",), SPEAKERS - 1)
    assert source.pairs_of_strangers == (SPEAKERS - 1) * (SPEAKERS - 2) // 2
    assert source.across_sessions > 0
    near, far = (calibration.log_likelihood_ratio(cosine, 3.0, 3.0) for cosine in (np.cos(0.1), 0.3))
    assert near > 0 > far
    assert calibration.longest == pytest.approx(9.0)


def test_each_utterance_is_read_once(cache, monkeypatch):
    """Reading checks the file's digest, which takes longer than decoding it."""
    read = []
    plain = cuts.read_signal
    monkeypatch.setattr(cuts, "read_signal", lambda folder, u: read.append(u.key) or plain(folder, u))
    calibrate(Encoder(), cache, map(str, cache.speakers()), few_are_enough=True)
    assert sorted(read) == sorted(cache.utterances)


def recordings_of(cache, utterances):
    beginnings = cuts.embed_cuts(AngleEncoder(), cache, utterances, cuts.CUTS)
    return calibration_trials.recordings_of(utterances, beginnings, Scoring(None))


def test_no_utterance_is_compared_with_itself(cache):
    utterances = cache.of_speaker(Speaker("corpus", "s03"))
    voice = recordings_of(cache, utterances)
    pairs = calibration_trials.trials_between(voice, voice, 3, 3, 0)
    each = UTTERANCES * (UTTERANCES - 1) // 2 * 4**2  # of two utterances, at all cuts
    enrolled = 2 * 4 * (UTTERANCES - 3) + 1  # against cuts of the other utterances, and each other
    assert len(pairs.same) == each + enrolled
    assert pairs.same.all()


def test_trials_across_sessions_are_known(cache):
    utterances = cache.of_speaker(Speaker("corpus", "s03"))  # four of one session, three of the next
    voice = recordings_of(cache, utterances)
    pairs = calibration_trials.trials_between(voice, voice, 3, 3, 0)
    enrolled = 4 * 3  # one of the first session's 0, 1, 2 against cuts of 4, 5, 6; one of 3, 4, 5 is of both
    assert pairs.across.sum() == 4 * 3 * 4**2 + enrolled
    unknown = [one._replace(session="") for one in utterances]
    voice = recordings_of(cache, unknown)
    assert not calibration_trials.trials_between(voice, voice, 3, 3, 0).across.any()


def test_utterances_are_taken_from_all_sessions_in_turn(cache):
    utterances = cache.of_speaker(Speaker("corpus", "s03"))
    assert [one.utterance for one in calibration_trials.in_turn(utterances)[:4]] == ["000", "004", "001", "005"]


def test_without_two_unheard_speakers_it_is_refused(cache):
    names = list(map(str, cache.speakers()))
    with pytest.raises(UserError, match="no two speakers of a corpus"):
        calibrate(Encoder(trained_on=names[1:]), cache, names)


@pytest.mark.parametrize(("speakers", "pairs"), [(25, 300), (26, 300), (4, 6)])
def test_pairs_of_speakers_are_drawn_where_there_are_many(speakers, pairs):
    drawn = calibration_trials._pairs(speakers)
    assert drawn[:speakers] == [(speaker, speaker) for speaker in range(speakers)]
    strangers = drawn[speakers:]
    assert len(set(strangers)) == len(strangers) == pairs
    assert all(a < b for a, b in strangers)
