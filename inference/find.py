"""Which trained network to use."""

from pathlib import Path

from models.checkpoint import CheckpointError

# The frozen stage has the embeddings of the stage before it, so it is not looked at.
STAGES = ("triplet", "softmax")
LAST = "last.npz"


def find_checkpoint(run_dir: Path) -> Path:
    """The last checkpoint of the most advanced stage in `run_dir`.

    Raises:
        CheckpointError: nothing was trained there.
    """
    for stage in STAGES:
        path = run_dir / stage / LAST
        if path.is_file():
            return path
    raise CheckpointError(
        f"no trained network in {run_dir}: looked for {' and '.join(f'{stage}/{LAST}' for stage in STAGES)}; "
        "train one with train_cli.py, or name one with --checkpoint"
    )
