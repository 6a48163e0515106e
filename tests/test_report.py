"""Lines for an epoch, and plain words for trouble."""

import math

import pytest

from training.report import TrainingError, check_health, describe, format_metrics

ROW = {"epoch": 3, "step": 300, "seconds": 61.7, "learning_rate": 0.00125, "train_loss": 0.123456}


def triplets(loss=0.2, positive=1.0, negative=1.0, side="train"):
    return {**ROW, f"{side}_loss": loss, f"{side}_positive_cosine": positive, f"{side}_negative_cosine": negative}


def test_metrics_in_a_line():
    line = format_metrics({"train_loss": 1.23456, "test_accuracy": 0.9468, "active_share": 0.5, "step_size": 1e-5})
    assert line == "train loss 1.235, test accuracy 94.7 %, active share 50.0 %, step size 1e-05"


def test_an_epoch_in_a_line():
    line = "epoch 3 (step 300 of 30000, 62 s, 102 min left): learning rate 0.00125, train loss 0.1235"
    assert describe(ROW, 30_000) == line
    assert "(step 300 of 300, 62 s, 0 s left)" in describe(ROW, 300)


def test_a_healthy_epoch_is_no_trouble(caplog):
    check_health(ROW)
    assert not caplog.text


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_ends_the_run(loss):
    with pytest.raises(TrainingError, match="no longer a number"):
        check_health({**ROW, "train_loss": loss})


def test_a_collapse_is_reported_with_a_way_out(caplog):
    check_health(triplets(0.207, 0.990, 0.997))
    assert "windows of one speaker have a cosine of 0.990 and those of two speakers 0.997" in caplog.text
    assert "--learning_rate" in caplog.text
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    "row",
    [
        triplets(0.207, 0.990, 0.997),  # ../shared/cases/collapse_without_warning, batch-hard at a margin of 0.2
        triplets(0.193, 0.997, 0.990),
        triplets(0.003, 0.997, 0.990),  # at a margin of 0.01, most of which the tiny gap fills
        triplets(0.1995, 0.9999, 0.9999),
        triplets(0.21, 0.96, 0.97),
        triplets(0.2449, 0.9435, 0.9884),  # batch-hard at a learning rate of 10
        {**triplets(0.26, 0.6, 0.66), **triplets(0.199, 0.997, 0.996, "test")},  # within the epoch
    ],
)
def test_embeddings_that_all_but_coincide_are_a_collapse(row, caplog):
    check_health(row)
    assert "collapsed" in caplog.text


@pytest.mark.parametrize(
    "row",
    [
        triplets(positive=0.5, negative=0.5),
        triplets(0.35, 0.55, 0.70),  # batch-hard at the beginning of a healthy run
        triplets(0.12, 0.99, 0.91),  # sigmoid embeddings, all of whose cosines are high
        triplets(0.17, 0.99, 0.96),  # the same, and less far
        {**ROW, "train_loss": 0.2},  # the softmax stages have no cosines
    ],
)
def test_embeddings_that_tell_speakers_apart_are_no_collapse(row, caplog):
    check_health(row)
    assert not caplog.text
