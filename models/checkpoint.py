"""Checkpoints: one npz file with every weight, and JSON beside them that says what they are.

No pickle is involved, so that a checkpoint from elsewhere can be opened; and no TensorFlow, so that its description can
be read at once. Arrays are named `embedder/<variable>`, `head/<variable>` and `optimizer/<variable>`. Embedder and head
are what to use: mostly averages (training/network_state.py), beside which `trained_embedder/<variable>` and
`trained_head/<variable>` are the weights that an interrupted training goes on from.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from deep_speaker import __version__
from models.network_options import NetworkOptions
from models.run_names import STAGES
from storage.errors import UserError
from storage.fields import Fields
from storage.npz import read_npz, write_npz

FORMAT = "deep-speaker-checkpoint-2"  # 1: of features that were not relative to the level of their utterance
LARGEST = 1 << 30  # bytes, of a checkpoint; the default network with 6,000 speakers has 61 MB
DESCRIPTION = "description"  # name of the array that holds the JSON
MEAN, DEVIATION = "normalization/mean", "normalization/deviation"  # names of arrays


class CheckpointError(UserError):
    """No checkpoint, or not a usable one; the message says which and what to do."""


@dataclass(frozen=True)
class CheckpointDescription:
    """What the weights of a checkpoint are."""

    stage: str  # one of `run_names.STAGES`
    step: int  # how many gradient steps were taken in it
    finished: bool
    network: NetworkOptions
    features: Mapping[str, Any]  # settings as `audio.feature_settings.FeatureSettings.from_json` reads them
    speakers: tuple[str, ...]  # of the head, in the order of its outputs
    held_out: tuple[str, ...]  # speakers, as they were named
    trained_on: tuple[str, ...]  # every speaker who ever trained the weights, in this stage or an earlier one
    speeds: tuple[float, ...] = ()  # at which the head has an output for each speaker; none where it is not known
    position: Mapping[str, Any] = field(default_factory=dict)  # of the run, see `training.position`
    run: Mapping[str, Any] = field(default_factory=dict)  # its identity, see `training.initialization.run_identity`
    version: str = __version__  # of the code

    @classmethod
    def from_json(cls, value: object) -> "CheckpointDescription":
        """Read a description.

        Raises:
            ValueError: a field is missing, unknown, of another type, or makes no sense.
        """
        fields = Fields(value)
        description = cls(
            stage=fields.take("stage", str),
            step=fields.whole("step"),
            finished=fields.take("finished", bool),
            network=NetworkOptions.from_json(fields.take("network", dict)),
            features=fields.take("features", dict),
            speakers=fields.texts("speakers"),
            held_out=fields.texts("held_out"),
            trained_on=fields.texts("trained_on"),
            speeds=fields.numbers("speeds") if "speeds" in fields else (),  # version 2.0 did not write them
            position=fields.take("position", dict),
            run=fields.take("run", dict),
            version=fields.take("version", str),
        )
        fields.end()
        if description.stage not in STAGES:
            raise ValueError(f"expected a stage of {', '.join(STAGES)}. Received another")
        return description

    def as_json(self) -> dict[str, Any]:
        """The fields under their names, as `from_json` reads them."""
        lists = {name: list(getattr(self, name)) for name in ("speakers", "speeds", "held_out", "trained_on")}
        return {**vars(self), **lists, "network": self.network.as_json()}


@dataclass(frozen=True)
class Checkpoint:
    """Weights and their description."""

    description: CheckpointDescription
    arrays: dict[str, np.ndarray]

    def part(self, name: str) -> dict[str, np.ndarray]:
        """The arrays whose names start with `name/`, without that."""
        return {key.removeprefix(f"{name}/"): value for key, value in self.arrays.items() if key.startswith(f"{name}/")}

    @property
    def normalization(self) -> tuple[np.ndarray, np.ndarray]:
        """The mean and the deviation that features are normalised with, each (features,) float32.

        Raises:
            CheckpointError: they are missing, of another shape or type, or not finite.
        """
        return self._statistic(MEAN), self._statistic(DEVIATION)

    def _statistic(self, name: str) -> np.ndarray:
        array, shape = self.arrays.get(name), (self.description.network.feature_size,)
        if array is None or array.shape != shape or array.dtype != np.float32 or not np.isfinite(array).all():
            raise CheckpointError(f"the checkpoint does not fit the network: expected {name}, finite float32 {shape}")
        return array


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write `path`, whole or not at all.

    Raises:
        OSError: the folder can't be written to, or the disk is full.
    """
    text = json.dumps({"format": FORMAT, **checkpoint.description.as_json()}, allow_nan=False)
    write_npz(path, {DESCRIPTION: text, **checkpoint.arrays})


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        CheckpointError: missing, damaged, or another kind of file.
    """
    return _load(path)


def load_description(path: Path) -> CheckpointDescription:
    """Read what a checkpoint's weights are, and not the weights: damage to those goes unseen.

    Raises:
        CheckpointError: as `load_checkpoint`.
    """
    return _load(path, only=DESCRIPTION).description


def _load(path: Path, only: str | None = None) -> Checkpoint:
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}")
    try:
        arrays = read_npz(path, LARGEST, only)
        fields = json.loads(str(arrays.pop(DESCRIPTION)))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged or not a checkpoint ({error})") from error
    if not isinstance(fields, dict) or fields.pop("format", None) != FORMAT:
        raise CheckpointError(f"{path} is not a checkpoint of the format {FORMAT}")
    try:
        return Checkpoint(CheckpointDescription.from_json(fields), arrays)
    except ValueError as error:
        raise CheckpointError(f"{path} is of another version of this tool ({error})") from error
