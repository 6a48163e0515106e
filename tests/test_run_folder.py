"""The files of a run."""

import json

import numpy as np
import pytest
import tiny

from models.checkpoint import CheckpointError, load_checkpoint
from training.run_folder import RunFolder


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "runs" / "softmax")


def checkpoint(step):
    return tiny.checkpoint({"step": step}, {"embedder/a": np.full(2, step, np.float32)})


def test_a_run_that_has_not_begun(folder):
    assert folder.last_checkpoint() is None
    assert folder.history(up_to_step=100) == []
    assert not folder.path.exists()


def test_the_last_is_always_kept_and_the_best_if_it_is(folder):
    folder.save(checkpoint(1), is_best=True)
    folder.save(checkpoint(2), is_best=False)
    assert folder.last_checkpoint().description["step"] == 2
    assert load_checkpoint(folder.best).description["step"] == 1


def test_a_damaged_last_checkpoint_is_told(folder):
    folder.save(checkpoint(1), is_best=False)
    folder.last.write_bytes(b"PK")
    with pytest.raises(CheckpointError, match="damaged"):
        folder.last_checkpoint()


def test_history_comes_back_without_lost_work(folder):
    rows = [{"epoch": n, "step": 100 * n, "seconds": 1.5 * n, "train_loss": 1 / (3 * n)} for n in (1, 2, 3)]
    folder.write_history(rows)
    assert len(folder.history(up_to_step=300)) == 3
    for got, expected in zip(folder.history(up_to_step=250), rows[:2], strict=True):
        assert got == pytest.approx(expected)


def test_history_of_a_run_that_found_no_test_figures_at_first(folder):
    folder.write_history([{"epoch": 1, "step": 4}, {"epoch": 2, "step": 8, "test_loss": 0.5}])
    assert folder.history(up_to_step=8)[1]["test_loss"] == 0.5


def test_options_are_json(folder):
    folder.write_options({"stage": "softmax", "checkpoint": None, "run_dir": "é"})
    assert json.loads((folder.path / "options.json").read_text(encoding="utf-8"))["run_dir"] == "é"


def test_setting_aside_keeps_every_earlier_run(folder):
    for step in (1, 2, 3):
        folder.save(checkpoint(step), is_best=False)
        assert folder.set_aside().name == f"softmax.{step}"
        assert not folder.path.exists()
    kept = [RunFolder(folder.path.with_name(f"softmax.{n}")).last_checkpoint().description["step"] for n in (1, 2, 3)]
    assert kept == [1, 2, 3]
