"""Weights that a softmax's head starts from instead of random ones: an earlier head, or the speakers' embeddings."""

import logging
from collections.abc import Iterable

import keras
import numpy as np

from audio.mfcc import cepstra_with_derivatives
from batcher.inputs import TrainingInputs
from batcher.sampling.speeds import SpeedClasses
from batcher.sampling.windows import take_windows
from models.checkpoint import Checkpoint
from models.network import FORWARD_BATCH, HEAD_WEIGHTS, compile_embedder
from models.network_options import NetworkOptions

logger = logging.getLogger(__name__)


def kept_head(origin: Checkpoint, speakers: Iterable[str], classes: SpeedClasses) -> np.ndarray | None:
    """The weights of the origin's head for these speakers, by name, at the speeds of these classes.

    Returns:
        (embedding_size, classes.count) float32; None if the head lacks one of them, so that a new one is trained.
    """
    weights, described = origin.part("head").get(HEAD_WEIGHTS), origin.description
    if weights is None or not described.speeds:
        return None
    before, wanted = SpeedClasses(len(described.speakers), described.speeds), classes.named(speakers)
    fits = weights.shape == (described.network.embedding_size, before.count) and weights.dtype == np.float32
    columns = {speaker: column for column, speaker in enumerate(before.named(described.speakers) if fits else ())}
    if not columns.keys() >= set(wanted):
        logger.info("the head of the checkpoint is of other speakers or speeds, so a new one is trained")
        return None
    return weights[:, [columns[speaker] for speaker in wanted]]


def mean_directions(embedder: keras.Model, options: NetworkOptions, inputs: TrainingInputs) -> np.ndarray:
    """Sum each speaker's embeddings of a window from the middle of each training utterance, for their mean direction.

    Returns:
        (embedding_size, speakers) float32; the columns are of any length.
    """
    split, frames, embed = inputs.train, options.window_frames, compile_embedder(embedder)
    begins = np.maximum(split.lengths - frames, 0) // 2
    sums = np.zeros((len(inputs.speakers), options.embedding_size), np.float32)
    for first in range(0, len(begins), FORWARD_BATCH):
        part = np.arange(first, min(first + FORWARD_BATCH, len(begins)))
        windows = cepstra_with_derivatives(take_windows(split, part, begins[part], frames), inputs.feature_settings)
        np.add.at(sums, split.labels[part], keras.ops.normalize(embed(windows), axis=1))
    return sums.T
