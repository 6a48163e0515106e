"""A step in mixed precision by two replicas, as a process of its own, since TensorFlow divides its processor only once.

python tests/mixed_replicas.py REPLICA prints a trained weight before and after steps with gradients of 1, in the first
of which that replica's are infinite, and the factors of the loss after them.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from models.backend import load_tensorflow


def main() -> None:
    """Take the steps."""
    load_tensorflow()
    import numpy as np
    import tensorflow as tf

    devices = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], devices)
    import tiny

    from training.network_state import Trained, build_state

    size = tiny.TinyNetworkOptions.feature_size
    normalization = np.zeros(size, np.float32), np.ones(size, np.float32)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        state = build_state(tiny.TinyNetworkOptions(), normalization, 4, Trained.ALL, 0.1, mixed_precision=True)

    def step(infinite_in):
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        size = tf.where(tf.equal(replica, infinite_in), np.inf, 1.0)
        scaled = size * tf.cast(state.optimizer.dynamic_scale, tf.float32)
        state.apply([scaled * tf.ones(variable.shape) for variable in state.trainable_variables])

    weight = state.trainable_variables[0]
    weights, factors = [float(np.ravel(weight)[0])], []
    for infinite_in in (int(sys.argv[1]), -1):
        strategy.run(step, (infinite_in,))
        weights.append(float(np.ravel(weight)[0]))
        factors.append(float(state.optimizer.dynamic_scale.numpy()))
    print(json.dumps([weights, factors]))


if __name__ == "__main__":
    main()
