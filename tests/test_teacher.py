"""What a teacher says of an utterance reaches the windows that are cut from it, and those alone."""

import dataclasses

import keras
import numpy as np
import pytest
import tiny
from command_line import fail

from training.network_state import Trained, build_state
from training.stages import TEACHING, SoftmaxStage, build_stage
from training.teacher import TeacherError, read_lessons

INPUTS = tiny.inputs()
NAMES = INPUTS.train.names


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def taught_stage(tmp_path, lessons, **changes):
    keras.utils.set_random_seed(3)
    options = tiny.training_options(tmp_path, "softmax", **changes)
    ones = np.ones(tiny.SETTINGS.size, np.float32)
    speakers = len(tiny.SPEAKERS) * len(options.speeds_used)
    network = tiny.TinyNetworkOptions()
    state = build_state(network, (0 * ones, ones), speakers, Trained.ALL, 1e-2, taught=lessons.shape[1])
    return build_stage(options, INPUTS, state, lessons)


def test_lessons_are_the_directions_from_the_mean(tmp_path):
    path = tiny.write_teacher(tmp_path / "teacher.npz")
    embeddings = np.load(path)["embeddings"]
    np.testing.assert_allclose(read_lessons(path, NAMES), unit(embeddings - embeddings.mean(axis=0)), rtol=1e-5)
    np.testing.assert_allclose(read_lessons(path, NAMES[::-1]), read_lessons(path, NAMES)[::-1], rtol=1e-4)


def test_an_unknown_utterance_has_no_lesson(tmp_path, caplog):
    lessons = read_lessons(tiny.write_teacher(tmp_path / "teacher.npz", without=2), NAMES)
    np.testing.assert_allclose(np.linalg.norm(lessons, axis=1), [0, 0] + [1] * (len(NAMES) - 2), rtol=1e-5)
    assert f"does not know 2 of the training utterances: {NAMES[0]}, {NAMES[1]}" in caplog.text


def test_a_teacher_of_other_recordings_is_refused(tmp_path):
    path = tiny.write_teacher(tmp_path / "teacher.npz", without=len(NAMES) - 1)
    with pytest.raises(TeacherError, match=rf"knows 1 of the {len(NAMES)} training utterances"):
        read_lessons(path, NAMES)


UNUSABLE = {
    "names of numbers": lambda made: made | {"utterances": np.arange(len(NAMES))},
    "one name too many": lambda made: made | {"utterances": np.append(made["utterances"], "x/y/z")},
    "embeddings in a row": lambda made: made | {"embeddings": made["embeddings"][:, 0]},
    "whole numbers": lambda made: made | {"embeddings": made["embeddings"].astype(int)},
    "no number": lambda made: made | {"embeddings": made["embeddings"] * np.nan},
    "too large": lambda made: made | {"embeddings": made["embeddings"].astype(float) * 1e300},
    "none": lambda made: made | {"embeddings": made["embeddings"][:, :0]},
    "no embeddings": lambda made: {"utterances": made["utterances"]},
    "objects": lambda made: made | {"utterances": made["utterances"].astype(object)},
}


@pytest.mark.parametrize("change", UNUSABLE.values(), ids=UNUSABLE)
def test_a_file_of_another_kind_is_refused(tmp_path, change):
    path = tiny.write_teacher(tmp_path / "teacher.npz")
    np.savez(path, **change(dict(np.load(path))))
    with pytest.raises(TeacherError, match=r"teacher.npz does not hold a teacher's embeddings"):
        read_lessons(path, NAMES)


def test_no_file_and_no_npz_are_refused(tmp_path):
    with pytest.raises(TeacherError, match="no teacher's embeddings at"):
        read_lessons(tmp_path / "teacher.npz", NAMES)
    (tmp_path / "teacher.npz").write_text("text")
    with pytest.raises(TeacherError, match="no npz file"):
        read_lessons(tmp_path / "teacher.npz", NAMES)


def test_the_loss_adds_the_distance_of_windows_at_their_own_speed(tmp_path):
    lessons = unit(np.random.default_rng(1).normal(size=(len(NAMES), 5))).astype(np.float32)
    lessons[0] = 0  # unknown
    with tiny.eagerly():
        stage = taught_stage(tmp_path, lessons, augmentation=True, batch_size=60)
        windows, labels, utterances = stage.draw(np.random.default_rng(0))
        embeddings = stage.state.embedder(windows, training=True)
        plain, _ = SoftmaxStage.loss_of(stage, embeddings, labels, utterances)
        loss, report = stage.loss(windows, labels, utterances)
        seen = unit(stage.state.teacher_map(stage.state.embedder(windows, training=True)).numpy())
    assert set(utterances) > {0}
    heard = (labels < len(tiny.SPEAKERS)) & (utterances != 0)
    assert 0 < heard.sum() < len(labels)
    distances = [1 - seen[row] @ lessons[utterances[row]] for row in np.flatnonzero(heard)]
    assert float(report["teacher_distance"]) == pytest.approx(np.mean(distances), rel=1e-4)
    assert float(loss - plain) == pytest.approx(TEACHING * np.mean(distances), rel=1e-3)


def test_windows_of_unknown_utterances_alone_are_no_fault(tmp_path):
    with tiny.eagerly():
        stage = taught_stage(tmp_path, np.zeros((len(NAMES), 5), np.float32))
        assert float(stage.loss(*stage.draw(np.random.default_rng(0)))[1]["teacher_distance"]) == 0


def test_a_teacher_is_learned_from(tmp_path):
    teacher = unit(np.random.default_rng(1).normal(size=(len(tiny.SPEAKERS), 5))).astype(np.float32)
    stage = taught_stage(tmp_path, teacher[INPUTS.train.labels])
    distances = [float(stage.step(*stage.draw(np.random.default_rng(step)))["teacher_distance"]) for step in range(60)]
    assert np.mean(distances[-5:]) < 0.3 * np.mean(distances[:5])


def test_drawn_utterances_are_those_of_the_windows(tmp_path):
    stage = taught_stage(tmp_path, np.zeros((len(NAMES), 5), np.float32))
    _, labels, utterances = stage.draw(np.random.default_rng(0))
    np.testing.assert_array_equal(INPUTS.train.labels[utterances], labels)
    assert [NAMES[row].rpartition("/")[0] for row in utterances] == [tiny.SPEAKERS[label] for label in labels]


def test_names_come_back_from_the_inputs_file(tmp_path):
    loaded = tiny.load_inputs(tiny.write_inputs(tmp_path / "full_inputs.pkl", INPUTS))
    assert loaded.train.names == NAMES
    assert dataclasses.replace(loaded.test, log_mel=0).names == INPUTS.test.names


def test_a_missing_teacher_is_told_as_such(tmp_path):
    tiny.write_inputs(tmp_path / "full_inputs.pkl", INPUTS)
    command = ("--loss_on_softmax", "--data_filename", tmp_path / "full_inputs.pkl", "--teacher", tmp_path / "t.npz")
    assert "There is none at" in fail(2, "train_cli.py", *command)


@pytest.mark.parametrize(
    "stage",
    [
        ("--loss_on_embeddings",),
        ("--loss_on_softmax", "--freeze_embedding_weights"),
        ("--loss_on_softmax", "--fine_tune"),
    ],
)
def test_a_teacher_is_of_use_while_the_embeddings_learn_from_labels(tmp_path, stage):
    assert "--teacher goes with --loss_on_softmax" in fail(2, "train_cli.py", *stage, "--teacher", tmp_path / "t.npz")
