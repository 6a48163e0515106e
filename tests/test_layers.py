"""Layers of our own against Keras's, or against a plain computation."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.layers import FusedBatchNormalization, UnrolledGRU

UNITS = 7
LAYERS = {
    "gru": (UnrolledGRU, keras.layers.GRU, {"units": UNITS, "return_sequences": True}),
    "batch_norm": (FusedBatchNormalization, keras.layers.BatchNormalization, {"momentum": 0.9}),
}


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(5)


def pair(name: str):
    """Our layer and Keras's, with equal weights that are not those of the beginning."""
    own, theirs, options = LAYERS[name]
    layers = own(**options), theirs(**options)
    for layer in layers:
        layer.build((None, 9, 5))
    weights = [np.abs(np.random.default_rng(1).normal(0.5, 0.3, array.shape)) for array in layers[0].get_weights()]
    for layer in layers:
        layer.set_weights(weights)
    return layers


def sequences(frames=9):
    return tf.constant(np.random.default_rng(2).normal(0, 2, (6, frames, 5)), tf.float32)


def with_gradients(layer, inputs):
    """Outputs, gradients of a loss that weighs every output differently, and the weights afterwards."""
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs, training=True)
        share = tf.cast(tf.reshape(tf.range(tf.size(outputs)), tf.shape(outputs)), tf.float32)
        loss = tf.reduce_mean(outputs * tf.sin(share))
    variables = [variable.value for variable in layer.trainable_variables]
    return outputs, tape.gradient(loss, [inputs, *variables]), layer.get_weights()


@pytest.mark.parametrize("name", LAYERS)
def test_training_gives_keras_outputs_gradients_and_statistics(name):
    own, theirs = (with_gradients(layer, sequences()) for layer in pair(name))
    tf.nest.map_structure(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6), own, theirs)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("frames", [1, 4, 9])
def test_inference_gives_keras_outputs(name, frames):
    own, theirs = pair(name)
    np.testing.assert_allclose(own(sequences(frames)), theirs(sequences(frames)), atol=1e-6)


@pytest.mark.parametrize("name", LAYERS)
def test_layers_can_be_built_again_from_their_configuration(name):
    own, _ = pair(name)
    again = type(own).from_config(own.get_config())
    again.build((None, 9, 5))
    assert [array.shape for array in again.get_weights()] == [array.shape for array in own.get_weights()]


def test_a_gru_unrolls_only_what_has_a_known_length():
    own, theirs = pair("gru")
    anything = [tf.TensorSpec((None, None, 5), tf.float32)]
    run = [
        tf.function(lambda x, layer=layer: layer(x, training=True), input_signature=anything) for layer in (own, theirs)
    ]
    np.testing.assert_allclose(run[0](sequences()), run[1](sequences()), atol=1e-6)


def test_a_frozen_batch_normalisation_keeps_its_statistics():
    own, _ = pair("batch_norm")
    own.trainable = False
    before = own.get_weights()
    own(sequences(), training=True)
    for kept, now in zip(before, own.get_weights()):
        np.testing.assert_array_equal(kept, now)
