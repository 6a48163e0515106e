"""Peak memory of training on inputs of VCTK's size: 109 speakers, 44 hours. Prints one JSON line after the machine's.

    python benchmarks/training_memory.py [--hours 44] [--speakers 109]

The inputs are made up, see `made_up_inputs`. Training is one process, so its peak is the kernel's own account of it:
nothing is missed, and libraries count in full, whoever else uses them.
"""

import argparse
import tempfile
from pathlib import Path

from made_up_inputs import VCTK_HOURS, VCTK_SPEAKERS, write_inputs
from measure import report, run

STEPS = 3


def main() -> None:
    """Write the inputs, train a few steps on them in a process of its own, and look at its peak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=VCTK_HOURS, help="of speech (default: %(default)s)")
    parser.add_argument("--speakers", type=int, default=VCTK_SPEAKERS, help="(default: %(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "full_inputs.pkl"
        write_inputs(path, args.hours, args.speakers)
        training = ("train_cli.py", "--loss_on_softmax", "--max_steps", STEPS)
        cost = run(*training, "--data_filename", path, "--run_dir", folder)
        inputs_gb = path.stat().st_size / 1e9
    figures = {"hours": args.hours, "speakers": args.speakers, "inputs_gb": inputs_gb, "peak_gb": cost.largest / 1e9}
    report("training_memory", **figures)


if __name__ == "__main__":
    main()
