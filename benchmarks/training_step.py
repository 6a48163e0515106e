"""What a gradient step takes, and whether it ever waits for its batch. Prints a JSON line for each stage.

    python benchmarks/training_step.py [--hours 44] [--speakers 109] [--steps 100]

On made-up inputs of VCTK's size: the network alone, on the same batch again and again; the input side alone, which
draws windows, stacks them, and disturbs them; and both as in training, where a thread draws the next batch during the
step. All in milliseconds a step, medians after a warm-up; also the share of all steps that is spent waiting, and the
most memory that the process had resident.
"""

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import TYPE_CHECKING

import numpy as np
from made_up_inputs import VCTK_HOURS, VCTK_SPEAKERS, inputs_bytes, write_inputs
from measure import progress, report
from peak_memory import KIB

from batcher.inputs import TrainingInputs, load_inputs
from batcher.sampling.sampler import Batch, batches
from models.backend import load_tensorflow
from training.options import DEFAULTS, SOFTMAX, TRIPLET, TrainingOptions

if TYPE_CHECKING:  # it needs TensorFlow, which is loaded in `main`
    from training.stages import Stage

WARM_UP = 20  # steps, in which TensorFlow compiles
LATE = 1.0  # ms; a batch that is waited for longer was not ready


def main() -> None:
    """Make the inputs up and measure both stages on them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flag = parser.add_argument
    flag("--hours", type=float, default=VCTK_HOURS, help="of speech (default: %(default)s)")
    flag("--speakers", type=int, default=VCTK_SPEAKERS, help="(default: %(default)s)")
    flag("--steps", type=int, default=100, help="to take the median of (default: %(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "full_inputs.pkl"
        write_inputs(path, args.hours, args.speakers)
        inputs = load_inputs(path)
        load_tensorflow()
        for name in (SOFTMAX, TRIPLET):
            progress(f"{name}: {args.steps} steps of each kind")
            options = TrainingOptions(name, path, Path(folder), **dataclasses.asdict(DEFAULTS[name]))
            report_stage(build_stage(options, inputs), args, inputs_bytes(path))


def build_stage(options: TrainingOptions, inputs: TrainingInputs) -> "Stage":
    """The stage with random weights, as at the beginning of a run."""
    from training.initialization import build_start
    from training.stages import STAGES

    return STAGES[options.stage](options, inputs, build_start(options, inputs, None))


def report_stage(stage: "Stage", args: argparse.Namespace, size: int) -> None:
    """Print the figures of one stage, on inputs of `size` bytes."""
    network = network_alone(stage, args.steps)
    plain = build_stage(dataclasses.replace(stage.options, augmentation=False), stage.inputs)
    drawing, drawing_plain = (float(np.median(input_alone(one, args.steps))) for one in (stage, plain))
    cpu = time.process_time()
    waits, steps = training_loop(stage, args.steps)
    cpu = time.process_time() - cpu
    alone = float(np.median(network))
    report(
        "training_step",
        stage=stage.options.stage,
        **{"hours": args.hours, "speakers": args.speakers, "batch_size": stage.options.batch_size, "steps": args.steps},
        network_ms=alone,
        input_ms=drawing,
        input_without_augmentation_ms=drawing_plain,
        input_share_of_network=drawing / alone,
        loop_step_ms=float(np.median(steps)),
        loop_wait_ms=float(np.median(waits)),
        loop_longest_wait_ms=float(waits.max()),
        late_batches=int((waits > LATE).sum()),
        waiting_share=float(waits.sum() / (waits.sum() + steps.sum())),
        loop_step_cpu_ms=1e3 * cpu / (WARM_UP + args.steps),
        peak_mb=getrusage(RUSAGE_SELF).ru_maxrss * KIB / 1e6,
        inputs_mb=size / 1e6,
    )


def network_alone(stage: "Stage", steps: int) -> np.ndarray:
    """Milliseconds of each step on one batch."""
    batch = stage.draw(np.random.default_rng(0))
    times = [milliseconds(take_step, stage, batch)[0] for _ in range(WARM_UP + steps)]
    return np.array(times[WARM_UP:])


def input_alone(stage: "Stage", steps: int) -> np.ndarray:
    """Milliseconds of drawing each batch, windows, disturbances, cepstra and all; nothing else runs meanwhile."""
    times = [milliseconds(stage.draw, np.random.default_rng([0, step]))[0] for step in range(WARM_UP + steps)]
    return np.array(times[WARM_UP:])


def training_loop(stage: "Stage", steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Milliseconds that each step waits for its batch, and that it then takes."""
    waits, taken = [], []
    with closing(batches(stage.draw, stage.options.seed, 0)) as drawn:
        for _ in range(WARM_UP + steps):
            wait, batch = milliseconds(next, drawn)
            waits.append(wait)
            taken.append(milliseconds(take_step, stage, batch)[0])
    return np.array(waits[WARM_UP:]), np.array(taken[WARM_UP:])


def take_step(stage: "Stage", batch: Batch) -> dict[str, float]:
    """One gradient step, its report read as in training."""
    return {name: float(value) for name, value in stage.step(*batch).items()}


def milliseconds(function: Callable, *arguments: object) -> tuple[float, object]:
    """How long a call takes, and what it returns."""
    began = time.perf_counter()
    result = function(*arguments)
    return 1e3 * (time.perf_counter() - began), result


if __name__ == "__main__":
    main()
