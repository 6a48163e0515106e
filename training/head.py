"""What a softmax's head starts from where that is not random: the same speakers' head, or the speakers' embeddings."""

import itertools
import logging
from collections.abc import Iterable

import keras
import numpy as np

from audio.mfcc import cepstra_with_derivatives
from batcher.inputs import TrainingInputs
from batcher.sampling.windows import take_windows
from models.checkpoint import Checkpoint
from models.network import FORWARD_BATCH, HEAD_WEIGHTS, NetworkOptions, compile_embedder

logger = logging.getLogger(__name__)


def kept_head(origin: Checkpoint, speakers: Iterable[str], speeds: Iterable[float]) -> np.ndarray | None:
    """The weights of the origin's head for these speakers at these speeds.

    Returns:
        (embedding_size, speakers * speeds) float32, or None unless it knows all of them: then a new head learns them.
    """
    weights = origin.part("head").get(HEAD_WEIGHTS)
    if weights is None or "speeds" not in origin.description:
        return None
    known = {one: n for n, one in enumerate(_classes(origin.description["speeds"], origin.description["speakers"]))}
    wanted = _classes(speeds, speakers)
    if not known.keys() >= set(wanted) or weights.shape[1] != len(known):
        logger.info("the head of the checkpoint is of other speakers or speeds, so a new one is trained")
        return None
    return weights[:, [known[one] for one in wanted]]


def mean_directions(embedder: keras.Model, options: NetworkOptions, inputs: TrainingInputs) -> np.ndarray:
    """Where each speaker's embeddings are, by a window from the middle of each training utterance.

    Returns:
        (embedding_size, speakers) float32, of any length.
    """
    split, frames, embed = inputs.train, options.window_frames, compile_embedder(embedder)
    begins = np.maximum(split.lengths - frames, 0) // 2
    sums = np.zeros((len(inputs.speakers), options.embedding_size), np.float32)
    for first in range(0, len(begins), FORWARD_BATCH):
        part = np.arange(first, min(first + FORWARD_BATCH, len(begins)))
        windows = cepstra_with_derivatives(take_windows(split, part, begins[part], frames), inputs.feature_settings)
        np.add.at(sums, split.labels[part], keras.ops.normalize(embed(windows), axis=1))
    return sums.T


def _classes(speeds: Iterable[float], speakers: Iterable[str]) -> list[tuple[float, str]]:
    """Whom a softmax tells apart, in the order of its outputs: each speaker at every speed."""
    return list(itertools.product(speeds, speakers))
