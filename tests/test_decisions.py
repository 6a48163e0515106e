"""Verdicts on two voices, and on one among many."""

import time

import numpy as np
import pytest
from calibrated import CALIBRATION

from inference.calibration import CalibrationError
from inference.decisions import DIFFERENT, SAME, UNKNOWN, Policy, compare, identify

SECONDS = 2.0, 4.0
NAMES = ("ann", "bob", "cid")
LONG = np.full(len(NAMES), 4.0), 4.0
TEN_THOUSAND, QUICK = 10_000, 0.010  # profiles, s


def ratio(cosine):
    return float(CALIBRATION.log_likelihood_ratio(cosine, *SECONDS))


def test_two_near_voices_are_one_speaker_and_far_ones_are_not():
    near, far = (compare(cosine, SECONDS, CALIBRATION) for cosine in (0.9, 0.1))
    assert (near.verdict, far.verdict) == (SAME, DIFFERENT)
    assert near.cosine_distance == pytest.approx(0.1)
    assert near.log_likelihood_ratio == pytest.approx(ratio(0.9))
    assert near.probability == pytest.approx(1 / (1 + np.exp(-ratio(0.9))))


def test_a_small_prior_wants_more():
    cosine = 0.6
    assert compare(cosine, SECONDS, CALIBRATION).verdict == SAME
    strict = compare(cosine, SECONDS, CALIBRATION, Policy(prior=0.001))
    assert strict.verdict == DIFFERENT
    assert strict.threshold == pytest.approx(np.log(999))
    assert strict.probability < 0.5


def test_a_rate_of_false_acceptance_decides_instead_of_the_prior():
    found = compare(0.6, SECONDS, CALIBRATION, Policy(prior=0.001, max_false_accept=0.1))
    assert found.threshold == 3.0
    assert found.verdict == (SAME if ratio(0.6) >= 3 else DIFFERENT)


def test_without_a_calibration_there_is_a_distance_and_no_verdict():
    found = compare(0.6, SECONDS, None)
    assert found.cosine_distance == pytest.approx(0.4)
    assert (found.verdict, found.probability, found.log_likelihood_ratio) == (None, None, None)
    with pytest.raises(CalibrationError, match="not calibrated"):
        compare(0.6, SECONDS, None, Policy(max_false_accept=0.1))
    with pytest.raises(CalibrationError, match="not calibrated"):
        identify(np.zeros(3), NAMES, LONG, None, Policy(max_false_accept=0.1))


def test_the_most_similar_is_named_and_the_others_ranked():
    found = identify(np.array([0.2, 0.95, 0.4]), NAMES, LONG, CALIBRATION)
    assert found.verdict == "bob"
    assert [name for name, _ in found.ranking] == ["bob", "cid", "ann"]
    assert identify(np.array([0.2, 0.95, 0.4]), NAMES, LONG, None).ranking[0][0] == "bob"


def test_probabilities_leave_room_for_nobody():
    cosines = np.array([0.2, 0.5, 0.4])
    found = identify(cosines, NAMES, LONG, CALIBRATION, Policy(prior=0.6))
    weights = np.exp(CALIBRATION.log_likelihood_ratio(cosines, *LONG)) * 0.2
    for name, comparison in found.ranking:
        assert comparison.probability == pytest.approx(weights[NAMES.index(name)] / (weights.sum() + 0.4))


def test_nobody_similar_is_unknown():
    assert identify(np.array([0.1, 0.2, 0.0]), NAMES, LONG, CALIBRATION).verdict == UNKNOWN


def test_two_profiles_of_one_voice_do_not_make_it_unknown():
    assert identify(np.array([0.95, 0.95, 0.0]), NAMES, LONG, CALIBRATION).verdict in ("ann", "bob")


def test_the_rate_of_false_acceptance_is_that_of_the_whole_search():
    found = identify(np.full(3, 0.9), NAMES, LONG, CALIBRATION, Policy(max_false_accept=0.06))
    assert found.ranking[0][1].threshold == pytest.approx(CALIBRATION.threshold(0.02, 4.0))
    with pytest.raises(CalibrationError, match="for each comparison"):
        identify(np.full(3, 0.9), NAMES, LONG, CALIBRATION, Policy(max_false_accept=0.02))


def test_a_few_of_many_are_ranked_in_order():
    rng = np.random.default_rng(0)
    cosines = rng.uniform(-1, 1, 100)
    found = identify(cosines, [str(n) for n in range(100)], (np.full(100, 4.0), 4.0), CALIBRATION, ranked=7)
    assert [int(name) for name, _ in found.ranking] == np.argsort(-cosines)[:7].tolist()


def test_ten_thousand_profiles_take_milliseconds():
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(TEN_THOUSAND, 128)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    names = [f"speaker {number}" for number in range(TEN_THOUSAND)]
    seconds = rng.uniform(3, 30, TEN_THOUSAND)
    taken = []
    for row in range(20):
        start = time.process_time()
        found = identify(embeddings @ embeddings[row], names, (seconds, 4.0), CALIBRATION)
        taken.append(time.process_time() - start)
        assert found.ranking[0][0] == names[row]
    assert min(taken) < QUICK
