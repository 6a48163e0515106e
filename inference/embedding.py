"""Embeddings, and how near two of them are: the one cosine and the one distance of verdicts, SAP and SAN alike."""

from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.checkpoint import CheckpointError

UNIT_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Embedding:
    """What a recording, or some of one speaker, are embedded to."""

    vector: NDArray[np.float32]  # (embedding_size,), of length 1
    speech_seconds: float  # of speech that it was made of, pauses left out
    remarks: tuple[str, ...] = ()  # what makes it less to be trusted, in words


def check_unit_length(embeddings: np.ndarray) -> None:
    """Verify that every row of (n, d) has L2 norm 1.

    Raises:
        CheckpointError: one has not.
    """
    worst = np.abs(np.linalg.norm(embeddings, axis=1) - 1).max()
    if not worst <= UNIT_TOLERANCE:
        raise CheckpointError(f"expected embeddings of L2 norm 1. Received one that is off by {worst:.3g}")


def unit(vectors: np.ndarray) -> np.ndarray:
    """Scale the last axis to length 1.

    Raises:
        CheckpointError: a length is zero or not finite, which only a broken network brings about.
    """
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    if not (np.isfinite(length) & (length > 0)).all():
        raise CheckpointError("the network gives embeddings without direction; train it again")
    return vectors / length


def mean_embedding(embeddings: np.ndarray) -> np.ndarray:
    """Return the unit vector along the mean of (n, d) embeddings: (d,)."""
    return unit(embeddings.mean(axis=0))


def cosine(a: ArrayLike, b: ArrayLike) -> float:
    """Return the cosine of two embeddings, in [-1, 1], whatever their lengths.

    Args:
        a, b: (d,) each.

    Raises:
        ValueError: they are of other shapes, or one has no direction.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"expected two embeddings of one shape (d,). Received {a.shape} and {b.shape}")
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    if not (np.isfinite(lengths) and lengths > 0):
        raise ValueError("expected embeddings with a direction. Received one of length 0, or not finite")
    return float(np.clip(a @ b / lengths, -1, 1))


@overload
def cosine_distance(of_cosine: float) -> float: ...


@overload
def cosine_distance(of_cosine: NDArray[np.floating]) -> NDArray[np.float64]: ...


def cosine_distance(of_cosine: float | NDArray[np.floating]) -> float | NDArray[np.float64]:
    """Return 1 - cosine, in [0, 2] though rounding may have brought the cosine above 1: 0 for the same direction.

    Args:
        of_cosine: one, or an array of any shape.
    """
    distance = np.clip(1 - np.asarray(of_cosine, np.float64), 0, 2)
    return distance if distance.ndim else float(distance)
