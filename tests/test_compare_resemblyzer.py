"""The comparison with Resemblyzer scores the trials of `--evaluate`, with intervals of the paired difference."""

import json
import sys

import compare_resemblyzer
import numpy as np
import pytest
from compare_resemblyzer import session, side_by_side, trials_of
from conftest import SPEAKERS

from evaluation.detection import score_all_pairs
from evaluation.unseen import evaluate_unseen
from inference.encoder import SpeakerEncoder

STAND_IN = """#!{python}
import sys, numpy
paths = sys.stdin.read().split("\\n")[:-1]
made = numpy.random.default_rng(len(paths)).standard_normal((len(paths), 256)).astype(numpy.float32)
numpy.save(sys.argv[-1], made / numpy.linalg.norm(made, axis=1, keepdims=True))
"""


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
    listed, python = tmp_path / "speakers.txt", tmp_path / "python"
    listed.write_text("\n".join(SPEAKERS))
    python.write_text(STAND_IN.format(python=sys.executable))
    python.chmod(0o755)
    command = ["", str(tiny_cache.folder), "--resemblyzer", str(python), "--test_speakers_file", str(listed)]
    monkeypatch.setattr(sys, "argv", command)
    compare_resemblyzer.main()
    row, mean = [json.loads(line) for line in capsys.readouterr().out.splitlines()][-2:]
    (expected,), _ = evaluate_unseen(SpeakerEncoder(), tiny_cache, SPEAKERS, (None,))
    assert row["eer"] == pytest.approx(expected.figures["eer"].value, rel=1e-3)
    assert row["eer_high"] == pytest.approx(expected.figures["eer"].high, rel=1e-3)
    assert (row["targets"], row["nontargets"]) == (expected.targets, expected.nontargets)
    assert row["resemblyzer_eer"] > 0.3  # of random vectors
    assert mean["eer"] == row["eer"] and mean["corpora"] == 1


def test_a_part_of_a_file_is_refused(tiny_cache):
    one = next(iter(tiny_cache.utterances.values()))._replace(start=1.0)
    with pytest.raises(SystemExit, match="files of their own"):
        compare_resemblyzer.resemblyzer(sys.executable, [one], None)


def test_kept_embeddings_are_not_made_again(tmp_path, tiny_cache):
    kept, calls = tmp_path / "kept.npz", tmp_path / "calls"
    python = tmp_path / "python"
    python.write_text(STAND_IN.format(python=sys.executable) + f"open({str(calls)!r}, 'a').write('x')\n")
    python.chmod(0o755)
    utterances = list(tiny_cache.utterances.values())
    made = [
        compare_resemblyzer.resemblyzer(str(python), part, kept) for part in (utterances[:5], utterances, utterances)
    ]
    assert calls.read_text() == "xx"
    assert [len(found) for found in made] == [5, 15, 15]
    assert all(np.array_equal(made[0][path], made[2][path]) for path in made[0])
