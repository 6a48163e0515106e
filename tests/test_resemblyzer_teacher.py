"""Resemblyzer's embeddings are made once for each recording, and training reads what comes out."""

import sys

import numpy as np
import pytest
import resemblyzer_teacher
from conftest import SPEAKERS
from resemblyzer_stand_in import stand_in
from resemblyzer_teacher import name_of, resemblyzer

from training.teacher import read_lessons


def test_a_part_of_a_file_is_refused(tiny_cache):
    one = next(iter(tiny_cache.utterances.values()))._replace(start=1.0)
    with pytest.raises(SystemExit, match="files of their own"):
        resemblyzer(sys.executable, [one], None)


def test_kept_embeddings_are_not_made_again(tmp_path, tiny_cache):
    kept, python = tmp_path / "kept.npz", stand_in(tmp_path)
    utterances = list(tiny_cache.utterances.values())
    made = [resemblyzer(str(python), part, kept) for part in (utterances[:5], utterances, utterances)]
    assert (tmp_path / "python.calls").read_text().split() == ["5", "10"]
    assert [len(found) for found in made] == [5, 15, 15]
    assert all(np.array_equal(made[0][one], made[2][one]) for one in made[0])


def test_what_is_done_is_kept_though_the_rest_fails(tmp_path, tiny_cache, monkeypatch):
    monkeypatch.setattr(resemblyzer_teacher, "AT_ONCE", 4)
    kept, python = tmp_path / "kept.npz", stand_in(tmp_path)
    utterances = list(tiny_cache.utterances.values())
    python.write_text(python.read_text() + "sys.exit(len(open(__file__ + '.calls').readlines()) > 2)\n")
    with pytest.raises(resemblyzer_teacher.subprocess.CalledProcessError):
        resemblyzer(str(python), utterances, kept)
    assert len(np.load(kept)["utterances"]) == 8


def test_training_reads_it_and_the_held_out_are_not_in_it(tmp_path, tiny_cache, monkeypatch):
    listed, output = tmp_path / "held_out.txt", tmp_path / "teacher.npz"
    listed.write_text(f"{SPEAKERS[0]}\n")
    command = ["", str(tiny_cache.folder), str(output), "--resemblyzer", str(stand_in(tmp_path))]
    monkeypatch.setattr(sys, "argv", [*command, "--held_out", str(listed)])
    resemblyzer_teacher.main()
    utterances = [one for _, one in sorted(tiny_cache.utterances.items()) if one.speaker != SPEAKERS[0]]
    assert np.load(output)["utterances"].tolist() == list(map(name_of, utterances))
    assert len(utterances) == 10
    assert read_lessons(output, tuple(map(name_of, utterances))).shape == (10, 256)
