"""Figures on unseen speakers, in the plane where they can be worked out by hand."""

import numpy as np
import pytest
from angles import AngleEncoder, cache_of

from evaluation.unseen import evaluate_unseen, format_reports
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


def evaluate(encoder, cache, listed):
    return evaluate_unseen(encoder, cache, listed, cuts=[None])


@pytest.fixture
def cache(tmp_path, monkeypatch):
    return cache_of(tmp_path, ANGLES, monkeypatch)


def test_figures_by_hand(cache):
    (report,), left_out = evaluate(AngleEncoder(), cache, ["ann", "bob", "cid"])
    assert left_out == []
    assert (report.corpus, report.speakers, report.utterances) == ("vctk", 3, 8)
    assert report.sap.value == pytest.approx(1 - np.mean([cosine(20), cosine(10), cosine(30)]), abs=1e-6)
    # the speakers' means are at 10, 95 and 215 degrees
    assert report.san.value == pytest.approx(1 - np.mean([cosine(85), cosine(120), cosine(155)]), abs=1e-6)
    assert report.eer.value == 0


def test_errors_are_counted_over_pairs_of_utterances(cache):
    # targets 10 and 55 degrees apart; non-targets 5, 60, 5 and 50: half the targets are missed, half the others pass
    (report,), _ = evaluate(AngleEncoder(), cache, ["dee", "eve"])
    assert report.eer.value == 0.5


def test_every_corpus_is_measured_by_itself_and_values_lie_in_their_intervals(cache):
    reports, _ = evaluate(AngleEncoder(), cache, [name.split("/")[1] for name in ANGLES])
    assert [report.corpus for report in reports] == ["libri", "vctk"]
    for report in reports:
        for figure in (report.sap, report.san, report.eer):
            assert figure.low <= figure.value <= figure.high
    assert reports == evaluate(AngleEncoder(), cache, [name.split("/")[1] for name in ANGLES])[0]


def test_names_may_carry_their_corpus(cache):
    (report,), _ = evaluate(AngleEncoder(), cache, ["vctk/ann", "vctk/bob", "libri/cid", "nobody"])
    assert report.speakers == 2


def test_speakers_of_the_training_are_left_out_and_told(cache):
    (report,), left_out = evaluate(AngleEncoder(trained_on=["cid", "dee"]), cache, ["ann", "bob", "cid"])
    assert left_out == ["cid"]
    assert report.speakers == 2


def test_a_single_utterance_is_left_out(tmp_path, monkeypatch):
    cache = cache_of(tmp_path, {**ANGLES, "vctk/one": [5]}, monkeypatch)
    (report,), _ = evaluate(AngleEncoder(), cache, ["ann", "bob", "one"])
    assert (report.speakers, report.utterances) == (2, 4)


@pytest.mark.parametrize("listed", [["ann"], ["ann", "dee"], ["nobody"], []])
def test_no_two_speakers_to_compare(cache, listed):
    with pytest.raises(UserError, match="no corpus with two unseen speakers"):
        evaluate(AngleEncoder(), cache, listed)


def test_the_way_the_network_heard_them_is_told(cache):
    with pytest.raises(UserError, match="holds 1, and 2 that the network was trained on"):
        evaluate(AngleEncoder(trained_on=["ann", "bob"]), cache, ["ann", "bob", "cid"])


def test_a_corpus_of_single_utterances_does_not_hide_the_others(tmp_path, monkeypatch):
    cache = cache_of(tmp_path, {**ANGLES, "ads/fay": [1], "ads/gus": [2]}, monkeypatch)
    reports, _ = evaluate(AngleEncoder(), cache, ["ann", "bob", "fay", "gus"])
    assert [report.corpus for report in reports] == ["vctk"]


def test_the_table_has_a_line_for_each_corpus(cache):
    reports, _ = evaluate(AngleEncoder(), cache, [name.split("/")[1] for name in ANGLES])
    header, libri, vctk, note = format_reports(reports).splitlines()
    assert [word for word in ("corpus", "speakers", "SAP", "SAN", "EER") if word not in header] == []
    assert libri.split()[:3] == ["libri", "2", "4"]
    assert vctk.split()[:3] == ["vctk", "3", "8"]
    assert f"{reports[0].sap.value:.4f} [{reports[0].sap.low:.4f}, {reports[0].sap.high:.4f}]" in libri
    assert "50.00 [" in libri
    assert "95 % interval" in note


def test_whole_utterances_and_their_first_two_seconds_are_both_measured(cache):
    lengths = []

    class Listener(AngleEncoder):
        def embed_utterances(self, signals):
            lengths.extend(len(signal) for signal in signals)
            return super().embed_utterances(signals)

    reports, _ = evaluate_unseen(Listener(), cache, ["ann", "bob"])
    assert [report.cut for report in reports] == [None, 2.0]
    assert lengths == [24_000] * 4 + [16_000] * 4
    assert [line.split()[3] for line in format_reports(reports).splitlines()[1:3]] == ["whole", "2"]
