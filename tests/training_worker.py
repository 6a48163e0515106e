"""A worker of a tiny training run, as a process of its own: the product's command on the tiny network.

python tests/training_worker.py EPOCH_STEPS ARGUMENTS... runs `train_cli.py ARGUMENTS...`. `DIE_AT_STEP` in its
environment kills it when it is to take that step, counted from 1 in this process; `CPU_DEVICES` makes TensorFlow see
so many processors, to mirror over.
"""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import train_cli
from models.backend import load_tensorflow


def main() -> int:
    """Shrink network and epochs, and train."""
    load_tensorflow()
    import pytest
    import tensorflow as tf

    if count := int(os.environ.get("CPU_DEVICES", "0")):
        devices = [tf.config.LogicalDeviceConfiguration()] * count
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], devices)
    import tiny

    tiny.EPOCH = int(sys.argv.pop(1))
    with pytest.MonkeyPatch.context() as patch:
        tiny.shrink_training(patch)
        if death := int(os.environ.get("DIE_AT_STEP", "0")):
            die_at(patch, death)
        return train_cli.main()


def die_at(patch, step: int) -> None:
    """Kill this process, as a power cut would, when it is to take so manyth step."""
    from training.run import _Run

    plain, taken = _Run._step, []

    def stepping(run, batch):
        taken.append(1)
        if len(taken) == step:
            os.kill(os.getpid(), signal.SIGKILL)
        plain(run, batch)

    patch.setattr(_Run, "_step", stepping)


if __name__ == "__main__":
    sys.exit(main())
