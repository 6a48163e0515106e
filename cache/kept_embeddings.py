"""Embeddings that an evaluation keeps in the cache, so that the next one, or an interrupted one, need not make them.

They tell of voices as the recordings do: where an utterance is deleted, `forget_kept` deletes them all.
"""

import logging
import re
from pathlib import Path

import numpy as np

from storage.atomic import TEMPORARY_PATTERN, remove_if_empty
from storage.npz import read_npz, write_npz

FOLDER = "embeddings"
LARGEST = 1 << 30  # bytes, of a speaker's

_OURS = re.compile(r"[0-9a-f]{64}\.npz")

logger = logging.getLogger(__name__)


def read_kept(folder: Path, key: str, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray] | None:
    """Read what was kept under a key; None if there is nothing, or something else.

    Args:
        folder: the cache.
        key: a SHA-256 of all that decides the embeddings, in hexadecimal digits.
        shape: (cuts, utterances).

    Returns:
        float32, (cuts, utterances, d), rows of length 1, and seconds of speech, (cuts, utterances).
    """
    try:
        arrays = read_npz(_path(folder, key), LARGEST)
        embeddings, seconds = arrays["embeddings"], arrays["seconds"]
    except (OSError, ValueError, KeyError):
        return None
    are_ours = embeddings.dtype == np.float32 and seconds.dtype == np.float64 and embeddings.ndim == 3
    if not are_ours or not embeddings.shape[:2] == seconds.shape == shape:
        return None
    return (embeddings, seconds) if np.isfinite(embeddings).all() and np.isfinite(seconds).all() else None


def keep(folder: Path, key: str, embeddings: np.ndarray, seconds: np.ndarray) -> None:
    """Keep embeddings and seconds for `read_kept`; in a cache that can't be written to, nothing is kept."""
    try:
        write_npz(_path(folder, key), {"embeddings": embeddings, "seconds": seconds}, private=True)
    except OSError as error:
        logger.debug("embeddings are not kept: %s", error)


def forget_kept(folder: Path) -> None:
    """Delete all that was kept, and nothing else."""
    place = folder / FOLDER
    if place.is_symlink() or not place.is_dir():
        return
    for path in place.iterdir():
        if _OURS.fullmatch(path.name) or path.match(TEMPORARY_PATTERN):
            path.unlink(missing_ok=True)
    remove_if_empty(place)


def _path(folder: Path, key: str) -> Path:
    return folder / FOLDER / f"{key}.npz"
