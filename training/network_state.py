"""All that training changes: embedder, head, optimizer and average; and how a checkpoint stores and restores them."""

from dataclasses import dataclass
from enum import Enum

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from models.checkpoint import DEVIATION, MEAN, Checkpoint
from models.layers import FusedBatchNormalization
from models.network import FULL, HALF, assign, build_embedder, build_head, build_teacher_map, by_path, stored_variables
from models.network_options import NetworkOptions
from models.replicas import replica_count, summed

MOMENTUM = 0.999  # an average over the last thousand steps or so
WARM_UP = 10  # steps; before that the average is over a tenth of the steps so far (Keras and TensorFlow do the same)


class Trained(Enum):
    """Which weights of the embedder a run trains."""

    ALL = "all"
    WEIGHTS = "weights"  # batch normalisation goes on with what it has learned from more speech
    NOTHING = "nothing"

    def apply_to(self, embedder: keras.Model) -> None:
        """Freeze the layers of the embedder that are not trained."""
        for layer in embedder.layers:
            if self is Trained.NOTHING or (self is Trained.WEIGHTS and isinstance(layer, FusedBatchNormalization)):
                layer.trainable = False


class WeightAverage:
    """A copy of the embedder, and of the head if there is one, whose weights follow those that are trained.

    Steps leave weights somewhere around the place where they are best, and their mean is nearer to it (Polyak and
    Juditsky, 1992; Izmailov et al., "Averaging Weights Leads to Wider Optima", 2018). Training goes on from the weights
    themselves.

    The statistics of batch normalisation follow too: they are of the layer's inputs, which change with the weights
    before them.
    """

    def __init__(self, embedder: keras.Model, head: keras.Model | None):
        """Keep the copies, which only need the right shapes; `copy` gives them their first values."""
        self.embedder, self.head = embedder, head

    @property
    def variables(self) -> list[keras.Variable]:
        """The variables of both copies, in the order in which `variables_of` gives those of the trained models."""
        return variables_of(self.embedder, self.head)

    def copy(self, trained: list[keras.Variable]) -> None:
        """Set the averages to the weights as they are now, and forget all earlier ones."""
        for average, variable in zip(self.variables, trained, strict=True):
            average.assign(variable)

    def update(self, trained: list[keras.Variable], steps: tf.Tensor) -> None:
        """Move the averages towards the weights as they are after `steps` steps."""
        steps = ops.cast(steps, "float32")
        share = 1 - ops.minimum(MOMENTUM, (1 + steps) / (WARM_UP + steps))
        for average, variable in zip(self.variables, trained, strict=True):
            average.assign(average + share * (variable - average))  # what has not changed stays as it is to the bit


def variables_of(embedder: keras.Model, head: keras.Model | None) -> list[keras.Variable]:
    """The variables of the embedder, and of the head if there is one, that a checkpoint holds."""
    return stored_variables(embedder) + (stored_variables(head) if head else [])


@dataclass(frozen=True)
class NetworkState:
    """The models, optimizer and average that each step of training changes."""

    options: NetworkOptions
    normalization: tuple[np.ndarray, np.ndarray]  # mean and deviation, each (60,)
    embedder: keras.Model
    head: keras.Model | None  # the triplet stage has none
    optimizer: keras.optimizers.Optimizer
    first_margin: float = 0.0  # of the softmax: the margin that the head was trained with already
    teacher_map: keras.Model | None = None  # from an embedding to a teacher's, where there is one
    average: WeightAverage | None = None  # None: the weights themselves are what is measured and passed on

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        """The variables that a gradient step changes."""
        models = (self.embedder, self.head, self.teacher_map)
        return [variable for model in models if model for variable in model.trainable_variables]

    @property
    def result_embedder(self) -> keras.Model:
        """The embedder that is measured and passed on: the average, if there is one."""
        return self.average.embedder if self.average else self.embedder

    @property
    def result_head(self) -> keras.Model | None:
        """The head that belongs to `result_embedder`; None where there is none."""
        return self.average.head if self.average else self.head

    def softmax_head(self, embeddings: tf.Tensor) -> tf.Tensor:
        """The cosines of embeddings with the weights of each class: (batch, d) -> (batch, classes)."""
        return _present(self.head)(embeddings)

    def result_softmax_head(self, embeddings: tf.Tensor) -> tf.Tensor:
        """The same cosines as `softmax_head` gives, but with the weights of `result_head`."""
        return _present(self.result_head)(embeddings)

    def to_teacher(self, embeddings: tf.Tensor) -> tf.Tensor:
        """Embeddings as the teacher would make them: (batch, d) -> (batch, taught)."""
        return _present(self.teacher_map)(embeddings)

    def apply(self, gradients: list[tf.Tensor]) -> None:
        """Take a step along the gradients of `trainable_variables`, and let the average follow.

        The gradients are those of this replica, and the optimizer sums them. One that scales the loss leaves the step
        out where any gradient of any replica overflows.
        """
        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer) and replica_count() > 1:
            gradients = self._all_finite_or_none(gradients)
        self.optimizer.apply(gradients, self.trainable_variables)
        if self.average:
            self.average.update(variables_of(self.embedder, self.head), self.optimizer.iterations)

    def _all_finite_or_none(self, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
        """The gradients, or NaN in the place of all where any replica has one that is not finite.

        (Keras takes gradients to be summed already, and asks one replica alone whether they are finite.)
        """
        overflows = tf.cast(tf.logical_not(self.optimizer.check_finite(gradients)), tf.float32)
        anywhere = summed(overflows) > 0
        return [tf.where(anywhere, np.nan, gradient) for gradient in gradients]

    def start_from(self, embedder: dict[str, np.ndarray]) -> None:
        """Set the embedder from the arrays of a checkpoint's part, before the first step.

        Raises:
            CheckpointError: the arrays are of another network.
        """
        assign(by_path(self.embedder), embedder, "embedder")
        if self.average:
            self.average.copy(variables_of(self.embedder, self.head))

    def start_head(self, weights: np.ndarray) -> None:
        """Set the head, (embedding_size, speakers) float32, before the first step."""
        for head in (self.head, self.result_head):
            _present(head).set_weights([weights])

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays of a checkpoint, by their names there."""
        mean, deviation = self.normalization
        named = {
            f"{part}/{path}": keras.ops.convert_to_numpy(variable)
            for part, variables in self._parts().items()
            for path, variable in variables.items()
        }
        return {**named, MEAN: mean, DEVIATION: deviation}

    def restore(self, checkpoint: Checkpoint) -> None:
        """Set every variable from a checkpoint, to go on where it was saved.

        Raises:
            CheckpointError: the checkpoint is of another network.
        """
        for part, variables in self._parts().items():
            assign(variables, checkpoint.part(part), part)

    def _parts(self) -> dict[str, dict[str, keras.Variable]]:
        """The variables of each part of a checkpoint, by their names there.

        `embedder` and `head` are those to use after training. Where they are averages, training goes on from the
        weights of `trained_embedder` and `trained_head`.
        """
        trained = {"embedder": self.embedder, **({"head": self.head} if self.head else {})}
        named = {part: by_path(model) for part, model in trained.items()}
        result = dict(named)
        if self.average:
            averages = {"embedder": self.average.embedder, "head": self.average.head}
            result = {part: dict(zip(named[part], stored_variables(averages[part]), strict=True)) for part in named}
            result |= {f"trained_{part}": variables for part, variables in named.items()}
        if self.teacher_map:
            result["teacher_map"] = by_path(self.teacher_map)
        return {**result, "optimizer": {variable.path: variable for variable in self.optimizer.variables}}


def _present(model: keras.Model | None) -> keras.Model:
    if model is None:
        raise ValueError("expected a state with the part that the stage trains. Received one without")
    return model


def build_state(
    options: NetworkOptions,
    normalization: tuple[np.ndarray, np.ndarray],
    classes: int,
    trained: Trained,
    first_rate: float,
    averaged: bool = False,
    taught: int = 0,
    mixed_precision: bool = False,
) -> NetworkState:
    """Build a network with random weights, and Adam as its optimizer.

    Args:
        classes: the size of its head; 0 builds none.
        taught: the size of a teacher's embeddings; 0 if there is no teacher.
        mixed_precision: whether convolutions and GRU compute in 16 bits; the loss is then scaled, by a factor that is
            part of the optimizer. Weights and averages have 32 bits.
    """
    embedder = build_embedder(options, *normalization, HALF if mixed_precision else FULL)
    trained.apply_to(embedder)
    head = build_head(options, classes) if classes else None
    optimizer = keras.optimizers.Adam(first_rate)
    if mixed_precision:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    average = _average(embedder, head, options, normalization) if averaged else None
    teacher_map = build_teacher_map(options, taught) if taught else None
    state = NetworkState(options, normalization, embedder, head, optimizer, teacher_map=teacher_map, average=average)
    optimizer.build(state.trainable_variables)
    return state


def _average(
    embedder: keras.Model,
    head: keras.Model | None,
    options: NetworkOptions,
    normalization: tuple[np.ndarray, np.ndarray],
) -> WeightAverage:
    """The average of the models as they are; it is what is measured, in 32 bits as when it is used."""
    in_half = any(layer.dtype_policy.name == HALF for layer in embedder.layers)
    copied = build_embedder(options, *normalization) if in_half else keras.models.clone_model(embedder)
    average = WeightAverage(copied, head and keras.models.clone_model(head))
    average.copy(variables_of(embedder, head))
    return average
