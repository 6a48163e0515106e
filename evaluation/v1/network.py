"""The first version's network and its three stages, on windows in memory.

About 100,000 weights: 390 inputs, two dense layers, of which the second is the embedding with a sigmoid, and a softmax
over the speakers.
"""

import keras
import numpy as np
import tensorflow as tf

from evaluation.v1.features import WINDOW_SIZE
from triplet_loss.loss import deep_speaker_loss

HIDDEN, EMBEDDING = 200, 100  # units
RATE = 1e-3  # Adam's
BATCH = 256  # windows
TRIPLETS = 300  # in a step: as many anchors, positives and negatives


class V1Network:
    """A network of v1's kind; the same seed gives the same first weights.

    Args:
        speakers: how many the softmax tells apart.
        seed: of the weights, and of what is drawn in training.
    """

    def __init__(self, speakers: int, seed: int = 0):
        self._rng = np.random.default_rng(seed)
        keras.utils.set_random_seed(seed)
        self.embedder = keras.Sequential(
            [
                keras.Input((WINDOW_SIZE,)),
                keras.layers.Dense(HIDDEN, "relu"),
                keras.layers.Dense(EMBEDDING, "sigmoid"),
            ]
        )
        self._softmax = keras.layers.Dense(speakers)
        self._softmax.build((None, EMBEDDING))

    def embed(self, windows: np.ndarray) -> np.ndarray:
        """Embed normalised windows, (windows, 390): (windows, 100), scaled to length 1 as the triplet stage had it."""
        embeddings = self.embedder.predict_on_batch(windows)
        return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)

    def train_softmax(self, windows: np.ndarray, labels: np.ndarray, steps: int, frozen: bool = False) -> None:
        """Stage 1, cross-entropy of the speakers; or stage 3, `frozen`: a new softmax on unit embeddings that stay.

        Args:
            windows: (windows, 390), normalised.
            labels: (windows,) int, from 0.
        """
        if frozen:
            windows = self.embed(windows)
            self._softmax = keras.layers.Dense(self._softmax.units)
            self._softmax.build((None, EMBEDDING))
            layers = [self._softmax]
        else:
            layers = [*self.embedder.layers, self._softmax]
        model = keras.Sequential([keras.Input(windows.shape[1:]), *layers])
        model.compile(keras.optimizers.Adam(RATE), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        for _ in range(steps):
            rows = self._rng.integers(len(windows), size=BATCH)
            model.train_on_batch(windows[rows], labels[rows])

    def train_triplets(self, windows: np.ndarray, labels: np.ndarray, steps: int) -> None:
        """Stage 2: random triplets, and the loss of `triplet_loss`; arguments as for `train_softmax`."""
        optimizer = keras.optimizers.Adam(RATE)
        weights = self.embedder.trainable_variables

        @tf.function
        def step(triplets: tf.Tensor) -> None:
            with tf.GradientTape() as tape:
                loss = deep_speaker_loss(*tf.split(self.embedder(triplets), 3))
            optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))

        optimizer.build(weights)
        for _ in range(steps):
            step(tf.constant(windows[np.concatenate(draw_triplets(labels, TRIPLETS, self._rng))]))

    def triplet_loss(self, windows: np.ndarray, labels: np.ndarray, triplets: int = 3000) -> float:
        """Measure the mean loss of random triplets."""
        parts = draw_triplets(labels, triplets, np.random.default_rng(0))
        return float(deep_speaker_loss(*(tf.constant(self.embed(windows[rows])) for rows in parts)))

    def accuracy(self, windows: np.ndarray, labels: np.ndarray, frozen: bool = False) -> float:
        """Measure the share of windows that the softmax of the last stage gives to their speaker."""
        embeddings = self.embed(windows) if frozen else self.embedder.predict_on_batch(windows)
        return float((np.argmax(self._softmax(embeddings), axis=1) == labels).mean())


def draw_triplets(
    labels: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw rows of anchors, of positives of the same speakers, and of negatives of others, each (count,) int."""
    order = np.argsort(labels, kind="stable")
    _, firsts, sizes = np.unique(labels[order], return_index=True, return_counts=True)
    speakers = rng.integers(len(sizes), size=count)
    others = (speakers + rng.integers(1, len(sizes), size=count)) % len(sizes)
    anchors, positives, negatives = (
        order[firsts[who] + (rng.random(count) * sizes[who]).astype(int)] for who in (speakers, speakers, others)
    )
    return anchors, positives, negatives
