"""The Deep Speaker loss on triplets (Li et al. 2017, section 3.4, equation 7)."""

import keras
from keras import ops

MARGIN = 0.2  # a loss of exactly this much means that all embeddings coincide


def cosine_similarity(a: keras.KerasTensor, b: keras.KerasTensor) -> keras.KerasTensor:
    """Cosine of each row of `a` with the same row of `b`: two (batch, d) -> (batch,), in [-1, 1]."""
    return ops.sum(ops.normalize(a, axis=-1) * ops.normalize(b, axis=-1), axis=-1)


def similarity_matrix(embeddings: keras.KerasTensor) -> keras.KerasTensor:
    """Cosine of each row with each: (batch, d) -> (batch, batch)."""
    unit = ops.normalize(embeddings, axis=-1)
    return ops.matmul(unit, ops.transpose(unit))


def triplet_hinge(
    positive: keras.KerasTensor, negative: keras.KerasTensor, margin: float = MARGIN
) -> keras.KerasTensor:
    """`max(negative - positive + margin, 0)` for similarities of the same shape, element by element."""
    return ops.relu(negative - positive + margin)


def deep_speaker_loss(
    anchor: keras.KerasTensor, positive: keras.KerasTensor, negative: keras.KerasTensor, margin: float = MARGIN
) -> keras.KerasTensor:
    """Mean loss of triplets.

    Args:
        anchor, positive, negative: embeddings, each (triplets, d), of one speaker, the same, and another.

    Returns:
        scalar; 0 when every positive is closer than its negative by `margin` in cosine.
    """
    return ops.mean(triplet_hinge(cosine_similarity(anchor, positive), cosine_similarity(anchor, negative), margin))
