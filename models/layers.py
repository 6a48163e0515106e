"""Layers that Keras does not have, or has slower."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from models.replicas import gathered, replica_count, summed

LEAST_VARIANCE = 1e-5  # keeps the square root's gradient finite

Gradient = Callable[[tf.Tensor], tuple[tf.Tensor, ...]]  # from that of the outcome to those of the arguments


@keras.saving.register_keras_serializable("deep_speaker")
class FusedBatchNormalization(layers.BatchNormalization):
    """Batch normalisation of (batch, frames, channels), in training by one operation of TensorFlow instead of nine.

    Weights, names and results are those of `keras.layers.BatchNormalization`. Where several replicas take a step
    together, its moments are those of all their inputs, of which each replica has as many.
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None) -> tf.Tensor:
        """Normalise by the batch in training, else by the moving statistics."""
        if not (training and self.trainable):
            return super().call(inputs, training=training, mask=mask)
        if replica_count() > 1:
            normalised, mean, variance = _normalised_across(inputs, self.gamma, self.beta, self.epsilon)
            self._follow(mean, variance)
            return normalised
        normalised = tf.raw_ops.FusedBatchNormV3(
            x=tf.expand_dims(inputs, 1),  # (batch, 1, frames, channels)
            scale=tf.cast(self.gamma, tf.float32),  # Keras hands them out in the precision of the inputs
            offset=tf.cast(self.beta, tf.float32),
            mean=[],
            variance=[],
            epsilon=self.epsilon,
            is_training=True,
        )
        count = tf.cast(tf.size(inputs) // tf.shape(inputs)[-1], tf.float32)
        variance = normalised.batch_variance * (count - 1) / count  # the operation's is an unbiased estimate
        self._follow(normalised.batch_mean, variance)
        return tf.squeeze(normalised.y, 1)

    def _follow(self, mean: tf.Tensor, variance: tf.Tensor) -> None:
        """Move the moving statistics towards those of a batch, each (channels,)."""
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + batch * (1 - self.momentum))


def _normalised_across(
    inputs: tf.Tensor, scale: keras.Variable, offset: keras.Variable, epsilon: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Batch normalisation over all replicas: normalised (batch, frames, channels), mean and variance, (channels,).

    Every replica's moments are gathered and put together as in Chan et al., "Updating Formulae and a Pairwise Algorithm
    for Computing Sample Variances" (1979): sums of squares would cancel in 32 bits. The gradient needs the sums of all
    replicas, too; those of scale and offset are of this replica's part.
    """

    @tf.custom_gradient
    def normalise(x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) -> tuple[tuple[tf.Tensor, ...], Gradient]:
        plain = tf.cast(x, tf.float32)
        own_mean, own_variance = tf.nn.moments(plain, (0, 1))
        means, variances = tf.unstack(gathered(tf.stack([own_mean, own_variance])[None]), axis=1)
        mean = tf.reduce_mean(means, 0)
        variance = tf.reduce_mean(variances + tf.square(means - mean), 0)
        deviation = tf.sqrt(variance + epsilon)
        unit = (plain - mean) / deviation

        def gradient(upstream: tf.Tensor, *_: tf.Tensor) -> tuple[tf.Tensor, ...]:
            upstream = tf.cast(upstream, tf.float32)
            to_offset = tf.reduce_sum(upstream, (0, 1))
            to_scale = tf.reduce_sum(upstream * unit, (0, 1))
            count = tf.cast(tf.size(x) // tf.shape(x)[-1], tf.float32) * replica_count()
            sum_all, sum_units = tf.unstack(summed(tf.stack([to_offset, to_scale])))
            to_x = scale / deviation * (upstream - (sum_all + unit * sum_units) / count)
            return tf.cast(to_x, x.dtype), to_scale, to_offset

        return (tf.cast(unit * scale + offset, x.dtype), mean, variance), gradient

    return normalise(inputs, tf.cast(scale, tf.float32), tf.cast(offset, tf.float32))


@keras.saving.register_keras_serializable("deep_speaker")
class StatisticsPooling(layers.Layer):
    """Mean and standard deviation over time (Snyder et al., "X-Vectors", 2018, section 2).

    Any number of frames becomes one vector: (batch, frames, units) -> (batch, 2 * units).
    """

    def call(self, frames: tf.Tensor) -> tf.Tensor:
        """Pool; a single frame has next to no deviation (the root of `LEAST_VARIANCE`)."""
        mean = keras.ops.mean(frames, axis=1)
        deviation = keras.ops.sqrt(keras.ops.var(frames, axis=1) + LEAST_VARIANCE)
        return keras.ops.concatenate([mean, deviation], axis=-1)


@keras.saving.register_keras_serializable("deep_speaker")
class CosineLogits(layers.Layer):
    """A dense layer on directions alone: logits are the cosines between the input and each unit's weights.

    Without lengths to play with, the softmax has to separate speakers by angle, which is what distances are taken in
    later (Wang et al., "Additive Margin Softmax for Face Verification", 2018, section 3).

    Args:
        units: number of speakers.
    """

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"expected at least one unit. Received: units={units}")
        self.units = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights (embedding_size, units)."""
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="kernel")

    def call(self, embeddings: tf.Tensor) -> tf.Tensor:
        """(batch, embedding_size) -> (batch, units), in [-1, 1]."""
        return keras.ops.matmul(keras.ops.normalize(embeddings, axis=-1), keras.ops.normalize(self.kernel, axis=0))

    def get_config(self) -> dict:
        """What it takes to build the layer again."""
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("deep_speaker")
class UnrolledGRU(layers.GRU):
    """A GRU from zero to the states of all frames, which trains faster than Keras's.

    Weights, names and results are those of `keras.layers.GRU`, and so are the equations: Cho et al., "Learning Phrase
    Representations using RNN Encoder-Decoder" (2014), with the reset gate after the matrix product, as cuDNN has it.
    Keras steps through time in a loop of TensorFlow's. Here the frames are unrolled, and the gradient is written out:
    what the input contributes to the gates, and what the gates contribute to the weights' gradients, is each a single
    product over all frames.
    """

    def call(
        self,
        sequences: tf.Tensor,
        initial_state: tf.Tensor | None = None,
        mask: tf.Tensor | None = None,
        training: bool = False,
    ) -> tf.Tensor:
        """(batch, frames, channels) -> (batch, frames, units); Keras's own way unless the number of frames is known."""
        if not training or sequences.shape[1] is None:
            return super().call(sequences, initial_state=initial_state, mask=mask, training=training)
        input_bias, bias = tf.unstack(tf.convert_to_tensor(self.cell.bias))
        flat = tf.reshape(tf.transpose(sequences, (1, 0, 2)), (-1, sequences.shape[2]))  # (frames * batch, channels)
        gates = tf.matmul(flat, tf.convert_to_tensor(self.cell.kernel)) + input_bias
        gates = tf.reshape(gates, (sequences.shape[1], -1, 3 * self.units))  # (frames, batch, 3 * units)
        states = _states(gates, tf.convert_to_tensor(self.cell.recurrent_kernel), bias)
        return tf.transpose(states, (1, 0, 2))


@tf.custom_gradient
def _states(gates: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
    """The input's part of the gates (frames, batch, 3 * units) to states (frames, batch, units).

    Args:
        kernel, bias: of the recurrent part, (units, 3 * units) and (3 * units,); update, reset, new in this order.
    """
    units = kernel.shape[0]
    state = tf.zeros_like(gates[0, :, :units])
    states, kept = [state], []
    for gate in tf.unstack(gates):
        recurrent = tf.matmul(state, kernel) + bias
        both = tf.sigmoid(gate[:, : 2 * units] + recurrent[:, : 2 * units])
        update, reset = both[:, :units], both[:, units:]
        new = tf.tanh(gate[:, 2 * units :] + reset * recurrent[:, 2 * units :])
        state = new + update * (state - new)
        states.append(state)
        kept.append((update, reset, new, recurrent[:, 2 * units :]))

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
        to_state, to_gates, to_recurrent = tf.zeros_like(state), [], []
        for before, (update, reset, new, recurrent), above in zip(
            states[-2::-1], kept[::-1], tf.unstack(upstream)[::-1]
        ):
            to_state += above
            to_new = to_state * (1 - update) * (1 - new * new)
            to_update = to_state * (before - new) * update * (1 - update)
            to_reset = to_new * recurrent * reset * (1 - reset)
            to_gates.append(tf.concat([to_update, to_reset, to_new], 1))
            to_recurrent.append(tf.concat([to_update, to_reset, to_new * reset], 1))
            to_state = to_state * update + tf.matmul(to_recurrent[-1], kernel, transpose_b=True)
        rows = tf.concat(to_recurrent[::-1], 0)  # (frames * batch, 3 * units)
        to_kernel = tf.matmul(tf.concat(states[:-1], 0), rows, transpose_a=True)
        return tf.stack(to_gates[::-1]), to_kernel, tf.reduce_sum(rows, 0)

    return tf.stack(states[1:]), gradient
