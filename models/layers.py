"""Layers that Keras does not have, or has slower."""

import keras
import tensorflow as tf
from keras import layers

LEAST_VARIANCE = 1e-5  # keeps the square root's gradient finite


@keras.saving.register_keras_serializable("deep_speaker")
class FusedBatchNormalization(layers.BatchNormalization):
    """Batch normalisation of (batch, frames, channels), in training by one operation of TensorFlow instead of nine.

    Weights, names and results are those of `keras.layers.BatchNormalization`.
    """

    def call(self, inputs, training=None, mask=None):
        """Normalise by the batch in training, else by the moving statistics."""
        if not (training and self.trainable):
            return super().call(inputs, training=training, mask=mask)
        normalised = tf.raw_ops.FusedBatchNormV3(
            x=tf.expand_dims(inputs, 1),  # (batch, 1, frames, channels)
            scale=tf.convert_to_tensor(self.gamma),
            offset=tf.convert_to_tensor(self.beta),
            mean=[],
            variance=[],
            epsilon=self.epsilon,
            is_training=True,
        )
        count = tf.cast(tf.size(inputs) // tf.shape(inputs)[-1], tf.float32)
        variance = normalised.batch_variance * (count - 1) / count  # the operation's is an unbiased estimate
        for moving, batch in ((self.moving_mean, normalised.batch_mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + batch * (1 - self.momentum))
        return tf.squeeze(normalised.y, 1)


@keras.saving.register_keras_serializable("deep_speaker")
class StatisticsPooling(layers.Layer):
    """Mean and standard deviation over time (Snyder et al., "X-Vectors", 2018, section 2).

    Any number of frames becomes one vector: (batch, frames, units) -> (batch, 2 * units).
    """

    def call(self, frames):
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

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"expected at least one unit. Received: units={units}")
        self.units = units

    def build(self, input_shape) -> None:
        """Create the weights (embedding_size, units)."""
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="kernel")

    def call(self, embeddings):
        """(batch, embedding_size) -> (batch, units), in [-1, 1]."""
        return keras.ops.matmul(keras.ops.normalize(embeddings, axis=-1), keras.ops.normalize(self.kernel, axis=0))

    def get_config(self) -> dict:
        """What it takes to build the layer again."""
        return {**super().get_config(), "units": self.units}
