"""What the replicas of a network exchange within a step; nothing where there is only one."""

from collections.abc import Callable

import tensorflow as tf

Gradient = Callable[[tf.Tensor], tf.Tensor]


def replica_count() -> int:
    """How many replicas take this step together; 1 outside of a step, too."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def summed(value: tf.Tensor) -> tf.Tensor:
    """The sum of every replica's tensor; its gradient is not defined."""
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, value)


def gathered(part: tf.Tensor) -> tf.Tensor:
    """Every replica's rows one after the other: (rows, ...) -> (replicas * rows, ...); all have as many rows.

    The gradient holds where every replica computes the same loss of what is gathered and steps along 1/replicas of it:
    then the gradient of a replica's rows, summed over replicas, is known to it without asking the others.
    """
    return part if replica_count() == 1 else _gathered(part)


@tf.custom_gradient
def _gathered(part: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
    replicas, rows = replica_count(), tf.shape(part)[0]
    own = _number() * rows
    # (Zeros where the other replicas' rows go, and a sum: TensorFlow's own gathering first asks each for its size.)
    after = (replicas - 1) * rows - own
    padding = tf.concat([[[own, after]], tf.zeros((tf.rank(part) - 1, 2), tf.int32)], 0)
    whole = tf.reshape(summed(tf.pad(part, padding)), tf.concat([[replicas * rows], tf.shape(part)[1:]], 0))
    if part.shape[0] is not None:
        whole = tf.ensure_shape(whole, (replicas * part.shape[0], *part.shape[1:]))

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        return replicas * upstream[own : own + rows]

    return whole, gradient


def _number() -> tf.Tensor:
    return tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int32)
