"""Learning rate and patience."""

import math

import pytest

from training.schedule import FLOOR_SHARE, LEAST_PROGRESS, Progress, learning_rate


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
