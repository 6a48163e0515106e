"""The trainable whole: embedder, head and optimizer, and their way into and out of a checkpoint."""

from dataclasses import dataclass

import keras
import numpy as np

from models.checkpoint import Checkpoint
from models.network import NetworkOptions, assign, build_embedder, build_head, stored_variables


@dataclass(frozen=True)
class NetworkState:
    """What a step of training changes."""

    options: NetworkOptions
    normalization: tuple[np.ndarray, np.ndarray]  # mean and deviation, each (60,)
    embedder: keras.Model
    head: keras.Model | None  # the triplet stage has none
    optimizer: keras.optimizers.Optimizer

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        """What a gradient step changes."""
        return self.embedder.trainable_variables + (self.head.trainable_variables if self.head else [])

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything under its checkpoint name."""
        mean, deviation = self.normalization
        named = {
            f"{part}/{variable.path}": keras.ops.convert_to_numpy(variable)
            for part, variables in self._parts().items()
            for variable in variables
        }
        return {**named, "normalization/mean": mean, "normalization/deviation": deviation}

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take over everything, to go on where `checkpoint` was made.

        Raises:
            CheckpointError: it is of another network.
        """
        for part, variables in self._parts().items():
            assign(variables, checkpoint.part(part), part)

    def _parts(self) -> dict[str, list[keras.Variable]]:
        head = {"head": stored_variables(self.head)} if self.head else {}
        return {"embedder": stored_variables(self.embedder), **head, "optimizer": self.optimizer.variables}


def build_state(
    options: NetworkOptions,
    normalization: tuple[np.ndarray, np.ndarray],
    speakers: int,
    train_embedder: bool,
    first_rate: float,
) -> NetworkState:
    """Build a fresh network with Adam; `speakers` is the size of its head, 0 for none."""
    embedder = build_embedder(options, *normalization)
    embedder.trainable = train_embedder
    head = build_head(options, speakers) if speakers else None
    state = NetworkState(options, normalization, embedder, head, keras.optimizers.Adam(first_rate))
    state.optimizer.build(state.trainable_variables)
    return state
