"""The embedding network and the cosine head."""

import dataclasses

import keras
import numpy as np
import pytest
import tiny

from models.checkpoint import CheckpointError
from models.network import (
    L2_LAYER,
    CosineLogits,
    assign,
    build_embedder,
    build_head,
    by_path,
    check_size,
    restore_embedder,
)
from models.network_options import NetworkOptions

TINY = tiny.TinyNetworkOptions()
MEAN, DEVIATION = np.linspace(-1, 1, 6, dtype=np.float32), np.linspace(1, 2, 6, dtype=np.float32)


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(7)


def frames(batch=5, length=16, scale=3.0):
    return np.random.default_rng(1).normal(0, scale, (batch, length, 6)).astype(np.float32)


def embedder(**changes):
    return build_embedder(dataclasses.replace(TINY, **changes), MEAN, DEVIATION)


def test_the_default_network_has_about_100_000_weights():
    options = NetworkOptions()
    size = options.feature_size
    network = build_embedder(options, np.zeros(size, np.float32), np.ones(size, np.float32))
    assert 80_000 <= sum(int(np.prod(v.shape)) for v in network.trainable_variables) <= 110_000


@pytest.mark.parametrize("length", [1, 2, 7, 16, 61])
def test_any_number_of_frames_gives_one_embedding_each(length):
    embeddings = embedder()(frames(length=length)).numpy()
    assert embeddings.shape == (5, TINY.embedding_size)
    assert np.isfinite(embeddings).all()


def test_normalised_embeddings_have_length_1_by_the_layer_of_that_name():
    network = embedder(normalize_embeddings=True)
    assert isinstance(network.get_layer(L2_LAYER), keras.layers.UnitNormalization)
    assert L2_LAYER == "l2_normalization"
    np.testing.assert_allclose(np.linalg.norm(network(frames()), axis=1), 1, atol=1e-5)


def test_embeddings_keep_their_length_unless_asked():
    network = embedder()
    assert L2_LAYER not in {layer.name for layer in network.layers}
    assert not np.allclose(np.linalg.norm(network(frames()), axis=1), 1, atol=1e-2)


@pytest.mark.parametrize(("activation", "low", "high"), [("sigmoid", 0, 1), ("tanh", -1, 1)])
def test_activations_bound_the_values(activation, low, high):
    network = embedder(embedding_activation=activation)
    kernel, bias = network.get_layer("embedding").weights
    network.get_layer("embedding").set_weights([100 * kernel.numpy(), bias.numpy()])
    embeddings = network(frames()).numpy()
    assert low <= embeddings.min() < low + 0.1
    assert high - 0.1 < embeddings.max() <= high


def test_linear_embeddings_are_not_bounded():
    network = embedder()
    kernel, bias = network.get_layer("embedding").weights
    network.get_layer("embedding").set_weights([100 * kernel.numpy(), bias.numpy()])
    assert np.abs(network(frames())).max() > 1


def test_features_are_normalised_with_the_given_mean_and_deviation():
    raw = frames()
    plain = build_embedder(TINY, np.zeros(6, np.float32), np.ones(6, np.float32))
    normalising = embedder()
    normalising.set_weights(plain.get_weights())
    np.testing.assert_allclose(normalising(raw), plain((raw - MEAN) / DEVIATION), atol=1e-4)


def test_training_moves_the_batch_statistics_and_inference_does_not():
    network = embedder()
    before = [v.numpy() for v in network.non_trainable_variables]
    network(frames(), training=False)
    assert all((a == b.numpy()).all() for a, b in zip(before, network.non_trainable_variables))
    network(frames(), training=True)
    assert any((a != b.numpy()).any() for a, b in zip(before, network.non_trainable_variables))


def test_cosine_logits_correctness():
    rng = np.random.default_rng(3)
    layer = CosineLogits(4)
    embeddings = rng.normal(0, 5, (6, 8)).astype(np.float32)
    cosines = layer(embeddings).numpy()
    kernel = layer.kernel.numpy()
    expected = [[e @ w / np.linalg.norm(e) / np.linalg.norm(w) for w in kernel.T] for e in embeddings]
    np.testing.assert_allclose(cosines, expected, atol=1e-5)


def test_cosine_logits_ignore_lengths():
    layer, embeddings = CosineLogits(3), frames()[:, 0]
    np.testing.assert_allclose(layer(embeddings), layer(40 * embeddings), atol=1e-5)


@pytest.mark.parametrize("units", [0, -2])
def test_cosine_logits_invalid_units(units):
    with pytest.raises(ValueError, match=f"at least one unit. Received: units={units}"):
        CosineLogits(units)


def test_cosine_logits_survive_serialisation():
    layer = CosineLogits(5, name="speakers")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is CosineLogits
    assert (again.units, again.name) == (5, "speakers")


def test_the_whole_network_survives_serialisation():
    for network in (embedder(normalize_embeddings=True), build_head(TINY, 4)):
        again = keras.Model.from_config(network.get_config())
        again.set_weights(network.get_weights())
        given = frames() if network.name == "embedder" else frames()[:, 0].repeat(2, axis=1)[:, :8]
        np.testing.assert_allclose(again(given), network(given), atol=1e-6)


def test_the_head_has_a_cosine_for_each_speaker():
    cosines = build_head(TINY, 9)(np.random.default_rng(0).normal(size=(3, TINY.embedding_size))).numpy()
    assert cosines.shape == (3, 9)
    assert np.abs(cosines).max() <= 1 + 1e-6


def stored(network):
    arrays = {f"embedder/{v.path}": v.numpy() for v in network.variables}
    statistics = {"normalization/mean": MEAN, "normalization/deviation": DEVIATION}
    return tiny.checkpoint({"network": dataclasses.asdict(TINY)}, {**arrays, **statistics})


def test_a_restored_network_gives_the_same_embeddings():
    keras.utils.clear_session()  # as in a new process
    trained = embedder()
    trained(frames(), training=True)
    checkpoint, expected = stored(trained), trained(frames()).numpy()
    keras.utils.clear_session()
    again = restore_embedder(checkpoint)
    np.testing.assert_array_equal(again(frames()), expected)


def test_two_networks_may_be_restored_in_one_process():
    checkpoint = stored(embedder())
    restore_embedder(checkpoint)
    restore_embedder(checkpoint)


@pytest.mark.parametrize("damage", ["missing", "shape", "texts"])
def test_weights_that_do_not_fit_are_refused(damage):
    head = build_head(TINY, 4)
    arrays = {v.path: v.numpy() for v in head.variables}
    path = next(iter(arrays))
    arrays = {"missing": {}, "shape": {path: arrays[path][:, :3]}, "texts": {path: arrays[path].astype(str)}}[damage]
    with pytest.raises(CheckpointError, match=rf"head/{path} of shape \(8, 4\)"):
        assign(by_path(head), arrays, "head")


def test_a_network_larger_than_its_weights_is_refused_before_it_is_built():
    checkpoint = stored(embedder())
    check_size(checkpoint)
    description = dataclasses.replace(checkpoint.description, network=dataclasses.replace(TINY, gru_units=4000))
    with pytest.raises(CheckpointError, match=r"does not fit the network: expected 48\d+ values or more in embedder/"):
        restore_embedder(dataclasses.replace(checkpoint, description=description))


def test_the_weights_that_options_count_are_those_that_train():
    for options in (TINY, NetworkOptions()):
        size = options.feature_size
        network = build_embedder(options, np.zeros(size, np.float32), np.ones(size, np.float32))
        assert options.weights == sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"normalization/mean": MEAN[:3]},
        {"normalization/mean": MEAN.astype(np.float64)},
        {"normalization/deviation": np.full(6, np.nan, np.float32)},
    ],
)
def test_a_checkpoint_without_usable_statistics_is_refused(arrays):
    checkpoint = stored(embedder())
    others = {name: array for name, array in checkpoint.arrays.items() if arrays or "normalization" not in name}
    with pytest.raises(CheckpointError, match="does not fit the network: expected normalization/"):
        restore_embedder(dataclasses.replace(checkpoint, arrays={**others, **arrays}))
