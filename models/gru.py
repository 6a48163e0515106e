"""A GRU that trains faster than Keras's.

Equations of Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder" (2014), with the reset gate after
the matrix product, as cuDNN and Keras have it. Keras steps through time in a loop of TensorFlow's; here the frames are
unrolled, and the gradient is written out, so that what the input contributes to the gates, and what the gates
contribute to the weights' gradients, is each one product over all frames.
"""

import keras
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable("deep_speaker")
class UnrolledGRU(layers.GRU):
    """A GRU from zero to the states of all frames; weights, names and results are those of `keras.layers.GRU`."""

    def call(self, sequences, initial_state=None, mask=None, training=False):
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
def _states(gates, kernel, bias):
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

    def gradient(upstream):
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
