"""What distinguishes the stages: the batches they draw, the loss they step on, and what they measure."""

from abc import ABC, abstractmethod

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from audio.mfcc import FRAME_STEP, cepstra_with_derivatives
from batcher.inputs import TrainingInputs
from batcher.sampling.preparation import Plain, preparation
from batcher.sampling.windows import Batch, WindowSampler, covering_windows, take_windows
from models.network import FORWARD_BATCH, LOGIT_SCALE, compile_embedder
from training.network_state import NetworkState
from training.options import ADAPTED, FINE, FROZEN, SOFTMAX, TRIPLET, WINDOWS_PER_SPEAKER, TrainingOptions
from triplet_loss.loss import cosine_similarity, deep_speaker_loss, triplet_hinge
from triplet_loss.mining import STRATEGIES

RANDOM_TRIPLETS = 300  # v1's 300 anchors, positives and negatives: what losses are compared on
TRIPLET_ROUNDS = 5  # draws of that many; their mean is reported
EVALUATION_SEED = 300  # the same triplets are measured after every epoch
LEARNED_LOSS = 0.01  # of a softmax, at which nothing is left to learn; a hundred real speakers do not get there
MARGIN_WARM_UP = 400  # steps
EMBEDDING_DROPOUT = 0.25  # before the softmax
TEACHING = 5.0  # of the cosine distance to a teacher's embeddings, beside the softmax's loss
PULL = 0.2  # of adaptation, towards the weights that it starts from
BATCHES_AS_RECORDED = 0.5  # share of the triplet stage's, where windows are disturbed at all

Metrics = dict[str, float]


class Stage(ABC):
    """One way to train a `NetworkState`."""

    LEARNED: str  # what `learned` looks for, in words

    def __init__(self, options: TrainingOptions, inputs: TrainingInputs, state: NetworkState):
        self.options, self.inputs, self.state = options, inputs, state
        mean, speeds = state.normalization[0], options.speeds_used
        prepare = preparation(inputs.feature_settings, mean, options.augments, speeds, options.copied)
        self.lengths = tuple(max(round(seconds / FRAME_STEP), 1) for seconds in options.window_seconds)  # frames
        self.train = WindowSampler(inputs.train, self.lengths, prepare)
        self.embed = compile_embedder(state.result_embedder)

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> Batch:
        """Draw the batch of one step."""

    @abstractmethod
    def loss(self, windows, labels, utterances) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """The loss to step on, and what to report beside it; of a `Batch`, as tensors."""

    @abstractmethod
    def measure(self) -> Metrics:
        """Figures on the test utterances, after an epoch."""

    @abstractmethod
    def learned(self, row: Metrics) -> bool:
        """Whether an epoch's figures leave nothing to learn."""

    @tf.function
    def step(self, windows: tf.Tensor, labels: tf.Tensor, utterances: tf.Tensor) -> dict[str, tf.Tensor]:
        """One gradient step. Compiled once for each length of windows, which the unrolled GRU has to know."""
        with tf.GradientTape() as tape:
            loss, report = self.loss(windows, labels, utterances)
        self.state.apply(tape.gradient(loss, self.state.trainable_variables))
        return {"loss": loss, **report}


class SoftmaxStage(Stage):
    """Cross-entropy over the training speakers, with an additive margin (Wang et al. 2018, equation 6).

    A speaker at another speed counts as another one. The embedder trains too unless it is frozen.
    """

    LEARNED = f"the loss is below {LEARNED_LOSS}"

    def draw(self, rng: np.random.Generator) -> Batch:
        return self.train.softmax_batch(rng, self.options.batch_size)

    def loss(self, windows, labels, utterances):
        """Cross-entropy of the cosines to each speaker's weights, the right one handicapped by the margin."""
        return self._classified(self._embedded(windows), labels)

    def _embedded(self, windows):
        training = bool(self.state.embedder.trainable_variables)  # a frozen embedder keeps its batch statistics
        return self.state.embedder(windows, training=training)

    def _classified(self, embeddings, labels):
        if self.options.augments:  # stateless, so that a continued run drops what an uninterrupted one would
            seed = tf.stack([self.options.seed, tf.cast(self.state.optimizer.iterations, tf.int32)])
            embeddings = tf.nn.experimental.stateless_dropout(embeddings, EMBEDDING_DROPOUT, seed)
        cosines = self.state.head(embeddings)  # (batch, speakers)
        own = ops.one_hot(labels, ops.shape(cosines)[1])
        logits = LOGIT_SCALE * (cosines - self._margin() * own)
        loss = ops.mean(keras.losses.categorical_crossentropy(own, logits, from_logits=True))
        return loss, {"accuracy": _share(ops.argmax(cosines, axis=-1) == ops.cast(labels, "int32"))}

    def _margin(self):
        """The handicap of the right answer grows to its full size, since at first no answer is right."""
        warmed = ops.minimum(ops.cast(self.state.optimizer.iterations, "float32") / MARGIN_WARM_UP, 1.0)
        first = self.state.first_margin
        return first + (self.options.softmax_margin - first) * warmed

    def learned(self, row: Metrics) -> bool:
        return row["train_loss"] < LEARNED_LOSS

    def measure(self) -> Metrics:
        """Loss and accuracy on windows, without a margin, and on utterances (mean of their windows' posteriors)."""
        split = self.inputs.test
        utterances, begins = covering_windows(split, self.state.options.window_frames)
        if not len(utterances):
            return {}
        log_posteriors = np.concatenate(
            [
                self._log_posteriors(take_windows(split, part, begin, self.state.options.window_frames))
                for part, begin in _in_parts(utterances, begins)
            ]
        )
        labels = split.labels[utterances]
        posteriors = np.zeros((len(split.labels), len(self.inputs.speakers)))
        np.add.at(posteriors, utterances, np.exp(log_posteriors))
        return {
            "test_loss": float(0 - log_posteriors[np.arange(len(labels)), labels].mean()),  # and not "-0"
            "test_accuracy": float((log_posteriors.argmax(axis=1) == labels).mean()),
            "test_utterance_accuracy": float((posteriors.argmax(axis=1) == split.labels).mean()),
        }

    def _log_posteriors(self, log_mel: np.ndarray) -> np.ndarray:
        """Of the speakers as they were recorded: (windows, frames, log_mel) -> (windows, speakers)."""
        windows = cepstra_with_derivatives(log_mel, self.inputs.feature_settings)
        cosines = self.state.result_head(self.embed(windows))[:, : len(self.inputs.speakers)]
        return ops.log_softmax(LOGIT_SCALE * cosines).numpy()


class TaughtStage(SoftmaxStage):
    """Softmax, and the directions of a teacher's embeddings; see `teacher`.

    The teacher has heard the speakers as they are, so windows at other speeds have none of it; disturbed ones have, and
    so are to be heard through.
    """

    def __init__(self, options: TrainingOptions, inputs: TrainingInputs, state: NetworkState, lessons: np.ndarray):
        """`lessons`, (utterances, d) float32, are those of the training utterances."""
        super().__init__(options, inputs, state)
        self.lessons = tf.constant(lessons)

    def loss(self, windows, labels, utterances):
        """The softmax's, and the cosine distance to the teacher's embeddings, both of the same embeddings."""
        embeddings = self._embedded(windows)
        loss, report = self._classified(embeddings, labels)
        lessons = tf.gather(self.lessons, utterances)
        known = ops.cast(labels < len(self.inputs.speakers), "float32") * ops.sum(ops.square(lessons), axis=1)
        distances = 1 - ops.sum(ops.normalize(self.state.teacher_map(embeddings)) * lessons, axis=1)
        distance = ops.sum(known * distances) / ops.maximum(ops.sum(known), 1.0)
        return loss + TEACHING * distance, {**report, "teacher_distance": distance}


class AdaptationStage(SoftmaxStage):
    """Softmax on one's own few speakers, from a network that knows many, whose speech is not at hand.

    What keeps it from forgetting them: the squared distance to the weights that it starts from is part of the loss
    (Li, Grandvalet and Davoine, "Explicit Inductive Bias for Transfer Learning", 2018, equation 2); batch normalisation
    stands still; and the head starts from the speakers' mean embeddings (Qi et al., "Low-Shot Learning with Imprinted
    Weights", 2018) instead of pulling the embedder towards random directions.
    """

    def __init__(self, options: TrainingOptions, inputs: TrainingInputs, state: NetworkState):
        super().__init__(options, inputs, state)
        self.origin = [tf.constant(variable) for variable in state.embedder.trainable_variables]

    def loss(self, windows, labels, utterances):
        """The softmax's, and how far the embedder has gone."""
        loss, report = super().loss(windows, labels, utterances)
        pairs = zip(self.state.embedder.trainable_variables, self.origin)
        gone = ops.sum([ops.sum(ops.square(variable - origin)) for variable, origin in pairs])
        return loss + PULL * gone, {**report, "distance": ops.sqrt(gone)}


class TripletStage(Stage):
    """The Deep Speaker loss on mined, or v1's random, triplets.

    Some batches are as they were recorded: disturbed ones alone teach to do without what real recordings tell.
    """

    LEARNED = "no triplet of the epoch violated the margin"

    def __init__(self, options: TrainingOptions, inputs: TrainingInputs, state: NetworkState):
        super().__init__(options, inputs, state)
        plain = Plain(inputs.feature_settings)
        self.as_recorded = WindowSampler(inputs.train, self.lengths, plain)

    def draw(self, rng: np.random.Generator) -> Batch:
        sampler = self.as_recorded if rng.random() < BATCHES_AS_RECORDED else self.train
        if self.options.triplet_selection == "random":
            return sampler.triplet_batch(rng, self.options.batch_size // 3)
        return sampler.speaker_batch(rng, self.options.batch_size // WINDOWS_PER_SPEAKER, WINDOWS_PER_SPEAKER)

    def loss(self, windows, labels, utterances):
        """Mean hinge of the triplets that the strategy makes of the batch."""
        embeddings = self.state.embedder(windows, training=True)
        select = STRATEGIES[self.options.triplet_selection]
        to_positive, to_negative, weight = select(embeddings, labels)
        hinge = triplet_hinge(to_positive, to_negative, self.options.margin) * weight
        triplets = ops.maximum(ops.sum(weight), 1.0)
        return ops.sum(hinge) / triplets, {
            "active_share": ops.sum(ops.cast(hinge > 0, "float32")) / triplets,
            "positive_cosine": ops.sum(to_positive * weight) / triplets,
            "negative_cosine": ops.sum(to_negative * weight) / triplets,
        }

    def learned(self, row: Metrics) -> bool:
        """A small loss says little: a mean over triplets most of which are easy is small while the others teach."""
        return row["train_active_share"] == 0

    def measure(self) -> Metrics:
        if len(np.unique(self.inputs.test.labels)) < 2:
            return {}
        frames = self.state.options.window_frames
        test = WindowSampler(self.inputs.test, (frames,), Plain(self.inputs.feature_settings))
        rounds = [self._random_triplets(test, seed) for seed in range(TRIPLET_ROUNDS)]
        return {f"test_{name}": float(np.mean([r[name] for r in rounds])) for name in rounds[0]}

    def _random_triplets(self, sampler: WindowSampler, seed: int) -> Metrics:
        batch = sampler.triplet_batch(np.random.default_rng([EVALUATION_SEED, seed]), RANDOM_TRIPLETS)
        anchor, positive, negative = np.split(self.embed(batch.windows), 3)
        to_positive, to_negative = cosine_similarity(anchor, positive), cosine_similarity(anchor, negative)
        return {
            "loss": float(deep_speaker_loss(anchor, positive, negative, self.options.margin)),
            "active_share": float(_share(triplet_hinge(to_positive, to_negative, self.options.margin) > 0)),
            "positive_cosine": float(ops.mean(to_positive)),
            "negative_cosine": float(ops.mean(to_negative)),
        }


def build_stage(
    options: TrainingOptions, inputs: TrainingInputs, state: NetworkState, lessons: np.ndarray | None = None
) -> Stage:
    """The stage that `options` name; with a teacher's lessons, see `teacher`, where it has one."""
    if lessons is not None:
        return TaughtStage(options, inputs, state, lessons)
    return STAGES[options.stage](options, inputs, state)


STAGES = {SOFTMAX: SoftmaxStage, FINE: SoftmaxStage, TRIPLET: TripletStage, FROZEN: SoftmaxStage}
STAGES |= {ADAPTED: AdaptationStage}


def _share(hits) -> tf.Tensor:
    return ops.mean(ops.cast(hits, "float32"))


def _in_parts(*arrays: np.ndarray):
    for i in range(0, len(arrays[0]), FORWARD_BATCH):
        yield tuple(array[i : i + FORWARD_BATCH] for array in arrays)
