"""What a gradient step takes on two workers, and what they send. Prints a JSON line for each stage and way to train.

    python benchmarks/distributed_step.py [--hours 2] [--speakers 109] [--steps 20]

On made-up inputs, with the same batches of the defaults' size: one process with a thread for TensorFlow, one with two,
and two workers on loopback with a processor core each. In milliseconds a step, batch included, the median after a
warm-up; and the bytes over loopback in both directions, by the kernel's counter, beside what the formula of
`training.exchange` says. (On one machine the workers share its memory bandwidth, and nothing is lost on a wire: this
tells what it costs to spread a step, not what more machines bring.)
"""

import argparse
import dataclasses
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
from made_up_inputs import VCTK_SPEAKERS, write_inputs
from measure import cores, progress, report

from batcher.inputs import load_inputs
from batcher.sampling.sampler import batches
from models.backend import load_tensorflow
from training.cluster import ALONE, VARIABLE, read_cluster
from training.options import DEFAULTS, MULTI_WORKER, SOFTMAX, TRIPLET, TrainingOptions

SECONDS = 1.2  # of the windows: steps of one length, compiled once
WARM_UP = 5  # steps, in which TensorFlow compiles
WORKERS = 2
COUNTERS = Path("/proc/net/dev")


def main() -> None:
    """Make the inputs up, and measure each way on them; as a worker, take the steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flag = parser.add_argument
    flag("--hours", type=float, default=2.0, help="of speech (default: %(default)s)")
    flag("--speakers", type=int, default=VCTK_SPEAKERS, help="(default: %(default)s)")
    flag("--steps", type=int, default=20, help="to take the median of (default: %(default)s)")
    flag("--worker", nargs=3, metavar=("STAGE", "INPUTS", "THREADS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        stage, inputs, threads = args.worker
        print(json.dumps(take_steps(stage, Path(inputs), int(threads), args.steps)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "full_inputs.pkl"
        write_inputs(path, args.hours, args.speakers)
        for stage in (SOFTMAX, TRIPLET):
            for processes, threads in ((1, 1), (1, 2), (WORKERS, 1)):
                progress(f"{stage}: {processes} x {threads}")
                figures = measured(stage, path, processes, threads, args.steps)
                ways = {"processes": processes, "threads": threads}
                report("distributed_step", stage=stage, speakers=args.speakers, **ways, steps=args.steps, **figures)


def measured(stage: str, path: Path, processes: int, threads: int, steps: int) -> dict[str, float]:
    """The chief's figures of a run of so many processes."""
    ports = [socket.create_server(("127.0.0.1", 0)) for _ in range(processes)]
    workers = [f"127.0.0.1:{port.getsockname()[1]}" for port in ports]
    for port in ports:
        port.close()
    running = []
    for index in range(processes):
        config = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        variables = {**os.environ, **({VARIABLE: json.dumps(config)} if processes > 1 else {})}
        command = [sys.executable, __file__, "--worker", stage, str(path), str(threads), "--steps", str(steps)]
        running.append(subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True))
    outputs = [process.communicate()[0] for process in running]
    for process in running:
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, process.args)
    return json.loads(outputs[0])


def take_steps(name: str, path: Path, threads: int, steps: int) -> dict[str, float]:
    """Take steps as training does, on as many cores as there are threads, and measure them."""
    cluster = read_cluster(os.environ) if VARIABLE in os.environ else ALONE
    os.sched_setaffinity(0, {(cluster.index + thread) % cores() for thread in range(threads)})
    load_tensorflow()
    import tensorflow as tf

    from training.distribution import distribution_of
    from training.exchange import sent_bytes
    from training.initialization import build_start
    from training.run import with_shares
    from training.stages import build_stage

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    settings = dataclasses.asdict(DEFAULTS[name]) | {"window_seconds": (SECONDS,), "shares": WORKERS}
    distribute = None if cluster is ALONE else MULTI_WORKER
    options = TrainingOptions(name, path, path.parent, distribute=distribute, **settings)
    distribution = distribution_of(options, cluster)
    options, inputs = with_shares(options, distribution.replicas), load_inputs(path)
    with distribution.strategy.scope():
        state = build_start(options, inputs, None)
        stage = build_stage(options, inputs, state, distribution=distribution)
    times, before = [], 0
    with closing(batches(stage.draw, options.seed, 0)) as drawn:
        for step in range(WARM_UP + steps):
            if step == WARM_UP:
                before = bytes_over_loopback()
            began = time.perf_counter()
            float(stage.step(*distribution.feed(next(drawn)))["loss"])
            times.append(1e3 * (time.perf_counter() - began))
    both_directions = len(cluster.workers) * sent_bytes(state, options.batch_size, distribution.replicas)
    return {
        "batch_size": options.batch_size,
        "step_ms": float(np.median(times[WARM_UP:])),
        "slowest_step_ms": float(np.max(times[WARM_UP:])),
        "loopback_bytes_a_step": (bytes_over_loopback() - before) / steps,
        "formula_bytes_a_step": both_directions,
    }


def bytes_over_loopback() -> int:
    """What the kernel has received over loopback so far, which is what it has sent; other programs' too."""
    line = next(line for line in COUNTERS.read_text(encoding="ascii").splitlines() if line.strip().startswith("lo:"))
    return int(line.partition(":")[2].split()[0])


if __name__ == "__main__":
    main()
