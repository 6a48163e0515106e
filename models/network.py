"""The embedding network and the softmax head: convolutions, a GRU, statistics over time, one dense layer.

After Li et al., "Deep Speaker: an End-to-End Neural Speaker Embedding System" (2017), section 3, shrunk to about
100,000 weights: strided convolutions shorten the window before the GRU, the only part that must go step by step.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from models.checkpoint import Checkpoint, CheckpointError
from models.layers import CosineLogits, FusedBatchNormalization, StatisticsPooling, UnrolledGRU
from models.network_options import NetworkOptions

L2_LAYER = "l2_normalization"
HEAD_LAYER = "speaker_cosines"
HEAD_WEIGHTS = f"{HEAD_LAYER}/kernel"  # in a checkpoint's part `head`: (embedding_size, speakers)
LOGIT_SCALE = 30.0  # cosines alone give a softmax too little range to be sure of anything
FULL, HALF = "float32", "mixed_float16"  # of computing; weights have 32 bits
FORWARD_BATCH = 512  # windows
NUMBERS = "fiu"  # NumPy's kinds of dtypes that a variable may be set from
BATCH_NORM_MOMENTUM = 0.95  # settles within 100 steps


def build_embedder(
    options: NetworkOptions, mean: np.ndarray, deviation: np.ndarray, precision: str = FULL
) -> keras.Model:
    """The network from raw features to an embedding.

    Args:
        mean, deviation: of the training frames, shape = (60,); the first layer normalises with them.
        precision: Keras's name for that of convolutions and GRU, which take nearly all of the time: `FULL` or `HALF`.

    Returns:
        a model (batch, frames, 60) -> (batch, embedding_size), of unit length with `normalize_embeddings`. Any number
        of frames works.
    """
    features = keras.Input((None, options.feature_size), name="features")
    x = layers.Normalization(mean=mean, variance=np.square(deviation), name="feature_normalization")(features)
    shape = zip(options.conv_filters, options.conv_kernels, options.conv_strides)
    for number, (filters, kernel, stride) in enumerate(shape, start=1):
        plain = layers.Conv1D(
            filters, kernel, stride, padding="same", use_bias=False, dtype=precision, name=f"conv_{number}"
        )
        normalised = FusedBatchNormalization(momentum=BATCH_NORM_MOMENTUM, dtype=precision, name=f"batch_norm_{number}")
        x = layers.ReLU(dtype=precision, name=f"relu_{number}")(normalised(plain(x)))
    x = UnrolledGRU(options.gru_units, return_sequences=True, dtype=precision, name="gru")(x)
    x = StatisticsPooling(name="statistics_over_time")(x)  # (batch, frames / 8, units) -> (batch, 2 * units)
    x = layers.Dense(options.embedding_size, activation=options.embedding_activation, name="embedding")(x)
    if options.normalize_embeddings:
        x = layers.UnitNormalization(name=L2_LAYER)(x)
    return keras.Model(features, x, name="embedder")


def build_head(options: NetworkOptions, speakers: int) -> keras.Model:
    """The classifier on top: (batch, embedding_size) -> (batch, speakers) cosines; times `LOGIT_SCALE`, logits."""
    embedding = keras.Input((options.embedding_size,), name="embedding_in")
    return keras.Model(embedding, CosineLogits(speakers, name=HEAD_LAYER)(embedding), name="head")


def build_teacher_map(options: NetworkOptions, size: int) -> keras.Model:
    """From an embedding to a teacher's, while there is one: linear, (batch, embedding_size) -> (batch, size)."""
    embedding = keras.Input((options.embedding_size,), name="embedding_to_teach")
    return keras.Model(embedding, layers.Dense(size, use_bias=False, name="teacher_map")(embedding), name="teacher_map")


def compile_embedder(embedder: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """The embedder as a function, compiled once for all batch sizes and window lengths.

    Returns:
        a function from windows (n, frames, 60) to embeddings (n, embedding_size), both float32, that computes
        `FORWARD_BATCH` windows at a time to bound its memory.
    """
    features = tf.TensorSpec((None, None, embedder.input_shape[-1]), tf.float32)
    forward = tf.function(lambda windows: embedder(windows, training=False), input_signature=[features])

    def embed(windows: np.ndarray) -> np.ndarray:
        starts = range(0, len(windows), FORWARD_BATCH)
        return np.concatenate([forward(windows[start : start + FORWARD_BATCH]).numpy() for start in starts])

    return embed


def restore_embedder(checkpoint: Checkpoint) -> keras.Model:
    """The trained embedder of a checkpoint, as `build_embedder` makes it.

    Raises:
        CheckpointError: the weights do not fit the network that the checkpoint describes.
    """
    check_size(checkpoint)
    embedder = build_embedder(checkpoint.description.network, *checkpoint.normalization)
    assign(by_path(embedder), checkpoint.part("embedder"), "embedder")
    return embedder


def check_size(checkpoint: Checkpoint) -> None:
    """Refuse a checkpoint that describes a larger network than it has weights for, before that is built.

    Raises:
        CheckpointError: as said.
    """
    held = sum(array.size for array in checkpoint.part("embedder").values())
    expected = checkpoint.description.network.weights
    if held < expected:
        raise CheckpointError(
            f"the checkpoint does not fit the network: expected {expected} values or more in embedder/. Received {held}"
        )


def stored_variables(model: keras.Model) -> list[keras.Variable]:
    """What a checkpoint holds of a model: not the states of random generators, which nothing here draws from."""
    return [variable for variable in model.variables if "seed_generator" not in variable.path]


def by_path(model: keras.Model) -> dict[str, keras.Variable]:
    """What a checkpoint holds of a model, by its names there."""
    return {variable.path: variable for variable in stored_variables(model)}


def assign(variables: dict[str, keras.Variable], arrays: dict[str, np.ndarray], part: str) -> None:
    """Set variables from the arrays of the same names in a checkpoint's part.

    Raises:
        CheckpointError: one is missing, of another shape, or holds no numbers.
    """
    for name, variable in variables.items():
        expected, array = tuple(variable.shape), arrays.get(name)
        if array is None or array.shape != expected or array.dtype.kind not in NUMBERS:
            received = "none" if array is None else f"{array.dtype} {array.shape}"
            raise CheckpointError(
                f"the checkpoint does not fit the network: expected {part}/{name} of shape {expected}. "
                f"Received {received}"
            )
        variable.assign(array)
