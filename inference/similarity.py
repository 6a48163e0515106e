"""How near two embeddings are: the one cosine and the one distance of verdicts, SAP and SAN alike."""

import numpy as np


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """The cosine of two embeddings, in [-1, 1], whatever their lengths.

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


def cosine_distance(of_cosine: float | np.ndarray) -> float | np.ndarray:
    """1 - cosine, in [0, 2] though rounding may have brought the cosine above 1: 0 for the same direction."""
    distance = np.clip(1 - np.asarray(of_cosine, np.float64), 0, 2)
    return distance if distance.ndim else float(distance)
