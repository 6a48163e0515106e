"""A moving average of the weights, which is a better network than the weights that it averages.

Steps leave weights somewhere around the place where they are best, and their mean is nearer to it (Polyak and Juditsky,
1992; Izmailov et al., "Averaging Weights Leads to Wider Optima", 2018). Training goes on from the weights themselves.
"""

import keras
from keras import ops

from models.network import stored_variables

MOMENTUM = 0.999  # an average over the last thousand steps or so
WARM_UP = 10  # steps; before that the average is over a tenth of the steps so far (Keras and TensorFlow do the same)


class WeightAverage:
    """A copy of the embedder, and of the head if there is one, whose weights follow those that are trained.

    The statistics of batch normalisation follow too: they are of the layer's inputs, which change with the weights
    before them.
    """

    def __init__(self, embedder: keras.Model, head: keras.Model | None):
        """Take copies of the right shape; `follow_all_the_way` gives them values."""
        self.embedder, self.head = embedder, head

    @property
    def variables(self) -> list[keras.Variable]:
        """Of both, in the order of `trained` below."""
        return variables_of(self.embedder, self.head)

    def copy(self, trained: list[keras.Variable]) -> None:
        """Forget what was before."""
        for average, variable in zip(self.variables, trained, strict=True):
            average.assign(variable)

    def update(self, trained: list[keras.Variable], steps) -> None:
        """Take in the weights after `steps` steps."""
        steps = ops.cast(steps, "float32")
        share = 1 - ops.minimum(MOMENTUM, (1 + steps) / (WARM_UP + steps))
        for average, variable in zip(self.variables, trained, strict=True):
            average.assign(average + share * (variable - average))  # what has not changed stays as it is to the bit


def variables_of(embedder: keras.Model, head: keras.Model | None) -> list[keras.Variable]:
    """All that a checkpoint holds of both models."""
    return stored_variables(embedder) + (stored_variables(head) if head else [])
