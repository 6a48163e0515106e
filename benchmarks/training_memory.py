"""Peak memory of training on inputs of VCTK's size: 109 speakers, 44 hours. Prints one JSON line after the machine's.

    python benchmarks/training_memory.py [--hours 44] [--speakers 109] [--steps 3] [--silent] [--folder FOLDER]

The test utterances are measured at the end. `--silent` makes inputs that take next to no disk if they are in shards: of
zeros, which a file system with holes does not store.

The inputs are made up, see `made_up_inputs`. Training is one process, so its peak is the kernel's own account of it:
nothing is missed, and libraries count in full, whoever else uses them.
"""

import argparse
import tempfile
from pathlib import Path

from made_up_inputs import VCTK_HOURS, VCTK_SPEAKERS, inputs_bytes, write_inputs
from measure import report, run

from batcher.inputs import read_ends


def main() -> None:
    """Write the inputs, train a few steps on them in a process of its own, and look at its peak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=VCTK_HOURS, help="of speech (default: %(default)s)")
    parser.add_argument("--speakers", type=int, default=VCTK_SPEAKERS, help="(default: %(default)s)")
    parser.add_argument("--silent", action="store_true", help="make frames of zeros, which take no disk")
    parser.add_argument("--steps", type=int, default=3, help="(default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="to write them in (default: that for temporary files)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        path = Path(folder) / "full_inputs.pkl"
        write_inputs(path, args.hours, args.speakers, silent=args.silent)
        training = ("train_cli.py", "--loss_on_softmax", "--max_steps", args.steps)
        cost = run(*training, "--data_filename", path, "--run_dir", folder)
        shards = read_ends(path).shards
        inputs_gb = inputs_bytes(path) / 1e9
    figures = {"hours": args.hours, "speakers": args.speakers, "shards": shards, "inputs_gb": inputs_gb}
    report("training_memory", **figures, peak_gb=cost.largest / 1e9)


if __name__ == "__main__":
    main()
