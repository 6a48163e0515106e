"""Which trained network to use."""

import logging
from pathlib import Path

from models.checkpoint import CheckpointError
from models.onnx_file import BUNDLED

# The frozen stage has the embeddings of the stage before it, so it is not looked at.
STAGES = ("adapted", "triplet", "softmax_fine", "softmax")
LAST = "last.npz"

logger = logging.getLogger(__name__)


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
        "train one with deep-speaker-train (train_cli.py in a checkout), or name one with --checkpoint"
    )


def find_or_bundled(run_dir: Path) -> Path:
    """The same, or where nothing was trained, the network that comes with this tool."""
    try:
        return find_checkpoint(run_dir)
    except CheckpointError:
        logger.info("no trained network in %s: using the bundled one", run_dir)
        return BUNDLED
