"""The training loop, on four tiny speakers: the same twice, interrupted and continued, finished, prolonged."""

import json
import os
import re
import shutil
import signal
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import tiny

from models.checkpoint import CheckpointError, load_checkpoint
from training.initialization import StartError
from training.report import TrainingError
from training.run import FLOOR_SHARE, learning_rate
from training.run_folder import RunFolder
from training.stages import SoftmaxStage


@pytest.fixture(autouse=True)
def small(monkeypatch):
    tiny.shrink_training(monkeypatch)


@pytest.fixture
def eager():
    with tiny.eagerly():
        yield


@pytest.fixture(scope="module")
def softmax_folder(tmp_path_factory):
    """A folder with inputs and a finished softmax stage of two epochs; copied, never changed."""
    folder = tmp_path_factory.mktemp("softmax")
    with pytest.MonkeyPatch.context() as patch:
        tiny.shrink_training(patch)
        tiny.run(tiny.training_options(folder, "softmax", augmentation=True))
    return folder


@pytest.fixture
def trained(tmp_path, softmax_folder):
    return shutil.copytree(softmax_folder, tmp_path / "trained")


def arrays_of(folder, stage="softmax", part=None):
    checkpoint = load_checkpoint(RunFolder(folder / "runs" / stage).last)
    return checkpoint.part(part) if part else checkpoint.arrays


def history_of(folder, stage="softmax"):
    return pd.read_csv(RunFolder(folder / "runs" / stage).history_file)


def assert_same_run(folder, expected, exact=False, stage="softmax"):
    mine, theirs = arrays_of(folder, stage), arrays_of(expected, stage)
    assert mine.keys() == theirs.keys()
    for name, array in theirs.items():
        np.testing.assert_allclose(
            mine[name], array, atol=0 if exact else 1e-6, rtol=0 if exact else 1e-5, err_msg=name
        )
    without_time = [history_of(f, stage).drop(columns="seconds") for f in (folder, expected)]
    pd.testing.assert_frame_equal(*without_time, rtol=1e-5)


def files_of(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name[:5] != ".lock"}


def interrupt_at(patch, step, number=signal.SIGINT):
    """Send this process a signal while the batch of `step` (counted from 1) is used."""
    taken, plain = [], SoftmaxStage.step

    def stepping(stage, *batch):
        taken.append(1)
        if len(taken) == step:
            os.kill(os.getpid(), number)
        return plain.__get__(stage, type(stage))(*batch)

    patch.setattr(SoftmaxStage, "step", stepping)


def interrupted_and_continued(folder, step, monkeypatch, stage="softmax", **changes):
    options = tiny.training_options(folder, stage, augmentation=True, **changes)
    with monkeypatch.context() as patch:
        interrupt_at(patch, step)
        with pytest.raises(KeyboardInterrupt):
            tiny.run(options)
    description = load_checkpoint(RunFolder(folder / "runs" / stage).last).description
    assert (description.step, description.finished) == (step, False)
    tiny.run(options)


def test_the_rate_falls_from_the_first_to_a_hundredth_of_it():
    assert learning_rate(0, 1000, 0.02) == pytest.approx(0.02)
    assert learning_rate(500, 1000, 0.02) == pytest.approx(0.02 * (1 + FLOOR_SHARE) / 2)
    assert learning_rate(1000, 1000, 0.02) == pytest.approx(0.0002)


def test_the_rate_never_rises_and_stays_at_the_floor():
    rates = [learning_rate(step, 70, 1.0) for step in range(100)]
    assert rates == sorted(rates, reverse=True)
    assert rates[70:] == [pytest.approx(FLOOR_SHARE)] * 30


def test_no_steps_at_all_is_no_division_by_zero():
    assert learning_rate(0, 0, 1.0) == 1.0


def test_a_run_leaves_what_it_promises(softmax_folder):
    folder = RunFolder(softmax_folder / "runs" / "softmax")
    description = folder.last_checkpoint().description
    assert description.finished
    assert (description.stage, description.step) == ("softmax", 2 * tiny.EPOCH)
    assert description.speakers == description.trained_on == tiny.SPEAKERS
    assert description.held_out == ("zed",)
    assert list(history_of(softmax_folder)["step"]) == [tiny.EPOCH, 2 * tiny.EPOCH]
    assert json.loads((folder.path / "options.json").read_text())["stage"] == "softmax"
    assert folder.best.is_file()
    assert all(list((folder.path / side).glob("events.*")) for side in ("train", "test"))


def test_an_epoch_s_title_says_how_many_there_are_and_after_the_first_how_long_they_take(tmp_path, monkeypatch, eager):
    titles = []

    @contextmanager
    def noted(title, total, unit, done):
        titles.append(title)
        yield SimpleNamespace(update=lambda: None)

    monkeypatch.setattr("training.run.progress", noted)
    tiny.run(tiny.training_options(tmp_path, "softmax", max_steps=2 * tiny.EPOCH + 1, max_epochs=9))
    assert titles[0] == "epoch 1 of 3"
    assert all(re.fullmatch(rf"epoch {n} of 3, \d+ s left", title) for n, title in enumerate(titles[1:], start=2))
    assert len(titles) == 3


def test_training_teaches(tmp_path):
    result = tiny.run(tiny.training_options(tmp_path, "softmax", max_epochs=15, learning_rate=0.02, softmax_margin=0.0))
    losses = history_of(tmp_path)["train_loss"]
    assert losses.iloc[-1] < 0.3 * losses.iloc[0]
    assert result.metrics["test_utterance_accuracy"] > 0.8


def test_the_same_seed_gives_the_same_weights(tmp_path, softmax_folder):
    tiny.run(tiny.training_options(tmp_path, "softmax", augmentation=True))
    assert_same_run(tmp_path, softmax_folder)


def test_another_seed_gives_other_weights(tmp_path, softmax_folder, eager):
    tiny.run(tiny.training_options(tmp_path, "softmax", augmentation=True, seed=1, max_steps=1))
    assert (arrays_of(tmp_path)["embedder/conv_1/kernel"] != arrays_of(softmax_folder)["embedder/conv_1/kernel"]).all()


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(tmp_path, softmax_folder, monkeypatch):
    interrupted_and_continued(tmp_path, tiny.EPOCH + 1, monkeypatch)
    assert_same_run(tmp_path, softmax_folder)


def test_a_teacher_s_lessons_go_on_too(tmp_path, monkeypatch, eager):
    folders = [tmp_path / "whole", tmp_path / "halves"]
    for folder in folders:
        folder.mkdir()
        tiny.write_teacher(folder / "teacher.npz")
    tiny.run(tiny.training_options(folders[0], "softmax", augmentation=True, teacher=folders[0] / "teacher.npz"))
    interrupted_and_continued(folders[1], 3, monkeypatch, teacher=folders[1] / "teacher.npz")
    assert_same_run(folders[1], folders[0])
    assert arrays_of(folders[0])["teacher_map/teacher_map/kernel"].any()


def test_an_interruption_in_the_last_step_of_an_epoch_costs_nothing(tmp_path, softmax_folder, monkeypatch):
    interrupted_and_continued(tmp_path, tiny.EPOCH, monkeypatch)
    assert_same_run(tmp_path, softmax_folder)


def test_a_run_that_ended_within_an_epoch_is_prolonged_with_right_figures(tmp_path, eager):
    tiny.run(tiny.training_options(tmp_path, "softmax", max_steps=2, learning_rate=1e-9, softmax_margin=0.0))
    tiny.run(tiny.training_options(tmp_path, "softmax", max_steps=4, learning_rate=1e-9, softmax_margin=0.0))
    first, second = history_of(tmp_path)["train_loss"]
    assert second == pytest.approx(first, rel=0.3)  # nothing is learned at such a rate


def test_a_finished_run_is_not_trained_again(trained, caplog):
    before = files_of(trained)
    with caplog.at_level("INFO"):
        result = tiny.run(tiny.training_options(trained, "softmax", augmentation=True))
    assert result.step == 2 * tiny.EPOCH
    assert "finished" in caplog.text
    assert files_of(trained) == before


def test_a_finished_run_can_be_prolonged(trained):
    result = tiny.run(tiny.training_options(trained, "softmax", augmentation=True, max_epochs=3))
    assert result.step == 3 * tiny.EPOCH
    assert list(history_of(trained)["epoch"]) == [1, 2, 3]


@pytest.mark.parametrize("change", [{"seed": 5}, {"from_scratch": True}])
def test_another_run_sets_the_old_one_aside(trained, change, eager):
    before = files_of(trained / "runs" / "softmax")
    tiny.run(tiny.training_options(trained, "softmax", augmentation=True, max_steps=1, **change))
    assert files_of(trained / "runs" / "softmax.1") == before
    assert list(history_of(trained)["step"]) == [1]


def test_a_stage_can_start_from_its_own_earlier_run(trained, eager):
    best = RunFolder(trained / "runs" / "softmax").best
    tiny.run(tiny.training_options(trained, "softmax", checkpoint=best, max_steps=1))


def test_a_run_whose_last_checkpoint_is_damaged_goes_on_from_the_best_as_if_nothing_had_happened(
    tmp_path, softmax_folder, monkeypatch, caplog
):
    with monkeypatch.context() as patch:
        interrupt_at(patch, tiny.EPOCH + 2)
        with pytest.raises(KeyboardInterrupt):
            tiny.run(tiny.training_options(tmp_path, "softmax", augmentation=True))
    last = RunFolder(tmp_path / "runs" / "softmax").last
    last.write_bytes(last.read_bytes()[:-500])
    tiny.run(tiny.training_options(tmp_path, "softmax", augmentation=True))
    assert f"going on from best.npz, which was saved at step {tiny.EPOCH}" in caplog.text
    assert_same_run(tmp_path, softmax_folder)


@pytest.mark.parametrize("content", [b"", b"PK", bytes(5000)])
def test_from_scratch_sets_a_run_aside_whatever_its_last_checkpoint_holds(trained, content, eager):
    RunFolder(trained / "runs" / "softmax").last.write_bytes(content)
    before = files_of(trained / "runs" / "softmax")
    tiny.run(tiny.training_options(trained, "softmax", augmentation=True, max_steps=1, from_scratch=True))
    assert files_of(trained / "runs" / "softmax.1") == before
    assert list(history_of(trained)["step"]) == [1]


def test_a_damaged_stage_to_start_from_is_told_with_its_best_checkpoint(trained):
    folder = RunFolder(trained / "runs" / "softmax")
    folder.last.write_bytes(b"PK")
    with pytest.raises(CheckpointError, match=r"damaged .*; --checkpoint .*best\.npz starts from the best one"):
        tiny.run(tiny.training_options(trained, "triplet", max_steps=1))
    assert not (trained / "runs" / "triplet").exists()


def test_a_run_that_can_not_start_leaves_the_earlier_one(trained, eager):
    tiny.run(tiny.training_options(trained, "triplet", max_steps=1))
    before = files_of(trained)
    with pytest.raises(StartError, match="linear, not tanh"):
        tiny.run(tiny.training_options(trained, "triplet", max_steps=1, embedding_activation="tanh"))
    assert files_of(trained) == before


def test_fine_tuning_goes_on_with_the_head_of_the_softmax_stage_and_can_be_interrupted(trained, tmp_path, monkeypatch):
    shutil.copytree(trained, tmp_path / "whole")
    asked = {"speeds": (1.0,), "softmax_margin": 0.4, "window_seconds": (0.2, 0.3)}
    tiny.run(tiny.training_options(tmp_path / "whole", "softmax_fine", augmentation=True, **asked))
    interrupted_and_continued(trained, 3, monkeypatch, "softmax_fine", **asked)
    assert_same_run(trained, tmp_path / "whole", stage="softmax_fine")
    first, kept = (arrays_of(trained, stage)["head/speaker_cosines/kernel"] for stage in ("softmax", "softmax_fine"))
    assert np.corrcoef(kept.ravel(), first[:, : len(tiny.SPEAKERS)].ravel())[0, 1] > 0.9


def test_the_triplet_stage_starts_from_the_last_softmax_checkpoint(trained, eager):
    tiny.run(tiny.training_options(trained, "triplet", max_steps=1, learning_rate=1e-12))
    before, after = arrays_of(trained, part="embedder"), arrays_of(trained, "triplet", "embedder")
    for name in (n for n in before if "moving" not in n):
        np.testing.assert_allclose(after[name], before[name], atol=1e-6, err_msg=name)
    assert not arrays_of(trained, "triplet", "head")


def test_the_frozen_stage_changes_no_bit_of_the_embedder(trained):
    tiny.run(tiny.training_options(trained, "softmax_frozen"))
    before, after = arrays_of(trained, part="embedder"), arrays_of(trained, "softmax_frozen", "embedder")
    assert any("moving_mean" in name for name in before)
    assert before.keys() == after.keys()
    assert all(before[name].tobytes() == after[name].tobytes() for name in before)
    head = next(iter(arrays_of(trained, part="head")))
    assert not np.array_equal(arrays_of(trained, part="head")[head], arrays_of(trained, "softmax_frozen", "head")[head])


def test_adaptation_can_be_interrupted_and_leaves_batch_normalisation_as_it_was(trained, tmp_path, monkeypatch):
    start = RunFolder(trained / "runs" / "softmax").last
    asked = {"checkpoint": start, "speeds": (1.0,), "learning_rate": 0.02}
    tiny.run(tiny.training_options(tmp_path, "adapted", augmentation=True, **asked))
    interrupted_and_continued(trained, 3, monkeypatch, "adapted", **asked)
    assert_same_run(trained, tmp_path, stage="adapted")
    before, after = arrays_of(trained, part="embedder"), arrays_of(trained, "adapted", "embedder")
    same = {name for name, array in after.items() if array.tobytes() == before[name].tobytes()}
    assert same == {name for name in before if name.startswith("batch_norm")}


def test_nothing_to_freeze_leaves_no_folder(tmp_path):
    with pytest.raises(StartError):
        tiny.run(tiny.training_options(tmp_path, "softmax_frozen"))
    assert not (tmp_path / "runs" / "softmax_frozen").exists()


def test_a_run_without_progress_stops_early(tmp_path, caplog):
    with caplog.at_level("INFO"):
        result = tiny.run(tiny.training_options(tmp_path, "softmax", learning_rate=1e-12, max_epochs=60, patience=2))
    assert result.step < 60 * tiny.EPOCH
    assert "no progress in 2 epochs" in caplog.text
    losses = list(history_of(tmp_path)["train_loss"])
    assert min(losses[:-2]) * (1 - 1e-3) <= min(losses[-2:])
    assert RunFolder(tmp_path / "runs" / "softmax").last_checkpoint().description.finished


def test_collapse_is_reported(trained, caplog, eager):
    last = RunFolder(trained / "runs" / "softmax").last
    weights = {name: array for name, array in arrays_of(trained).items() if name.startswith("embedder/embedding/")}
    flat = {name: np.full_like(array, array.ndim == 1) for name, array in weights.items()}  # kernel 0, bias 1
    tiny.edit_checkpoint(last, last, flat)
    tiny.run(tiny.training_options(trained, "triplet", max_steps=1, margin=0.3))
    assert "collapsed: in training, windows of one speaker have a cosine of 1.000 and those of two speakers 1.000" in (
        caplog.text
    )
    assert history_of(trained, "triplet")["train_loss"][0] == pytest.approx(0.3, abs=1e-5)


def test_a_loss_that_is_no_number_ends_the_run_and_is_not_saved(trained, eager):
    last = RunFolder(trained / "runs" / "softmax").last
    broken = {"embedder/embedding/bias": np.full(8, np.nan, np.float32)}
    tiny.edit_checkpoint(last, last, broken)
    with pytest.raises(TrainingError, match="no longer a number"):
        tiny.run(tiny.training_options(trained, "softmax_frozen", max_steps=1))
    folder = RunFolder(trained / "runs" / "softmax_frozen")
    assert not folder.best.exists()
    assert not folder.last.exists()
