"""What a head starts from: another head's columns, or the speakers' embeddings."""

import dataclasses

import keras
import numpy as np
import pytest
import tiny

from audio.mfcc import cepstra_with_derivatives
from batcher.sampling.speeds import SpeedClasses
from models.network import compile_embedder
from training.head import kept_head, mean_directions

SPEAKERS = ["tiny/ann", "tiny/bob"]


def origin(speeds=(1.0, 0.9), speakers=SPEAKERS):
    """A checkpoint whose head has the number of each output in its column."""
    columns = np.tile(np.arange(4, dtype=np.float32), (8, 1))
    about = {"speakers": list(speakers), "speeds": list(speeds)}
    return tiny.checkpoint(about, {"head/speaker_cosines/kernel": columns})


@pytest.mark.parametrize(
    ("speakers", "speeds", "columns"),
    [
        (SPEAKERS, (1.0, 0.9), [0, 1, 2, 3]),
        (SPEAKERS, (1.0,), [0, 1]),
        (SPEAKERS[::-1], (1.0, 0.9), [1, 0, 3, 2]),
        (SPEAKERS[1:], (1.0, 0.9), [1, 3]),
    ],
)
def test_columns_are_found_by_speaker_and_speed(speakers, speeds, columns):
    np.testing.assert_array_equal(kept_head(origin(), speakers, SpeedClasses(len(speakers), speeds))[0], columns)


@pytest.mark.parametrize(("speakers", "speeds"), [([*SPEAKERS, "tiny/zed"], (1.0,)), (SPEAKERS, (1.0, 1.1))])
def test_one_unknown_class_makes_a_new_head_and_says_so(speakers, speeds, caplog):
    with caplog.at_level("INFO"):
        assert kept_head(origin(), speakers, SpeedClasses(len(speakers), speeds)) is None
    assert "so a new one is trained" in caplog.text


def test_a_head_that_does_not_fit_its_description_is_not_kept():
    assert kept_head(origin(speeds=(1.0,)), SPEAKERS, SpeedClasses(2)) is None


def test_no_head_is_no_head_to_keep():
    bare = dataclasses.replace(origin(), arrays={})
    assert kept_head(bare, SPEAKERS, SpeedClasses(2)) is None


def test_mean_directions_equal_a_plain_loop(monkeypatch):
    monkeypatch.setattr("training.head.FORWARD_BATCH", 5)
    keras.utils.set_random_seed(2)
    inputs, state = tiny.inputs(), tiny.state()
    embed, train = compile_embedder(state.embedder), inputs.train
    expected = np.zeros((8, 4))
    for start, length, label in zip(train.starts, train.lengths, train.labels):
        begin = start + (length - 16) // 2
        window = train.log_mel[begin : begin + 16].astype(np.float32)[None]
        embedding = embed(cepstra_with_derivatives(window, inputs.feature_settings))[0]
        expected[:, label] += embedding / np.linalg.norm(embedding)
    np.testing.assert_allclose(mean_directions(state.embedder, state.options, inputs), expected, atol=1e-5)
