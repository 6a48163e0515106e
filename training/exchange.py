"""How many bytes the replicas of a run exchange in a step."""

import numpy as np

from models.layers import FusedBatchNormalization
from training.network_state import NetworkState

FLOAT, INTEGER = 4, 8  # bytes of a number


def reduced_bytes(state: NetworkState, batch_size: int, replicas: int) -> int:
    """The size of what is summed over the replicas in each step.

    These are the gradients of all trained weights; the embeddings of the whole batch (`batch_size` windows) with their
    labels and utterances; and for each channel of batch normalisation two moments of every replica, and two sums on the
    way back.
    """
    weights = sum(int(np.prod(variable.shape)) for variable in state.trainable_variables)
    normalised = [layer for layer in state.embedder.layers if isinstance(layer, FusedBatchNormalization)]
    channels = sum(int(layer.gamma.shape[0]) for layer in normalised if layer.trainable)
    gathered = batch_size * (FLOAT * state.options.embedding_size + 2 * INTEGER)
    return FLOAT * weights + gathered + 2 * FLOAT * channels * (replicas + 1)


def sent_bytes(state: NetworkState, batch_size: int, replicas: int) -> float:
    """What each replica sends in a step, and receives: a ring sums b bytes of n replicas in 2 (n - 1) / n * b."""
    return 2 * (replicas - 1) / replicas * reduced_bytes(state, batch_size, replicas)
