"""Verdicts on two voices, and on one among many."""

import time

import numpy as np
import pytest
from calibrated import CALIBRATION, COMPLETE

from inference.calibration import CalibrationError
from inference.decisions import DIFFERENT, SAME, UNKNOWN, Policy, compare, identify

SECONDS = 2.0, 4.0
NAMES = ("ann", "bob", "cid")
LONG = np.full(len(NAMES), 4.0), 4.0
TEN_THOUSAND, QUICK = 10_000, 0.010  # profiles, s


def identified(cosines, *others):
    """Of scores that are cosines."""
    return identify(cosines, cosines, NAMES, *others)


def ratio(cosine):
    return float(CALIBRATION.log_likelihood_ratio(cosine, *SECONDS))


def test_two_near_voices_are_one_speaker_and_far_ones_are_not():
    near, far = (compare(cosine, cosine, SECONDS, CALIBRATION) for cosine in (0.9, 0.1))
    assert (near.verdict, far.verdict) == (SAME, DIFFERENT)
    assert near.cosine_distance == pytest.approx(0.1)
    assert near.log_likelihood_ratio == pytest.approx(ratio(0.9))
    assert near.probability == pytest.approx(1 / (1 + np.exp(-ratio(0.9))))


def test_a_small_prior_wants_more():
    cosine = 0.6
    assert compare(cosine, cosine, SECONDS, CALIBRATION).verdict == SAME
    strict = compare(cosine, cosine, SECONDS, CALIBRATION, Policy(prior=0.001))
    assert strict.verdict == DIFFERENT
    assert strict.threshold == pytest.approx(np.log(999))
    assert strict.probability < 0.5


def test_a_rate_of_false_acceptance_decides_instead_of_the_prior():
    found = compare(0.6, 0.6, SECONDS, CALIBRATION, Policy(prior=0.001, max_false_accept=0.1))
    assert found.threshold == 3.0
    assert found.verdict == (SAME if ratio(0.6) >= 3 else DIFFERENT)


def test_without_a_calibration_there_is_a_distance_and_no_verdict():
    found = compare(0.6, 0.6, SECONDS, None)
    assert found.cosine_distance == pytest.approx(0.4)
    assert (found.verdict, found.probability, found.log_likelihood_ratio) == (None, None, None)
    with pytest.raises(CalibrationError, match="not calibrated"):
        compare(0.6, 0.6, SECONDS, None, Policy(max_false_accept=0.1))
    with pytest.raises(CalibrationError, match="not calibrated"):
        identified(np.zeros(3), LONG, None, Policy(max_false_accept=0.1))


def test_the_most_similar_is_named_and_the_others_ranked():
    found = identified(np.array([0.2, 0.95, 0.4]), LONG, CALIBRATION)
    assert found.verdict == "bob"
    assert [name for name, _ in found.ranking] == ["bob", "cid", "ann"]
    assert identified(np.array([0.2, 0.95, 0.4]), LONG, None).ranking[0][0] == "bob"


def test_probabilities_leave_room_for_nobody():
    cosines = np.array([0.2, 0.5, 0.4])
    found = identified(cosines, LONG, CALIBRATION, Policy(prior=0.6))
    weights = np.exp(CALIBRATION.log_likelihood_ratio(cosines, *LONG)) * 0.2
    for name, comparison in found.ranking:
        assert comparison.probability == pytest.approx(weights[NAMES.index(name)] / (weights.sum() + 0.4))


def test_nobody_similar_is_unknown():
    assert identified(np.array([0.1, 0.2, 0.0]), LONG, CALIBRATION).verdict == UNKNOWN


def test_two_profiles_of_one_voice_do_not_make_it_unknown():
    assert identified(np.array([0.95, 0.95, 0.0]), LONG, CALIBRATION).verdict in ("ann", "bob")


def test_the_rate_of_false_acceptance_is_that_of_the_whole_search():
    found = identified(np.full(3, 0.9), LONG, CALIBRATION, Policy(max_false_accept=0.06))
    assert found.ranking[0][1].threshold == pytest.approx(CALIBRATION.threshold(0.02, 4.0))


def test_a_few_of_many_are_ranked_in_order():
    rng = np.random.default_rng(0)
    cosines = rng.uniform(-1, 1, 100)
    found = identify(cosines, cosines, [str(n) for n in range(100)], (np.full(100, 4.0), 4.0), CALIBRATION, ranked=7)
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
        cosines = embeddings @ embeddings[row]
        found = identify(cosines, cosines, names, (seconds, 4.0), CALIBRATION)
        taken.append(time.process_time() - start)
        assert found.ranking[0][0] == names[row]
    assert min(taken) < QUICK


def test_the_ratio_is_that_of_the_score_and_the_distance_that_of_the_cosine():
    found = compare(0.9, 0.1, SECONDS, CALIBRATION)
    assert (found.cosine_distance, found.score) == (pytest.approx(0.1), 0.1)
    assert found.log_likelihood_ratio == pytest.approx(ratio(0.1))
    ranked = identify(np.array([0.1, 0.9, 0.5]), np.array([0.9, 0.1, 0.5]), NAMES, LONG, CALIBRATION).ranking
    assert [(name, round(one.cosine_distance, 6)) for name, one in ranked] == [("ann", 0.9), ("cid", 0.5), ("bob", 0.1)]


def test_a_verdict_comes_with_its_intervals():
    found = compare(0.6, 0.6, SECONDS, COMPLETE)
    low, high = found.log_likelihood_ratio_interval
    assert low < found.log_likelihood_ratio < high
    assert found.probability_interval == pytest.approx((1 / (1 + np.exp(-low)), 1 / (1 + np.exp(-high))))
    assert found.expected_errors.up_to == 3.0
    assert found.false_accept_interval is None
    strict = compare(0.6, 0.6, SECONDS, COMPLETE, Policy(max_false_accept=0.1))
    assert strict.false_accept_interval == (0.06, 0.2)


def test_a_ratio_near_to_the_threshold_is_told_as_doubtful():
    doubtful, sure = (compare(cosine, cosine, SECONDS, COMPLETE) for cosine in (0.43, 0.99))
    assert doubtful.log_likelihood_ratio_interval[0] < 0 < doubtful.log_likelihood_ratio_interval[1]
    assert "too near to the threshold" in doubtful.remark
    assert sure.remark is None


def test_a_prior_that_nothing_could_overcome_is_told():
    found = compare(1.0, 1.0, SECONDS, COMPLETE, Policy(prior=1e-12))
    assert found.verdict == DIFFERENT
    assert found.remark.startswith("at a prior of 1e-12 only a ratio above +27.6 would be of one speaker")


def test_among_too_many_nobody_is_named_and_the_reason_is_told():
    cosines = np.full(1000, 0.1)
    cosines[7] = 1.0
    names, seconds = [str(number) for number in range(1000)], (np.full(1000, 4.0), 4.0)
    found = identify(cosines, cosines, names, seconds, COMPLETE)
    assert (found.verdict, found.ranking[0][0]) == (UNKNOWN, "7")
    assert "one of 1000 profiles would have to be 1000 times likelier than a stranger" in found.reason
    assert "tell no more than 403 times" in found.reason
    likely = identify(cosines, cosines, names, seconds, COMPLETE, Policy(prior=0.9))  # 111 times are enough
    assert (likely.verdict, likely.reason) == ("7", None)


def test_a_rate_that_is_too_low_for_each_comparison_names_nobody_and_says_why():
    found = identified(np.array([0.99, 0.1, 0.1]), LONG, CALIBRATION, Policy(max_false_accept=0.02))
    assert (found.verdict, found.ranking[0][0], found.ranking[0][1].threshold) == (UNKNOWN, "ann", None)
    assert "0.02 for all 3 enrolled speakers together is 0.0067 for each comparison" in found.reason
    assert found.reason.endswith("ask for 0.03 or more")
    assert "no share below 0.01" in found.reason


def test_no_name_is_more_probable_than_so_few_speakers_can_say():
    found = identified(np.array([1.0, 0.99, 0.0]), LONG, COMPLETE)
    weights = np.array([np.exp(6), np.exp(6), np.exp(-4.5)]) / 6
    assert found.ranking[0][1].probability == pytest.approx(weights[0] / (weights.sum() + 0.5))
    assert [name for name, _ in found.ranking] == ["ann", "bob", "cid"]  # though both ratios are the highest
