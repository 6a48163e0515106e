"""A worker of a tiny training run, as a process of its own: the product's command on the tiny network.

python tests/training_worker.py EPOCH_STEPS ARGUMENTS... runs `train_cli.py ARGUMENTS...`. `DIE_AT_STEP` in its
environment kills it when it is to take that step, counted from 1 in this process, and `END_AT_STEP` asks it to end;
`CPU_DEVICES` makes TensorFlow see
so many processors, to mirror over; `LOSS_FACTOR` is what the losses that it reports are multiplied by.
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
        for name, number in (("DIE_AT_STEP", signal.SIGKILL), ("END_AT_STEP", signal.SIGTERM)):
            if step := int(os.environ.get(name, "0")):
                send_at(patch, step, number)
        scale_losses(patch, float(os.environ.get("LOSS_FACTOR", "1")))
        return train_cli.main()


def scale_losses(patch, factor: float) -> None:
    """Let this process see other losses than it computes."""
    from training.position import Position

    plain = Position.add
    patch.setattr(Position, "add", lambda self, report: plain(self, {**report, "loss": factor * report["loss"]}))


def send_at(patch, step: int, number: int) -> None:
    """Send this process a signal when it is to take this step."""
    from training.run import _Run

    plain, taken = _Run._step, []

    def stepping(run, batch):
        taken.append(1)
        if len(taken) == step:
            os.kill(os.getpid(), number)
        plain(run, batch)

    patch.setattr(_Run, "_step", stepping)


if __name__ == "__main__":
    sys.exit(main())
