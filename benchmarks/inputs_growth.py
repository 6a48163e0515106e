"""How training inputs grow: what they take to be written, opened and drawn from, in time, on disk and in memory.

    python benchmarks/inputs_growth.py [--hours 4,40,400] [--sharded] [--batches 200] [--folder FOLDER]

One JSON line for each size: made-up inputs (`made_up_inputs`) of as many hours, with speakers in proportion as VoxCeleb
2 has them. A process opens them and draws batches of the softmax stage, without augmentation, after some to warm up; it
is the first that does so, and compares shards with their digests. Then another one does the same. The peak is the
kernel's account of what a process had resident. The inputs are deleted before the next ones are written.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

import numpy as np
from made_up_inputs import inputs_bytes, write_inputs
from measure import progress, report
from peak_memory import KIB

from batcher.generate import LARGEST_FILE
from batcher.inputs import load_inputs, read_ends
from batcher.sampling.features import PlainFeatures
from batcher.sampling.sampler import WindowSampler

SPEAKERS_PER_HOUR = 2.5  # 6,112 speakers of 2,442 h
WINDOWS, LENGTHS = 256, (80, 120, 200, 280)  # of a batch, and frames of a window
WARM_UP = 20  # batches


def main() -> None:
    """Write, open and draw from inputs of each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flag = parser.add_argument
    flag("--hours", default="4,40,400", help="of speech, several with commas (default: %(default)s)")
    flag("--sharded", action="store_true", help="small ones, too, which would be one file")
    flag("--batches", type=int, default=200, help="to take the median of (default: %(default)s)")
    flag("--folder", type=Path, help="on whose disk they are written (default: that for temporary files)")
    flag("--measured", type=Path, help=argparse.SUPPRESS)  # in a process of its own
    args = parser.parse_args()
    if args.measured:
        print(json.dumps(_open_and_draw(args.measured, args.batches)))
        return
    for hours in map(float, args.hours.split(",")):
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            _report(Path(folder) / "full_inputs.pkl", hours, args.batches, 0 if args.sharded else LARGEST_FILE)


def _report(path: Path, hours: float, batches: int, largest_file: int) -> None:
    progress(f"{hours:g} h")
    speakers, began = max(round(SPEAKERS_PER_HOUR * hours), 2), time.perf_counter()
    write_inputs(path, hours, speakers, largest_file)
    written = time.perf_counter() - began
    shards = read_ends(path).shards
    first, again = (_measured(path, batches) for _ in range(2))
    report(
        "inputs_growth",
        **{"hours": hours, "speakers": speakers, "shards": shards, "write_seconds": written},
        mb=inputs_bytes(path) / 1e6,
        **{"first_open_seconds": first["open_seconds"], "open_seconds": again["open_seconds"]},
        **{"batch_ms": again["batch_ms"], "slowest_batch_ms": again["slowest_batch_ms"]},
        batch_cpu_ms=again["batch_cpu_ms"],
        **{"first_peak_mb": first["peak_mb"], "peak_mb": again["peak_mb"]},
    )


def _measured(path: Path, batches: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--measured", path, "--batches", str(batches)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def _open_and_draw(path: Path, batches: int) -> dict[str, float]:
    began = time.perf_counter()
    inputs = load_inputs(path)
    opened = time.perf_counter() - began
    sampler, seconds = WindowSampler(inputs.train, LENGTHS, PlainFeatures(inputs.feature_settings)), []
    busy: list[float] = []
    for number in range(WARM_UP + batches):
        began, cpu = time.perf_counter(), time.process_time()
        sampler.softmax_batch(np.random.default_rng(number), WINDOWS)
        seconds.append(time.perf_counter() - began)
        busy.append(time.process_time() - cpu)
    milliseconds = 1000 * np.array(seconds[WARM_UP:])
    return {
        "open_seconds": opened,
        **{"batch_ms": float(np.median(milliseconds)), "slowest_batch_ms": float(milliseconds.max())},
        "batch_cpu_ms": float(np.median(1000 * np.array(busy[WARM_UP:]))),
        "peak_mb": getrusage(RUSAGE_SELF).ru_maxrss * KIB / 1e6,
    }


if __name__ == "__main__":
    main()
