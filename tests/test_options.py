"""What a run is asked to do."""

import dataclasses
import json

import pytest
import tiny

from training.options import DEFAULTS, STAGES_BEFORE, STEPS_PER_EPOCH, WINDOWS_PER_SPEAKER


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({"max_epochs": 3}, 3 * STEPS_PER_EPOCH),
        ({"max_epochs": 3, "max_steps": 7}, 7),
        ({"max_epochs": 3, "max_steps": 10**6}, 3 * STEPS_PER_EPOCH),
    ],
)
def test_a_run_ends_with_its_epochs_or_its_steps(tmp_path, changes, steps):
    assert tiny.training_options(tmp_path, "softmax", **changes).total_steps == steps


def test_options_are_json_with_paths_as_text(tmp_path):
    options = tiny.training_options(tmp_path, "triplet", checkpoint=tmp_path / "a.npz")
    fields = json.loads(json.dumps(options.as_json()))
    assert fields.keys() == {field.name for field in dataclasses.fields(options)}
    assert fields["checkpoint"] == str(tmp_path / "a.npz")


def test_every_stage_has_defaults_and_starts_from_earlier_ones():
    assert DEFAULTS.keys() == STAGES_BEFORE.keys()
    order = list(STAGES_BEFORE)
    for stage, before in STAGES_BEFORE.items():
        assert all(order.index(earlier) < order.index(stage) for earlier in before)


@pytest.mark.parametrize("stage", DEFAULTS)
def test_the_first_speed_is_that_of_the_recording_and_no_speed_comes_twice(stage):
    speeds = DEFAULTS[stage].speeds
    assert speeds[0] == 1  # its labels are the speakers themselves
    assert len(set(speeds)) == len(speeds)


def test_speakers_are_others_at_other_speeds_only_where_windows_are_disturbed(tmp_path):
    speeds = (1.0, 0.9)
    asked = {"augmentation": True, "speeds": speeds}
    assert tiny.training_options(tmp_path, "triplet", **asked).speeds_used == speeds
    assert tiny.training_options(tmp_path, "softmax_frozen", **asked).speeds_used == (1.0,)
    assert tiny.training_options(tmp_path, "softmax", **{**asked, "augmentation": False}).speeds_used == (1.0,)


def test_options_with_several_lengths_come_back_from_json_as_they_went(tmp_path):
    fields = tiny.training_options(tmp_path, "softmax", window_seconds=(0.8, 2.0)).as_json()
    assert json.loads(json.dumps(fields)) == fields  # a run that continues is known by them


def test_the_default_triplet_batch_has_whole_speakers():
    assert DEFAULTS["triplet"].batch_size % WINDOWS_PER_SPEAKER == 0
