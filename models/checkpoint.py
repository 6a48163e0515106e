"""Checkpoints: one npz file with every weight, and JSON beside them that says what they are.

No pickle is involved, so that a checkpoint from elsewhere can be opened; and no TensorFlow, so that its description can
be read at once. Arrays are named `embedder/<variable>`, `head/<variable>` and `optimizer/<variable>`. Embedder and head
are what to use: mostly averages (training/averaging.py), beside which `trained_embedder/<variable>` and
`trained_head/<variable>` are the weights that an interrupted training goes on from.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from storage.errors import UserError
from storage.npz import read_npz, write_npz

VERSION = "2.0.0"  # of this code
FORMAT = "deep-speaker-checkpoint-2"  # 1: of features that were not relative to the level of their utterance
KEYS = {
    *("stage", "step", "finished", "position", "run", "version"),
    *("network", "features", "speakers", "held_out", "trained_on"),
}
LARGEST = 1 << 30  # bytes, of a checkpoint; the default network with 6,000 speakers has 61 MB
DESCRIPTION = "description"  # name of the array that holds the JSON


class CheckpointError(UserError):
    """No checkpoint, or not a usable one; the message says which and what to do."""


@dataclass(frozen=True)
class Checkpoint:
    """Weights and their description.

    `description` holds `KEYS`: stage, step and whether it is finished; the position of the run (see training/run.py)
    and its identity; network (`NetworkOptions`) and features (`FeatureSettings`); the speakers of the head, those held
    out, everyone whom the weights were ever trained on; the code's version.
    """

    description: dict
    arrays: dict[str, np.ndarray]

    def part(self, name: str) -> dict[str, np.ndarray]:
        """The arrays whose names start with `name/`, without that."""
        return {key.removeprefix(f"{name}/"): value for key, value in self.arrays.items() if key.startswith(f"{name}/")}


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write `path`, whole or not at all.

    Raises:
        OSError: the folder can't be written to, or the disk is full.
    """
    text = json.dumps({"format": FORMAT, **checkpoint.description})
    write_npz(path, {DESCRIPTION: text, **checkpoint.arrays})


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        CheckpointError: missing, damaged, or another kind of file.
    """
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}")
    try:
        arrays = read_npz(path, LARGEST)
        description = json.loads(str(arrays.pop(DESCRIPTION)))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged or not a checkpoint ({error})") from error
    if not isinstance(description, dict) or description.pop("format", None) != FORMAT:
        raise CheckpointError(f"{path} is not a checkpoint of the format {FORMAT}")
    if missing := KEYS - description.keys():
        raise CheckpointError(f"{path} lacks {', '.join(sorted(missing))} in its description")
    return Checkpoint(description, arrays)
