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
    assert folder.last_checkpoint().description.step == 2
    assert load_checkpoint(folder.best).description.step == 1


IDENTITY = {"seed": 0}
DAMAGES = {
    "empty": lambda content: b"",
    "truncated": lambda content: content[: len(content) // 2],
    "its end alone": lambda content: content[-100:],
    "a bit flipped": lambda content: content.replace(b"\x00\x00\x80\x3f", b"\x00\x00\x80\x3e", 1),  # in a weight
    "zeros": lambda content: bytes(len(content)),
}


def save(folder, step, is_best=False, finished=False, run=IDENTITY):
    description = {"step": step, "run": run, "finished": finished}
    folder.save(tiny.checkpoint(description, {"embedder/a": np.ones(2, np.float32)}), is_best)


def damage(path, how):
    whole = path.read_bytes()
    path.write_bytes(DAMAGES[how](whole))
    assert path.read_bytes() != whole


def test_a_run_goes_on_where_its_last_checkpoint_was_made(folder):
    save(folder, 1)
    assert folder.earlier_checkpoint(IDENTITY, from_scratch=False).description.step == 1
    assert folder.earlier_checkpoint(IDENTITY, from_scratch=True).description.step == 1  # it was interrupted
    assert folder.earlier_checkpoint({"seed": 1}, from_scratch=False) is None
    save(folder, 2, finished=True)
    assert folder.earlier_checkpoint(IDENTITY, from_scratch=True) is None


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_last_checkpoint_is_replaced_by_the_best_with_a_warning(folder, how, caplog):
    save(folder, 1, is_best=True)
    save(folder, 2)
    damage(folder.last, how)
    damaged = folder.last.read_bytes()
    assert folder.earlier_checkpoint(IDENTITY, from_scratch=False).description.step == 1
    assert "last.npz is damaged" in caplog.text
    assert "going on from best.npz, which was saved at step 1" in caplog.text
    assert folder.last_checkpoint().description.step == 1
    assert (folder.path / "last.damaged.npz").read_bytes() == damaged


@pytest.mark.parametrize("how", DAMAGES)
def test_from_scratch_a_damaged_last_checkpoint_is_no_obstacle_and_stays(folder, how, caplog):
    save(folder, 1, is_best=True)
    damage(folder.last, how)
    before = folder.last.read_bytes()
    assert folder.earlier_checkpoint(IDENTITY, from_scratch=True) is None
    assert "as the stage begins from scratch" in caplog.text
    assert folder.last.read_bytes() == before


@pytest.mark.parametrize("how", DAMAGES)
def test_without_a_best_checkpoint_the_way_out_is_said_in_a_line(folder, how):
    save(folder, 1, is_best=True)
    damage(folder.last, how)
    damage(folder.best, how)
    with pytest.raises(CheckpointError, match=r"^[^\n]*last\.npz is damaged [^\n]*; move the folder .*softmax away"):
        folder.earlier_checkpoint(IDENTITY, from_scratch=False)
    folder.best.unlink()
    with pytest.raises(CheckpointError, match=r"no usable best\.npz beside it"):
        folder.earlier_checkpoint(IDENTITY, from_scratch=False)


def test_the_best_checkpoint_of_another_run_takes_no_damaged_one_s_place(folder):
    save(folder, 1, is_best=True)
    damage(folder.last, "empty")
    assert folder.earlier_checkpoint({"seed": 1}, from_scratch=False) is None
    assert folder.last.read_bytes() == b""


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
    kept = [RunFolder(folder.path.with_name(f"softmax.{n}")).last_checkpoint().description.step for n in (1, 2, 3)]
    assert kept == [1, 2, 3]
