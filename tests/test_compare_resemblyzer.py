"""The comparison with Resemblyzer scores the trials of `--evaluate`, with intervals of the paired difference."""

import json
import sys

import compare_resemblyzer
import numpy as np
import pytest
from compare_resemblyzer import session, side_by_side, trials_of
from conftest import SPEAKERS
from resemblyzer_stand_in import stand_in

from evaluation.detection import score_all_pairs
from evaluation.evaluate import evaluate
from evaluation.held_out_speakers import held_out_trials
from inference.encoder import SpeakerEncoder


def named(tiny_cache, names):
    """Utterances of so many speakers under other names."""
    one = next(iter(tiny_cache.utterances.values()))
    return [one._replace(speaker=name.split("_")[0], utterance=name) for name in names]


def test_a_session_is_what_the_corpus_or_the_name_says(tiny_cache):
    (one, other) = named(tiny_cache, ["cal000_s01_007", "p225_003"])
    assert (session(one), session(other), session(one._replace(session="monday"))) == ("01", "", "monday")


def test_trials_across_sessions_keep_those_of_two_speakers(tiny_cache):
    found = trials_of(named(tiny_cache, ["a_s00_000", "a_s00_001", "a_s01_000", "b_s00_000"]))
    assert {name: list(zip(*map(list, pairs))) for name, pairs in found.items()} == {
        "all pairs": [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)],
        "two sessions": [(0, 2), (0, 3), (1, 2), (1, 3), (2, 3)],
    }


@pytest.mark.parametrize("names", [["a_s00_000", "a_s00_001", "b_s01_000"], ["a_1", "a_2", "b_1"]])
def test_without_speakers_of_several_sessions_there_is_one_kind_of_trials(tiny_cache, names):
    assert list(trials_of(named(tiny_cache, names))) == ["all pairs"]


def test_the_difference_of_a_system_to_itself_is_nothing_with_certainty():
    rng = np.random.default_rng(0)
    trials = score_all_pairs(rng.standard_normal((20, 4)), np.repeat(np.arange(5), 4))
    found = side_by_side(trials, trials, 5)
    assert found["eer"] == found["resemblyzer_eer"]
    difference = found["difference_eer"]
    assert (difference.value, difference.low, difference.high) == (0, 0, 0)


def test_our_figure_is_that_of_evaluate(tmp_path, tiny_cache, monkeypatch, capsys):
    listed, python = tmp_path / "speakers.txt", stand_in(tmp_path)
    listed.write_text("\n".join(SPEAKERS))
    command = ["", str(tiny_cache.folder), "--resemblyzer", str(python), "--test_speakers_file", str(listed)]
    monkeypatch.setattr(sys, "argv", command)
    compare_resemblyzer.main()
    row, mean = [json.loads(line) for line in capsys.readouterr().out.splitlines()][-2:]
    encoder = SpeakerEncoder()
    trials, _ = held_out_trials([encoder], tiny_cache, SPEAKERS)
    (expected,) = evaluate(encoder, tiny_cache, trials, [encoder.scoring], cuts=[None]).results
    assert row["eer"] == pytest.approx(expected.estimates["eer"].value, rel=1e-3)
    assert row["eer_high"] is None  # of three speakers
    assert (row["targets"], row["nontargets"]) == (expected.targets, expected.nontargets)
    assert row["resemblyzer_eer"] > 0.3  # of random vectors
    assert mean["eer"] == row["eer"] and mean["corpora"] == 1
