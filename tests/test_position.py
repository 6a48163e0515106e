"""How far a run has come, and whether it still gets anywhere."""

import json
import math

import pytest

from training.position import LEAST_PROGRESS, Position, Progress


def test_the_first_loss_is_a_best():
    progress = Progress()
    assert progress.update(1e9)
    assert (progress.best, progress.epochs_without) == (1e9, 0)


def test_epochs_without_progress_are_counted_and_a_new_best_resets_them():
    progress = Progress()
    assert [progress.update(loss) for loss in (1.0, 1.1, 1.0, 0.9, 0.95)] == [True, False, False, True, False]
    assert (progress.best, progress.epochs_without) == (0.9, 1)


def test_a_tiny_fall_is_no_progress_and_does_not_move_the_mark():
    progress = Progress()
    progress.update(1.0)
    assert not progress.update(1 - 0.6 * LEAST_PROGRESS)
    assert progress.best == 1.0
    assert progress.update(1 - 1.2 * LEAST_PROGRESS)  # two small falls together do count


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_no_progress(loss):
    progress = Progress()
    assert not progress.update(loss)
    assert progress.epochs_without == 1
    assert progress.update(5.0)


def position(**changes) -> Position:
    given = {"step": 130, "sums": {"loss": 3.5}, "summed": 2, "seconds": 9.25, "metrics": {"test_loss": 0.5}}
    return Position(**{**given, "progress": Progress(1.5, 3, True), "planned_steps": 400, **changes})


@pytest.mark.parametrize("changes", [{}, {"progress": Progress()}, {"sums": {}, "metrics": {}}])
def test_a_position_comes_back_from_strict_json(changes):
    text = json.dumps(position(**changes).as_json(), allow_nan=False)
    assert Position.from_json(json.loads(text)) == position(**changes)


def test_figures_that_are_no_numbers_are_left_out_of_json():
    kept = position(metrics={"test_loss": math.nan, "test_accuracy": 0.5}).as_json()["metrics"]
    assert kept == {"test_accuracy": 0.5}


@pytest.mark.parametrize(
    "change",
    [
        {"step": "130"},
        {"step": -1},
        {"sums": []},
        {"sums": {"loss": "3"}},
        {"progress": {}},
        {"epoch": 1},
        {"seconds": None},
    ],
)
def test_a_position_of_another_form_is_refused(change):
    with pytest.raises(ValueError, match=r"^expected"):
        Position.from_json({**position().as_json(), **change})


def test_means_are_over_the_steps_since_the_last_ones_were_taken():
    position = Position()
    for loss in (1.0, 2.0, 6.0):
        position.add({"loss": loss})
    assert position.take_means() == {"train_loss": 3.0}
    position.add({"loss": 5.0})
    assert (position.step, position.take_means()) == (4, {"train_loss": 5.0})
