"""What it costs to verify two recordings, and to embed many. Prints JSON lines after the machine's.

    python benchmarks/verify.py [FOLDER] [--repeats 10] [--resemblyzer PYTHON]

Two recordings of 4 s each are made of FOLDER's (default: the bundled voices) and compared by cli.py, in a process of
its own, from start to end. Then all of FOLDER's are embedded one by one, by a single thread, from the file to the
embedding; the first one, which loads the libraries, does not count. `--resemblyzer` names the Python of an environment
with Resemblyzer and does both with it, on the same files, also by a single thread. Both systems compare, and both
embed, `--repeats` times, each time in a process of its own, in turn; of each the quickest run counts, and the median is
printed beside it. `ours` says how many times quicker this tool embeds.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import TypeVar

import numpy as np
import soundfile
from measure import ROOT, Cost, best, report, run_command

from corpus.walk import audio_files

T = TypeVar("T")

SECONDS = 4  # of the two recordings
VERIFY_BY_RESEMBLYZER = """
import sys
import torch
torch.set_num_threads(1)
from resemblyzer import VoiceEncoder, preprocess_wav
encoder = VoiceEncoder("cpu", verbose=False)
a, b = (encoder.embed_utterance(preprocess_wav(file)) for file in sys.argv[1:])
print("cosine distance", 1 - float(a @ b), file=sys.stderr)
"""
TIMED = """
embed(sys.argv[1])
began = time.process_time()
for file in sys.argv[1:]:
    embed(file)
print(time.process_time() - began)
"""
EMBED_BY_RESEMBLYZER = (
    """
import sys, time
import torch
torch.set_num_threads(1)
from resemblyzer import VoiceEncoder, preprocess_wav
encoder = VoiceEncoder("cpu", verbose=False)
embed = lambda file: encoder.embed_utterance(preprocess_wav(file))
"""
    + TIMED
)
EMBED_BY_US = (
    """
import sys, time
from threadpoolctl import threadpool_limits
threadpool_limits(1)
from inference import SpeakerEncoder
embed = SpeakerEncoder().embed_utterance
"""
    + TIMED
)


def main() -> None:
    """Make the recordings, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flag = parser.add_argument
    flag("folder", type=Path, nargs="?", default=ROOT / "samples" / "voices", help="recordings, a folder a speaker")
    flag(
        "--repeats",
        type=int,
        default=10,
        help="runs of each system, both to verify and to embed (default: %(default)s)",
    )
    flag("--resemblyzer", metavar="PYTHON", help="the Python of an environment that has it")
    args = parser.parse_args()
    files = audio_files(args.folder.resolve())
    seconds = sum(soundfile.info(file).duration for file in files)
    with tempfile.TemporaryDirectory() as folder:
        pair = make_pair(files, Path(folder))
        ours = [sys.executable, str(ROOT / "cli.py"), "--verify", *pair]
        theirs = [args.resemblyzer, "-c", VERIFY_BY_RESEMBLYZER, *pair]
        commands = {"verify": ours, **({"verify_resemblyzer": theirs} if args.resemblyzer else {})}
        for name, costs in in_turn(commands, run_command, args.repeats).items():
            report(name, **verification_figures(costs))
        programs = {"embed": [sys.executable, "-c", EMBED_BY_US, *files]}
        if args.resemblyzer:
            programs["embed_resemblyzer"] = [args.resemblyzer, "-c", EMBED_BY_RESEMBLYZER, *files]
        taken = in_turn(programs, printed_seconds, args.repeats)
        for name, cpu in taken.items():
            report(name, files=len(files), seconds=seconds, runs=len(cpu), **speeds(seconds, cpu))
        if args.resemblyzer:
            report("ours", times_quicker=min(taken["embed_resemblyzer"]) / min(taken["embed"]))


def in_turn(commands: dict[str, list], measure: Callable[[list], T], repeats: int) -> dict[str, list[T]]:
    """Measure each command so many times, one after the other, so that a busy minute strikes all of them alike."""
    measured: dict[str, list[T]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            measured[name].append(measure(command))
    return measured


def verification_figures(costs: list[Cost]) -> dict[str, float]:
    """What comparing two recordings took: the quickest run, and the median."""
    quickest = best(costs)
    walls = {"wall_seconds": quickest.wall, "median_wall_seconds": median(cost.wall for cost in costs)}
    return {"runs": len(costs), **walls, "cpu_seconds": quickest.cpu, "peak_mb": max(c.largest for c in costs) / 1e6}


def speeds(seconds: float, cpu: list[float]) -> dict[str, float]:
    """How many times quicker than real time a core embeds: the quickest run, and the median."""
    return {"x_real_time_per_core": seconds / min(cpu), "median_x_real_time_per_core": seconds / median(cpu)}


def printed_seconds(command: list) -> float:
    """Run a program that prints the CPU time that it took for its task, in s."""
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, check=True, text=True, cwd=ROOT)
    return float(done.stdout.splitlines()[-1])


def make_pair(files: list[Path], folder: Path) -> list[Path]:
    """Two recordings of `SECONDS`, of the first two speakers with enough."""
    made = []
    for speaker, own in groupby(files, lambda file: file.parent.name):
        read = [soundfile.read(file) for file in own]
        rate = read[0][1]
        samples = np.concatenate([signal for signal, _ in read])[: SECONDS * rate]
        if len(samples) == SECONDS * rate and len(made) < 2:
            made.append(folder / f"{speaker}.wav")
            soundfile.write(made[-1], samples, rate)
    if len(made) < 2:
        sys.exit(f"expected recordings of two speakers, {SECONDS} s each at least")
    return made


if __name__ == "__main__":
    main()
