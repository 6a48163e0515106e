"""Figures on unseen speakers, in the plane where they can be worked out by hand."""

import numpy as np
import pytest
from angles import AngleEncoder, cache_of
from scipy.stats import t

from corpus.recording import Speaker
from evaluation import trial_sets
from evaluation.cuts import CUTS
from evaluation.evaluate import evaluate as measured
from evaluation.evaluate import warn_of_few
from evaluation.held_out_speakers import held_out_trials
from inference.cohort import COSINES, Scoring
from storage.errors import UserError

ANGLES = {
    "vctk/ann": [0, 20],
    "vctk/bob": [90, 100],
    "vctk/cid": [200, 230, 200, 230],
    "libri/dee": [0, 10],
    "libri/eve": [5, 60],
}


def cosine(degrees):
    return np.cos(np.radians(degrees))


def evaluate(encoder, cache, listed, cuts=(None,), scorings=(COSINES,), **more):
    trials, left_out = held_out_trials([encoder], cache, listed)
    return measured(encoder, cache, trials, scorings, cuts, **more).results, sorted(map(str, left_out))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    return cache_of(tmp_path, ANGLES, monkeypatch)


def test_figures_by_hand(cache):
    (result,), left_out = evaluate(AngleEncoder(), cache, ["ann", "bob", "cid"])
    assert left_out == []
    assert (result.source, result.speakers, result.utterances, result.long_enough) == ("vctk", 3, 8, 8)
    assert (result.targets, result.nontargets) == (1 + 1 + 6, 4 + 8 + 8)
    sap, san = result.estimates["sap"].value, result.estimates["san"].value
    assert sap == pytest.approx(1 - np.mean([cosine(20), cosine(10), cosine(30)]), abs=1e-6)
    # the speakers' means are at 10, 95 and 215 degrees
    assert san == pytest.approx(1 - np.mean([cosine(85), cosine(120), cosine(155)]), abs=1e-6)
    assert [result.estimates[name].value for name in ("eer", "min_dcf_0.01", "min_dcf_0.05")] == [0, 0, 0]


def test_errors_are_counted_over_pairs_of_utterances(cache):
    # targets 10 and 55 degrees apart; non-targets 5, 60, 5 and 50: half the targets are missed, half the others pass
    (result,), _ = evaluate(AngleEncoder(), cache, ["dee", "eve"])
    assert result.estimates["eer"].value == 0.5
    # a false alarm weighs 99 or 19 misses, and the nearest non-targets lie nearer than any target
    assert [result.estimates[name].value for name in ("min_dcf_0.01", "min_dcf_0.05")] == pytest.approx([1, 1])


def test_every_corpus_is_measured_by_itself(cache):
    results, _ = evaluate(AngleEncoder(), cache, [name.split("/")[1] for name in ANGLES])
    assert [result.source for result in results] == ["libri", "vctk"]
    for result in results:
        assert list(result.estimates) == ["sap", "san", "eer", "min_dcf_0.01", "min_dcf_0.05"]
    assert results == evaluate(AngleEncoder(), cache, [name.split("/")[1] for name in ANGLES])[0]


def test_of_two_speakers_there_is_no_interval_and_of_four_there_is(tmp_path, monkeypatch):
    four = {name: [place * 90, place * 90 + 7 + place] for place, name in enumerate("abcd")}
    cache = cache_of(tmp_path, four, monkeypatch)
    (few,), _ = evaluate(AngleEncoder(), cache, ["a", "b", "c"])
    (some,), _ = evaluate(AngleEncoder(), cache, list(four))
    assert all(np.isnan([one.low, one.high]).all() for one in few.estimates.values())
    for one in some.estimates.values():
        assert one.low <= one.value < one.high


def test_the_distances_interval_is_that_of_plain_loops(tmp_path, monkeypatch):
    cache = cache_of(tmp_path, {"a": [0, 10], "b": [90, 95], "c": [200, 230], "d": [300, 350]}, monkeypatch)
    (result,), _ = evaluate(AngleEncoder(), cache, list("abcd"))
    means, own = [5, 92.5, 215, 325], [10, 5, 30, 50]
    of_each = {
        "sap": lambda kept: [1 - cosine(own[one]) for one in kept],
        "san": lambda kept: [1 - cosine(means[a] - means[b]) for a in kept for b in kept if a != b],
    }
    for name, of in of_each.items():
        without = [np.mean(of([one for one in range(4) if one != left_out])) for left_out in range(4)]
        reach = t.ppf(0.975, 3) * np.sqrt(3 / 4 * np.sum((np.array(without) - np.mean(without)) ** 2))
        figure = result.estimates[name]
        assert figure.high - figure.value == pytest.approx(reach, abs=1e-6)
        assert figure.value - figure.low == pytest.approx(reach, abs=1e-6)


def test_of_too_many_utterances_the_first_of_each_speaker_are_paired(cache, monkeypatch):
    monkeypatch.setattr(trial_sets, "UTTERANCES_PAIRED", 3)
    (result,), _ = evaluate(AngleEncoder(), cache, ["ann", "cid"])
    assert (result.targets, result.nontargets) == (1 + 3, 2 * 3)
    assert result.utterances == 6  # SAP and SAN are still over all of them


def test_names_may_carry_their_corpus(cache):
    (result,), _ = evaluate(AngleEncoder(), cache, ["vctk/ann", "vctk/bob", "libri/cid", "nobody"])
    assert result.speakers == 2


def test_speakers_of_the_training_are_left_out_and_told(cache):
    (result,), left_out = evaluate(AngleEncoder(trained_on=["cid", "dee"]), cache, ["ann", "bob", "cid"])
    assert left_out == ["vctk/cid"]
    assert result.speakers == 2


def test_two_people_of_one_name_are_two_speakers(tmp_path, monkeypatch):
    cache = cache_of(tmp_path, {**ANGLES, "libri/ann": [0, 170]}, monkeypatch)
    results, left_out = evaluate(AngleEncoder(trained_on=["libri/dee"]), cache, ["ann", "vctk/bob", "eve", "dee"])
    assert left_out == ["libri/dee"]
    assert [(result.source, result.speakers, result.utterances) for result in results] == [
        ("libri", 2, 4),
        ("vctk", 2, 4),
    ]
    (result,), left_out = evaluate(AngleEncoder(trained_on=["libri/ann"]), cache, ["ann", "bob", "dee"])
    assert (result.source, result.speakers, left_out) == ("vctk", 2, ["libri/ann"])


def test_whoever_has_a_training_speakers_name_in_a_corpus_that_is_not_here_is_told(cache, caplog):
    (result,), left_out = evaluate(AngleEncoder(trained_on=["old name/ann"]), cache, ["ann", "bob", "eve"])
    assert (result.speakers, left_out) == (2, [])
    assert "1 speaker shares its name with speakers of the training" in caplog.text
    assert "vctk/ann" in caplog.text


def test_a_single_utterance_is_left_out(tmp_path, monkeypatch):
    cache = cache_of(tmp_path, {**ANGLES, "vctk/one": [5]}, monkeypatch)
    (result,), _ = evaluate(AngleEncoder(), cache, ["ann", "bob", "one"])
    assert (result.speakers, result.utterances) == (2, 4)


@pytest.mark.parametrize("listed", [["ann"], ["ann", "dee"], ["nobody"], []])
def test_no_two_speakers_to_compare(cache, listed):
    with pytest.raises(UserError, match="no corpus with two held-out speakers"):
        evaluate(AngleEncoder(), cache, listed)


def test_the_way_the_network_heard_them_is_told(cache):
    with pytest.raises(UserError, match="holds 1, and 2 that the network was trained on"):
        evaluate(AngleEncoder(trained_on=["ann", "bob"]), cache, ["ann", "bob", "cid"])


def test_a_corpus_of_single_utterances_does_not_hide_the_others(tmp_path, monkeypatch):
    cache = cache_of(tmp_path, {**ANGLES, "ads/fay": [1], "ads/gus": [2]}, monkeypatch)
    results, _ = evaluate(AngleEncoder(), cache, ["ann", "bob", "fay", "gus"])
    assert [result.source for result in results] == ["vctk"]


def test_whole_utterances_and_their_beginnings_are_all_measured(cache):
    encoder = AngleEncoder()  # of utterances of 3 s
    results, _ = evaluate(encoder, cache, ["ann", "bob"], cuts=CUTS)
    assert [(result.cut, result.long_enough) for result in results] == [(None, 4), (5, 0), (2, 4), (1, 4)]
    assert sorted(encoder.lengths) == [8_000] * 4 + [16_000] * 4 + [24_000] * 4


def test_figures_are_those_of_the_cut(tmp_path, monkeypatch):
    class Turning(AngleEncoder):
        """Turns the even ones by a degree for each 1,000 samples that are missing."""

        def embed_utterances(self, signals):
            turned = [signal + (24_000 - len(signal)) // 1_000 * (signal[0] % 2) for signal in signals]
            return super().embed_utterances(turned)

    cache = cache_of(tmp_path, {"ann": [0, 11], "bob": [90, 101]}, monkeypatch)
    results, _ = evaluate(Turning(), cache, ["ann", "bob"], cuts=[2.0, None, 1.0])
    expected = [1 - cosine(degrees) for degrees in (19, 11, 27)]
    assert [result.estimates["sap"].value for result in results] == pytest.approx(expected, abs=1e-6)


def test_sessions_are_told_apart(tmp_path, monkeypatch):
    cache = cache_of(tmp_path, {"ann": [0, 10, 40, 50], "bob": [90, 100]}, monkeypatch, utterances_a_session=2)
    whole, across, within = evaluate(AngleEncoder(), cache, ["ann", "bob"])[0]
    assert (whole.subset, whole.targets, whole.nontargets) == ("", 6 + 1, 8)
    assert (across.subset, across.targets, across.nontargets) == ("across sessions", 4, 8)
    assert (within.subset, within.targets, within.nontargets) == ("within a session", 2, 8)  # ann's, as bob has one
    # across ann's sessions 30, 40, 40 and 50 degrees; nearer strangers: 40 and 50, others 60 and more
    assert across.estimates["eer"].value == pytest.approx(0.25)
    assert within.estimates["eer"].value == 0
    assert whole.estimates["eer"].value < 0.25
    assert list(across.estimates) == ["eer", "min_dcf_0.01", "min_dcf_0.05"]


def test_without_known_sessions_there_are_no_two(tmp_path, monkeypatch):
    cache = cache_of(tmp_path, {"ann": [0, 10], "bob": [90, 100]}, monkeypatch)
    key = next(iter(cache.utterances))
    cache.utterances[key] = cache.utterances[key]._replace(session="s1")
    (result,), _ = evaluate(AngleEncoder(), cache, ["ann", "bob"])
    assert result.subset == ""


def test_speakers_who_share_a_property_are_compared_with_each_other(tmp_path, monkeypatch):
    angles = {"ann": [0, 10], "bea": [5, 15], "cid": [90, 95], "dan": [180, 185], "eve": [270, 290]}
    cache = cache_of(tmp_path, angles, monkeypatch)
    gender = {Speaker("", name): value for name, value in (("ann", "F"), ("bea", "F"), ("cid", "M"), ("dan", "M"))}
    results, _ = evaluate(AngleEncoder(), cache, list(angles), properties={"gender": gender})
    counts = {one.subset: (one.speakers, one.utterances, one.targets, one.nontargets) for one in results}
    assert counts == {"": (5, 10, 5, 40), "gender F": (2, 4, 2, 4), "gender M": (2, 4, 2, 4)}
    assert [one.estimates["eer"].value for one in results[1:]] == [0.75, 0]


class Turned(Scoring):
    """Makes strangers similar, and one speaker's utterances different."""

    norm = "as"

    def __init__(self):
        super().__init__(None)

    def statistics(self, embeddings):
        return np.tile([0.0, -1.0], (len(embeddings), 1))


def test_cosines_and_normalised_scores_stand_side_by_side(cache):
    results, _ = evaluate(AngleEncoder(), cache, ["ann", "bob", "cid"], scorings=[COSINES, Turned()])
    assert [(one.score_norm, one.estimates["eer"].value) for one in results] == [("none", 0), ("as", 1)]
    assert ["sap" in one.estimates for one in results] == [True, False]  # distances are of cosines


def test_few_speakers_are_warned_of(cache, caplog):
    trials, _ = held_out_trials([AngleEncoder()], cache, ["ann", "bob", "cid", "dee", "eve"])
    warn_of_few(trials)
    assert "fewer than 20 speakers" in caplog.text
    assert "libri 2, vctk 3" in caplog.text


def test_of_several_networks_nobody_s_training_speaker_is_compared(cache):
    encoders = [AngleEncoder(trained_on=["vctk/ann"]), AngleEncoder(trained_on=["libri/dee"])]
    (trials,), left_out = held_out_trials(encoders, cache, ["ann", "bob", "cid", "dee", "eve"])
    assert list(map(str, trials.speakers)) == ["vctk/bob", "vctk/cid"]
    assert sorted(map(str, left_out)) == ["libri/dee", "vctk/ann"]


def test_twenty_utterances_of_each_speaker_are_paired(tmp_path, monkeypatch):
    cache = cache_of(tmp_path, {"ann": list(range(21)), "bob": [90, 100]}, monkeypatch)
    (result,), _ = evaluate(AngleEncoder(), cache, ["ann", "bob"])
    assert (result.targets, result.nontargets) == (20 * 19 // 2 + 1, 20 * 2)
