"""Which triplets to learn from, given a batch of embeddings and who speaks.

Each strategy takes embeddings (batch, d) and labels (batch,), and returns three tensors of equal shape: the cosine of
an anchor with its positive, that with its negative, and a weight, which is 1 where the triplet exists. Names follow
Schroff et al., "FaceNet" (2015), section 3.2, and Hermans et al., "In Defense of the Triplet Loss" (2017), section 2.
"""

from collections.abc import Callable

import keras
from keras import ops

from triplet_loss.loss import cosine_similarity, similarity_matrix

FARTHEST, NEAREST = -2.0, 2.0  # beyond any cosine: stands for "not a candidate"

Triplets = tuple[keras.KerasTensor, keras.KerasTensor, keras.KerasTensor]


def random_triplets(embeddings: keras.KerasTensor, labels: keras.KerasTensor | None = None) -> Triplets:
    """The batch as drawn: a third anchors, a third positives, a third negatives (v1's triplets)."""
    anchor, positive, negative = ops.split(embeddings, 3)
    to_positive = cosine_similarity(anchor, positive)
    return to_positive, cosine_similarity(anchor, negative), ops.ones_like(to_positive)


def hard_triplets(embeddings: keras.KerasTensor, labels: keras.KerasTensor) -> Triplets:
    """Batch-hard: for each anchor its farthest positive and its nearest negative."""
    similarity, same, other = _pairs(embeddings, labels)
    to_positive = ops.min(ops.where(same, similarity, NEAREST), axis=1)
    to_negative = ops.max(ops.where(other, similarity, FARTHEST), axis=1)
    exists = ops.logical_and(ops.any(same, axis=1), ops.any(other, axis=1))
    return to_positive, to_negative, ops.cast(exists, similarity.dtype)


def semi_hard_triplets(embeddings: keras.KerasTensor, labels: keras.KerasTensor) -> Triplets:
    """For each anchor and positive, the nearest negative that is still farther than the positive.

    Where every negative is nearer, the farthest of them is taken.
    """
    similarity, same, other = _pairs(embeddings, labels)
    most = ops.maximum(ops.max(ops.sum(ops.cast(same, "int32"), axis=1)), 1)  # positives that an anchor has
    exists, positives = ops.top_k(ops.cast(same, similarity.dtype), most)
    to_positive = ops.take_along_axis(similarity, positives, axis=1)  # (anchor, positive)
    # (anchor, positive, negative): is this negative farther from the anchor than this positive?
    farther = ops.logical_and(similarity[:, None, :] < to_positive[:, :, None], other[:, None, :])
    nearest_of_farther = ops.max(ops.where(farther, similarity[:, None, :], FARTHEST), axis=2)
    farthest = ops.min(ops.where(other, similarity, NEAREST), axis=1)[:, None]
    to_negative = ops.where(ops.any(farther, axis=2), nearest_of_farther, farthest)
    return to_positive, to_negative, exists * ops.cast(ops.any(other, axis=1)[:, None], similarity.dtype)


Strategy = Callable[[keras.KerasTensor, keras.KerasTensor], Triplets]
STRATEGIES: dict[str, Strategy] = {"semi-hard": semi_hard_triplets, "hard": hard_triplets, "random": random_triplets}


def _pairs(embeddings: keras.KerasTensor, labels: keras.KerasTensor) -> Triplets:
    """Similarities (batch, batch), and which pairs are of one speaker (but not of one window) or of two."""
    same = labels[:, None] == labels[None, :]
    itself = ops.cast(ops.eye(ops.shape(labels)[0]), "bool")
    return similarity_matrix(embeddings), ops.logical_and(same, ops.logical_not(itself)), ops.logical_not(same)
