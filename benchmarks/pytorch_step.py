"""What a gradient step takes in TensorFlow, and in PyTorch. Prints a JSON line for each kind of batch.

    python benchmarks/pytorch_step.py [--steps 100] [--threads 2] [--compile]

PyTorch is needed for nothing else, so it is installed by hand. The same network with the same weights takes steps on
the same batch, in one process and in turns of ten steps; the other library is idle meanwhile. Before that, both must
agree: embeddings and gradients from equal weights, and the loss after a few steps of Adam.

Run it on an idle machine: PyTorch's threads wait for one another many times a step, so where other programs use a core
(`cores_that_others_used`) it suffers far more than TensorFlow. `--threads 1` and processor times are nearly immune.
"""

import argparse
import dataclasses
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from made_up_inputs import VCTK_SPEAKERS, write_inputs
from measure import Cost, cores, progress, report, timed
from training_step import build_stage, take_step

from batcher.inputs import TrainingInputs, load_inputs
from batcher.sampling.sampler import Batch
from models.backend import load_tensorflow
from training.options import DEFAULTS, RANDOM_BATCH, SOFTMAX, TRIPLET, TrainingOptions

if TYPE_CHECKING:  # it needs PyTorch, which is loaded in `main`
    from pytorch_training import PyTorchTraining

    from training.stages import Stage

HOURS = 1.0  # of made-up speech to draw from; a step does not depend on it
TURN = 10  # steps; the first of each is not counted, as it finds the other's data in the processor's caches
WARM_UP = 2  # turns, in which both libraries compile
AGREEMENT_STEPS = 10
AGREEMENT_BATCHES = (
    5  # where rounding takes a ReLU's input across 0, gradients differ: the batch with least of that counts
)
FORWARD_TOLERANCE, GRADIENT_TOLERANCE = 1e-4, 1e-3  # of the largest value
V1_STEPS = 5000
MISSING = "PyTorch is not installed; install its CPU build: pip install torch --index-url https://download.pytorch.org/whl/cpu"


def main() -> None:
    """Make inputs up, and measure each kind of batch on them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flag = parser.add_argument
    flag("--steps", type=int, default=100, help="of each library to take the median of (default: %(default)s)")
    flag("--threads", type=int, default=cores(), help="of each library (default: all cores, %(default)s)")
    flag("--compile", action="store_true", help="measure torch.compile's step too, which needs a C++ compiler")
    args = parser.parse_args()
    if find_spec("torch") is None:
        sys.exit(MISSING)
    load_tensorflow()
    set_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "full_inputs.pkl"
        write_inputs(path, HOURS, VCTK_SPEAKERS)
        inputs = load_inputs(path)
        for options in kinds_of_batch(path):
            progress(f"{options.stage}, {options.batch_size} windows: {args.steps} steps of each library")
            report("agreement", **about(options), **agreement(options, inputs))
            report("pytorch_step", **about(options), **step_times(options, inputs, args))


def set_threads(threads: int) -> None:
    """As many for each library."""
    import tensorflow as tf
    import torch

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    torch.set_num_threads(threads)


def kinds_of_batch(path: Path) -> list[TrainingOptions]:
    """The defaults of two stages, and v1's 900 windows.

    (Of the triplets, batch-hard ones: which ones are semi-hard turns on the last digit, so gradients would differ.)
    """
    softmax, triplet = (
        TrainingOptions(name, path, path, **dataclasses.asdict(DEFAULTS[name])) for name in (SOFTMAX, TRIPLET)
    )
    triplet = dataclasses.replace(triplet, triplet_selection="hard")
    return [softmax, triplet, dataclasses.replace(triplet, batch_size=RANDOM_BATCH, triplet_selection="random")]


def about(options: TrainingOptions) -> dict:
    """Which batch a line is about."""
    triplets = {"triplets": options.triplet_selection} if options.stage == TRIPLET else {}
    return {"stage": options.stage, "batch_size": options.batch_size, **triplets, "torch": version("torch")}


def agreement(options: TrainingOptions, inputs: TrainingInputs) -> dict[str, float]:
    """How far both are apart, without dropout, whose masks differ.

    Raises:
        SystemExit: too far for a comparison of times to mean anything.
    """
    from pytorch_training import PyTorchTraining

    stage = build_stage(dataclasses.replace(options, augmentation=False), inputs)
    pytorch = PyTorchTraining(stage)
    drawn = [stage.draw(np.random.default_rng(seed)) for seed in range(AGREEMENT_BATCHES)]
    figures = {
        "embedding_difference": max(
            relative_difference(stage.embed(b.windows), pytorch.embed(b.windows)) for b in drawn
        ),
        "gradient_difference": min(gradient_difference(stage, pytorch, b) for b in drawn),
    }
    losses = [[step(drawn[0]) for _ in range(AGREEMENT_STEPS)] for step in (keras_step(stage), pytorch.step)]
    for name, loss in zip(("tensorflow", "pytorch"), losses):
        figures |= {f"{name}_first_loss": loss[0], f"{name}_loss_after_{AGREEMENT_STEPS - 1}_steps": loss[-1]}
    if figures["embedding_difference"] > FORWARD_TOLERANCE or figures["gradient_difference"] > GRADIENT_TOLERANCE:
        sys.exit(f"the networks differ, so their times can't be compared: {figures}")
    return figures


def gradient_difference(stage: "Stage", pytorch: "PyTorchTraining", batch: Batch) -> float:
    """Of the variable where they differ most, with the softmax's margin in full."""
    import tensorflow as tf

    from training.stages import MARGIN_WARM_UP

    stage.state.optimizer.iterations.assign(MARGIN_WARM_UP)
    with tf.GradientTape() as tape:
        loss, _ = stage.loss(*map(tf.constant, batch))
    stage.state.optimizer.iterations.assign(0)
    variables = stage.state.trainable_variables
    expected = {v.path: g.numpy() for v, g in zip(variables, tape.gradient(loss, variables))}
    return max(relative_difference(a, b) for a, b in pytorch.beside_gradients(expected, batch, MARGIN_WARM_UP))


def relative_difference(expected: np.ndarray, received: np.ndarray) -> float:
    """The largest, as a share of the largest value."""
    return float(np.abs(expected - received).max() / np.abs(expected).max())


def step_times(options: TrainingOptions, inputs: TrainingInputs, args: argparse.Namespace) -> dict[str, float]:
    """Milliseconds of a step, and the first library's as a multiple of the second's."""
    from pytorch_training import PyTorchTraining

    stage = build_stage(options, inputs)
    batch = stage.draw(np.random.default_rng(0))
    steps = {"tensorflow": keras_step(stage), "pytorch": PyTorchTraining(stage).step}
    if args.compile:
        steps["compiled_pytorch"] = PyTorchTraining(stage, compiled=True).step
    busy, began = busy_seconds(), time.perf_counter()
    costs = []
    whole = timed(lambda: costs.extend(in_turns(list(steps.values()), batch, args.steps)))
    figures = {"threads": args.threads, "steps": args.steps}
    for name, taken in zip(steps, costs):
        figures |= library_figures(name, taken, options.batch_size)
    for kind in ("", "_best", "_cpu"):
        ratio = figures[f"tensorflow{kind}_ms"] / figures[f"pytorch{kind}_ms"]
        figures[f"tensorflow_over_pytorch{kind}"] = ratio
    others = (busy_seconds() - busy - whole.cpu) / (time.perf_counter() - began)
    return {**figures, "cores_that_others_used": max(others, 0.0)}


def library_figures(name: str, costs: Sequence[Cost], batch_size: int) -> dict[str, float]:
    """Median and best time of a step, and median processor time, which other programs disturb least."""
    wall, cpu = (1e3 * np.array([getattr(cost, kind) for cost in costs]) for kind in ("wall", "cpu"))
    figures = {"ms": np.median(wall), "best_ms": wall.min(), "cpu_ms": np.median(cpu)}
    if batch_size == RANDOM_BATCH:
        minutes = {"minutes": figures["ms"], "best_minutes": figures["best_ms"]}
        figures |= {f"{kind}_for_{V1_STEPS}_steps": V1_STEPS * ms / 60e3 for kind, ms in minutes.items()}
    return {f"{name}_{kind}": float(value) for kind, value in figures.items()}


def in_turns(steps: Sequence[Callable], batch: Batch, count: int) -> list[list[Cost]]:
    """What `count` steps of each took: ten of the first, ten of the second, and so on."""
    costs = [[] for _ in steps]
    while min(map(len, costs)) < count + WARM_UP * (TURN - 1):
        for step, taken in zip(steps, costs):
            taken += [timed(step, batch) for _ in range(TURN)][1:]
    return [taken[-count:] for taken in costs]


def busy_seconds() -> float:
    """Processor time that all processes of this machine have used, by Linux's account."""
    user, nice, system, *_ = map(int, Path("/proc/stat").read_text(encoding="ascii").split("\n")[0].split()[1:])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def keras_step(stage: "Stage") -> Callable[[Batch], float]:
    """The stage's step as a function that returns the loss."""
    return lambda batch: take_step(stage, batch)["loss"]


if __name__ == "__main__":
    main()
