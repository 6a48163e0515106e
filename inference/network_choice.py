"""Which trained network to use."""

import logging
from pathlib import Path

from models.checkpoint import CheckpointError
from models.onnx_file import BUNDLED
from models.run_names import LAST, MOST_ADVANCED_FIRST

BUNDLED_NAME = "bundled"  # of the network that comes with this tool

logger = logging.getLogger(__name__)


def find_checkpoint(run_dir: Path) -> Path:
    """The last checkpoint of the most advanced stage in `run_dir`.

    Raises:
        CheckpointError: nothing was trained there.
    """
    for stage in MOST_ADVANCED_FIRST:
        path = run_dir / stage / LAST
        if path.is_file():
            return path
    places = " and ".join(f"{stage}/{LAST}" for stage in MOST_ADVANCED_FIRST)
    raise CheckpointError(
        f"no trained network in {run_dir}: looked for {places}; "
        "train one with --loss_on_softmax, or name one with --checkpoint"
    )


def find_or_bundled(run_dir: Path) -> Path:
    """The same, or where nothing was trained, the network that comes with this tool."""
    try:
        return find_checkpoint(run_dir)
    except CheckpointError:
        logger.info("no trained network in %s: using the bundled one", run_dir)
        return BUNDLED


def named_network(name: str) -> Path:
    """The file of a network that is named by its file, by the folder of its run, or as `bundled`.

    Raises:
        CheckpointError: there is none.
    """
    if name == BUNDLED_NAME:
        return BUNDLED
    path = Path(name)
    if not path.is_dir():
        return path
    return path / LAST if (path / LAST).is_file() else find_checkpoint(path)
