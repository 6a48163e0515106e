"""Peak memory of training on inputs of VCTK's size: 109 speakers, 44 hours. Prints one JSON line.

    python benchmarks/training_memory.py [--hours 44] [--speakers 109]

The inputs are made up (random features in the real format), since memory does not depend on what is said.
"""

import argparse
import dataclasses
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from audio.mfcc import DEFAULT_FEATURES  # noqa: E402
from batcher.inputs import FEATURE_DTYPE, FORMAT  # noqa: E402
from batcher.restricted_pickle import write_record  # noqa: E402
from batcher.splits import train_count  # noqa: E402

UTTERANCE = 360  # frames, 3.6 s
STEPS = 3


def main() -> None:
    """Write the inputs, train a few steps on them in a process of its own, and look at its peak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=44, help="of speech (default: 44)")
    parser.add_argument("--speakers", type=int, default=109, help="(default: 109)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "full_inputs.pkl"
        write_inputs(path, args.speakers, round(args.hours * 360_000 / UTTERANCE / args.speakers))
        command = [sys.executable, "train_cli.py", "--loss_on_softmax", "--max_steps", str(STEPS)]
        command += ["--data_filename", str(path), "--run_dir", folder]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # KiB on Linux
        figure = {"hours": args.hours, "speakers": args.speakers, "inputs_gb": path.stat().st_size / 1e9}
    print(json.dumps({"benchmark": "training_memory", **figure, "peak_gb": peak * 1024 / 1e9}))


def write_inputs(path: Path, speakers: int, utterances: int) -> None:
    """Write a full_inputs.pkl of random features."""
    size = DEFAULT_FEATURES.size
    features = np.random.default_rng(0).standard_normal((UTTERANCE, size)).astype(FEATURE_DTYPE)
    names = [f"p{number}" for number in range(speakers)]
    header = {"format": FORMAT, "features": dataclasses.asdict(DEFAULT_FEATURES), "held_out": [], "speakers": names}
    with open(path, "wb") as file:
        write_record(file, {**header, "utterances": speakers * utterances})
        for name in names:
            for number in range(utterances):
                side = "train" if number < train_count(utterances) else "test"
                about = {"speaker": name, "corpus": "", "utterance": str(number), "side": side}
                write_record(file, {**about, "features": features})
        write_record(file, {"mean": np.zeros(size, np.float32), "deviation": np.ones(size, np.float32)})


if __name__ == "__main__":
    main()
