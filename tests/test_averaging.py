"""The average of the weights, against a plain loop, and what is done with it."""

import keras
import numpy as np
import pytest
import tiny

from models.checkpoint import load_checkpoint, save_checkpoint
from training.network_state import MOMENTUM, WARM_UP, Trained, build_state, variables_of
from training.stages import STAGES


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.clear_session()
    keras.utils.set_random_seed(3)
    with tiny.eagerly():
        yield


def state(averaged=True, speakers=4, train_embedder=True):
    ones = np.ones(6, np.float32)
    trained = Trained.ALL if train_embedder else Trained.NOTHING
    return build_state(tiny.TinyNetworkOptions(), (0 * ones, ones), speakers, trained, 0.02, averaged)


def trained(made, tmp_path, steps, name="softmax"):
    """Take steps; the values of all weights before the first step and after each."""
    stage = STAGES[name](tiny.training_options(tmp_path, name), tiny.inputs(), made)
    seen = [values(variables_of(made.embedder, made.head))]
    for step in range(steps):
        stage.step(*stage.draw(np.random.default_rng(step)))
        seen.append(values(variables_of(made.embedder, made.head)))
    return stage, seen


def values(variables):
    return [variable.numpy().copy() for variable in variables]


def test_the_average_is_that_of_a_plain_loop_and_batch_statistics_are_averaged_too(tmp_path):
    made = state()
    _, seen = trained(made, tmp_path, steps=5)
    average = [np.float64(array) for array in seen[0]]
    for step, weights in enumerate(seen[1:], start=1):
        momentum = min(MOMENTUM, (1 + step) / (WARM_UP + step))
        average = [momentum * a + (1 - momentum) * w for a, w in zip(average, weights)]
    for mine, expected in zip(values(made.average.variables), average, strict=True):
        np.testing.assert_allclose(mine, expected, atol=1e-6)
    assert any("moving_variance" in v.path for v in made.average.variables)


def test_what_is_measured_and_saved_is_the_average(tmp_path):
    made = state()
    stage, _ = trained(made, tmp_path, steps=3)
    windows = stage.draw(np.random.default_rng(9)).windows
    np.testing.assert_allclose(stage.embed(windows), made.average.embedder(windows), atol=1e-6)
    assert not np.allclose(stage.embed(windows), made.embedder(windows, training=False), atol=1e-3)
    arrays = made.arrays()
    for prefix, model in (("", made.average), ("trained_", made)):
        np.testing.assert_array_equal(arrays[f"{prefix}head/speaker_cosines/kernel"], values(model.head.variables)[0])
        np.testing.assert_array_equal(
            arrays[f"{prefix}embedder/conv_1/kernel"], model.embedder.get_layer("conv_1").kernel
        )


def test_a_checkpoint_brings_back_weights_and_average(tmp_path):
    made = state()
    trained(made, tmp_path, steps=3)
    save_checkpoint(tmp_path / "a.npz", tiny.checkpoint({}, made.arrays()))
    keras.utils.clear_session()
    again = state()
    again.restore(load_checkpoint(tmp_path / "a.npz"))
    assert again.arrays().keys() == made.arrays().keys()
    assert all((again.arrays()[name] == array).all() for name, array in made.arrays().items())


def test_a_start_from_other_weights_begins_a_new_average():
    made = state()
    start = {v.path: np.full(v.shape, 0.5, np.float32) for v in variables_of(made.embedder, None)}
    made.start_from(start)
    assert all((array == 0.5).all() for array in values(variables_of(made.average.embedder, None)))


def test_without_averaging_the_weights_themselves_are_the_result(tmp_path):
    made = state(averaged=False)
    assert made.result_embedder is made.embedder
    assert made.result_head is made.head
    assert not any(name.startswith("trained_") for name in made.arrays())


def test_the_average_of_a_frozen_embedder_is_the_embedder_to_the_bit(tmp_path):
    made = state(train_embedder=False)
    before = values(variables_of(made.embedder, None))
    trained(made, tmp_path, steps=4, name="softmax_frozen")
    after = values(variables_of(made.average.embedder, None))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(after, before, strict=True))
