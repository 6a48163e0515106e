"""What it costs to verify two recordings, and to embed many. Prints JSON lines after the machine's.

    python benchmarks/verify.py [FOLDER] [--repeats 10] [--resemblyzer PYTHON]

Two recordings of 4 s each are made of FOLDER's (default: the bundled voices) and compared by cli.py, in a process of
its own, from start to end. Then all of FOLDER's are embedded one by one in this process, by a single thread, from the
file to the embedding; the first one, which loads the libraries, does not count. `--resemblyzer` names the Python of an
environment with Resemblyzer and does both with it, on the same files, also by a single thread; `ours` says how many
times quicker this tool embeds.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path
from statistics import median

import numpy as np
import soundfile
from measure import ROOT, best, report, run, timed

from corpus.walk import audio_files

SECONDS = 4  # of the two recordings
RESEMBLYZER = """
import json, sys, time
import torch
torch.set_num_threads(1)
from resemblyzer import VoiceEncoder, preprocess_wav
encoder = VoiceEncoder("cpu", verbose=False)
a, b, *files = sys.argv[1:]
distance = 1 - float(encoder.embed_utterance(preprocess_wav(a)) @ encoder.embed_utterance(preprocess_wav(b)))
verified = time.process_time()
for file in files:
    encoder.embed_utterance(preprocess_wav(file))
embedded = time.process_time() - verified
print(json.dumps({"verify_cpu_seconds": verified, "cosine_distance": distance, "cpu_seconds": embedded}))
"""


def main() -> None:
    """Make the recordings, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flag = parser.add_argument
    flag("folder", type=Path, nargs="?", default=ROOT / "samples" / "voices", help="recordings, a folder a speaker")
    flag("--repeats", type=int, default=10, help="processes that verify (default: %(default)s)")
    flag("--resemblyzer", metavar="PYTHON", help="the Python of an environment that has it")
    args = parser.parse_args()
    files = audio_files(args.folder)
    seconds = sum(soundfile.info(file).duration for file in files)
    with tempfile.TemporaryDirectory() as folder:
        pair = make_pair(files, Path(folder))
        costs = [run("cli.py", "--verify", *pair) for _ in range(args.repeats)]
        quickest = best(costs)
        walls = {"wall_seconds": quickest.wall, "median_wall_seconds": median(cost.wall for cost in costs)}
        report("verify", **walls, cpu_seconds=quickest.cpu, peak_mb=max(cost.largest for cost in costs) / 1e6)
        cpu = embed_all(files)
        report("embed", files=len(files), seconds=seconds, x_real_time_per_core=seconds / cpu)
        if args.resemblyzer:
            theirs = resemblyzer(args.resemblyzer, [*pair, *files])
            speed = {"x_real_time_per_core": seconds / theirs["cpu_seconds"], "ours": theirs["cpu_seconds"] / cpu}
            report("resemblyzer", **theirs, **speed)


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


def embed_all(files: list[Path]) -> float:
    """Embed all files, one by one, in one thread; returns the CPU time in s."""
    from threadpoolctl import threadpool_limits

    from inference import SpeakerEncoder

    encoder = SpeakerEncoder()
    encoder.embed_utterance(files[0])
    with threadpool_limits(1):
        return timed(lambda: [encoder.embed_utterance(file) for file in files]).cpu


def resemblyzer(python: str, files: list[Path]) -> dict[str, float]:
    """The same in another environment: the first two verified, the others embedded."""
    command = [python, "-c", RESEMBLYZER, *map(str, files)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
