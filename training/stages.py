"""The stages of training, which differ in the batches they draw, the loss they minimise, and what they measure."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from audio.feature_settings import FRAME_STEP
from audio.mfcc import cepstra_with_derivatives
from batcher.inputs import TrainingInputs
from batcher.sampling.augmentation import Augmentation
from batcher.sampling.features import PlainFeatures, training_features
from batcher.sampling.sampler import Batch, WindowSampler
from batcher.sampling.speeds import SpeedClasses
from batcher.sampling.windows import covering_windows, take_windows
from models.network import FORWARD_BATCH, LOGIT_SCALE, compile_embedder
from models.run_names import ADAPTED, FINE, FROZEN, SOFTMAX, TRIPLET
from training.distribution import ONE_REPLICA, Distribution
from training.network_state import NetworkState
from training.options import WINDOWS_PER_SPEAKER, TrainingOptions
from training.position import Metrics
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
MOST_TESTED = 10_000  # utterances that are measured after every epoch, evenly spread; VCTK has fewer
BATCHES_AS_RECORDED = 0.5  # share of the triplet stage's, where windows are augmented at all

Loss = tuple[tf.Tensor, dict[str, tf.Tensor]]  # what is stepped on, and what is reported beside it


class Stage(ABC):
    """One way to train a `NetworkState`."""

    LEARNED: str  # the condition that `learned` checks, in words

    def __init__(
        self,
        options: TrainingOptions,
        inputs: TrainingInputs,
        state: NetworkState,
        distribution: Distribution = ONE_REPLICA,
    ):
        self.options, self.inputs, self.state, self.distribution = options, inputs, state, distribution
        self.classes = SpeedClasses(len(inputs.speakers), options.speeds_used)
        augmentation = Augmentation(options.speeds, copied=options.copied) if options.augments else None
        features = training_features(inputs.feature_settings, state.normalization[0], augmentation)
        self.lengths = tuple(max(round(seconds / FRAME_STEP), 1) for seconds in options.window_seconds)  # frames
        self.train = WindowSampler(inputs.train, self.lengths, features)
        self.test = inputs.test.some(MOST_TESTED)
        self.embed = compile_embedder(state.result_embedder)
        self.test_cosines: dict[str, np.ndarray] = {}  # of the last `measure`, by name, for histograms

    def draw(self, rng: np.random.Generator) -> Batch:
        """Draw the batch of one step: of its shares, those of this process.

        A share is drawn by a generator of its own from speakers of its own, whoever draws it, so that shares may move
        from one machine to another.
        """
        shares = self.options.shares or 1
        sampler = self.sampler(rng)
        if shares == 1:
            return self.draw_from(sampler, rng, self.options.batch_size)
        dealt, generators = sampler.deal(rng, shares), rng.spawn(shares)
        size = self.options.batch_size // shares
        own = self.distribution.own_shares(shares)
        drawn = [self.draw_from(dealt[share], generators[share], size) for share in own]
        return Batch(*map(np.concatenate, zip(*drawn)))

    def sampler(self, rng: np.random.Generator) -> WindowSampler:
        """What the windows of a step are drawn by."""
        return self.train

    @abstractmethod
    def draw_from(self, sampler: WindowSampler, rng: np.random.Generator, windows: int) -> Batch:
        """Draw so many windows by a sampler."""

    def loss(self, windows: tf.Tensor, labels: tf.Tensor, utterances: tf.Tensor) -> Loss:
        """The loss of the whole batch, of which this replica has a part, a `Batch` whose arrays are tensors."""
        embeddings = self.state.embedder(windows, training=self.trains_embedder)
        return self.loss_of(*self.distribution.gathered(embeddings, labels, utterances))

    @abstractmethod
    def loss_of(self, embeddings: tf.Tensor, labels: tf.Tensor, utterances: tf.Tensor) -> Loss:
        """The loss of embeddings (batch, d), labels (batch,) and utterances (batch,)."""

    @property
    def trains_embedder(self) -> bool:
        """Whether the embedder trains; a frozen one keeps its batch statistics."""
        return bool(self.state.embedder.trainable_variables)

    @abstractmethod
    def measure(self) -> Metrics:
        """Figures on the test utterances, after an epoch."""

    @abstractmethod
    def learned(self, row: Metrics) -> bool:
        """Whether the figures of an epoch show that nothing is left to learn."""

    def test_embeddings(self) -> np.ndarray:
        """The mean of the windows of each of the utterances of `test`, (utterances, d) float32."""
        split, frames = self.test, self.state.options.window_frames
        utterances, begins = covering_windows(split, frames)
        sums = np.zeros((len(split.labels), self.state.options.embedding_size), np.float32)
        for part, begin in _in_parts(utterances, begins):
            windows = cepstra_with_derivatives(take_windows(split, part, begin, frames), self.inputs.feature_settings)
            np.add.at(sums, part, ops.convert_to_numpy(self.embed(windows)))
        return sums / np.bincount(utterances)[:, None]

    @tf.function
    def step(self, windows: tf.Tensor, labels: tf.Tensor, utterances: tf.Tensor) -> dict[str, tf.Tensor]:
        """One gradient step. Compiled once for each length of windows, which the unrolled GRU has to know."""
        return self.distribution.run(self._step_of_replica, windows, labels, utterances)

    def _step_of_replica(self, windows: tf.Tensor, labels: tf.Tensor, utterances: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.GradientTape() as tape:
            loss, report = self.loss(windows, labels, utterances)
            part = self.state.optimizer.scale_loss(self.distribution.part_of(loss))
        self.state.apply(tape.gradient(part, self.state.trainable_variables))
        return {"loss": loss, **report}


class SoftmaxStage(Stage):
    """Cross-entropy over the training speakers, with an additive margin (Wang et al. 2018, equation 6).

    The classes are those of `SpeedClasses`. The embedder trains too unless it is frozen.
    """

    LEARNED = f"the loss is below {LEARNED_LOSS}"

    def draw_from(self, sampler: WindowSampler, rng: np.random.Generator, windows: int) -> Batch:
        """Draw random speakers at random speeds, and a random window of each."""
        return sampler.softmax_batch(rng, windows)

    def loss_of(self, embeddings: tf.Tensor, labels: tf.Tensor, utterances: tf.Tensor) -> Loss:
        """The cross-entropy of the cosines to each speaker's weights, where the margin lowers the right one."""
        if self.options.augments:  # stateless, so that a continued run drops what an uninterrupted one would
            seed = tf.stack([self.options.seed, tf.cast(self.state.optimizer.iterations, tf.int32)])
            embeddings = tf.nn.experimental.stateless_dropout(embeddings, EMBEDDING_DROPOUT, seed)
        cosines = self.state.softmax_head(embeddings)  # (batch, classes)
        right = ops.one_hot(labels, ops.shape(cosines)[1])
        logits = LOGIT_SCALE * (cosines - self._margin() * right)
        loss = ops.mean(keras.losses.categorical_crossentropy(right, logits, from_logits=True))
        return loss, {"accuracy": _share(ops.argmax(cosines, axis=-1) == ops.cast(labels, "int32"))}

    def _margin(self) -> tf.Tensor:
        """The margin at this step, which grows to its full size during the first steps, when no answer is right yet."""
        warmed = ops.minimum(ops.cast(self.state.optimizer.iterations, "float32") / MARGIN_WARM_UP, 1.0)
        first = self.state.first_margin
        return first + (self.options.softmax_margin - first) * warmed

    def learned(self, row: Metrics) -> bool:
        """Whether the training loss of the epoch is below `LEARNED_LOSS`."""
        return row["train_loss"] < LEARNED_LOSS

    def measure(self) -> Metrics:
        """Loss and accuracy on windows, without a margin, and on utterances (mean of their windows' posteriors)."""
        split, frames = self.test, self.state.options.window_frames
        utterances, begins = covering_windows(split, frames)
        if not len(utterances):
            return {}
        parts, votes = [], _Votes()
        for part, begin in _in_parts(utterances, begins):
            labels = split.labels[part]
            log_posteriors, own, nearest_other = self._judged(take_windows(split, part, begin, frames), labels)
            hits = log_posteriors.argmax(axis=1) == labels
            parts.append((log_posteriors[np.arange(len(labels)), labels], hits, own, nearest_other))
            votes.add(part, np.exp(log_posteriors))
        right, hits, own, nearest_other = map(np.concatenate, zip(*parts))
        self.test_cosines = {"own_class_cosines": own, "nearest_other_class_cosines": nearest_other}
        return {
            "test_loss": float(0 - right.mean()),  # and not "-0"
            "test_accuracy": float(hits.mean()),
            "test_utterance_accuracy": float((votes.winners() == split.labels).mean()),
        }

    def _judged(self, log_mel: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What the head says of windows (windows, frames, log_mel) of speakers (windows,), as they were recorded.

        Returns:
            log posteriors (windows, speakers); cosines to the own class and to the nearest other one, both (windows,).
        """
        windows = cepstra_with_derivatives(log_mel, self.inputs.feature_settings)
        cosines = self.classes.as_recorded(self.state.result_softmax_head(self.embed(windows)))
        own = labels[:, None] == np.arange(cosines.shape[1])
        plain = ops.convert_to_numpy(cosines)
        nearest_other = np.where(own, -1, plain).max(axis=1)
        return ops.log_softmax(LOGIT_SCALE * cosines).numpy(), plain[own], nearest_other


class _Votes:
    """What the posteriors of each utterance's windows sum up to, and for whom; one utterance is open at a time.

    (The posteriors of all utterances for all speakers would take gigabytes, where there are thousands of each.)
    """

    def __init__(self) -> None:
        self._winners: list[np.ndarray] = []
        self._open: int | None = None  # the utterance that further windows may come of
        self._sum: np.ndarray | float = 0.0

    def add(self, utterances: np.ndarray, posteriors: np.ndarray) -> None:
        """Add the posteriors (windows, speakers) of windows of these utterances, in order."""
        if self._open is not None and utterances[0] != self._open:
            self._close()
        first, last = utterances[0], utterances[-1]
        sums = np.zeros((last - first + 1, posteriors.shape[1]))
        sums[0] = self._sum
        np.add.at(sums, utterances - first, posteriors)
        self._winners.append(sums[:-1].argmax(axis=1))
        self._open, self._sum = last, sums[-1]

    def _close(self) -> None:
        self._winners.append(np.argmax(self._sum, keepdims=True))
        self._open, self._sum = None, 0.0

    def winners(self) -> np.ndarray:
        """The speaker of each utterance's largest sum, (utterances,)."""
        self._close()
        return np.concatenate(self._winners)


class TaughtStage(SoftmaxStage):
    """Training by softmax and by the directions of a teacher's embeddings; see `teacher`.

    The teacher embedded the speakers as they were recorded, so windows at other speeds have no lesson. Augmented
    windows have one: the network is to embed them as the teacher does without the noise.
    """

    def __init__(
        self,
        options: TrainingOptions,
        inputs: TrainingInputs,
        state: NetworkState,
        lessons: np.ndarray,
        distribution: Distribution = ONE_REPLICA,
    ):
        """Prepare the stage; `lessons` are a teacher's embeddings of the training utterances, (utterances, d)."""
        super().__init__(options, inputs, state, distribution)
        self.lessons = tf.constant(lessons)

    def loss_of(self, embeddings: tf.Tensor, labels: tf.Tensor, utterances: tf.Tensor) -> Loss:
        """The softmax's loss, plus the cosine distance of the same embeddings to the teacher's."""
        loss, report = super().loss_of(embeddings, labels, utterances)
        lessons = tf.gather(self.lessons, utterances)
        as_recorded = ops.cast(self.classes.are_as_recorded(labels), "float32")
        known = as_recorded * ops.sum(ops.square(lessons), axis=1)
        distances = 1 - ops.sum(ops.normalize(self.state.to_teacher(embeddings)) * lessons, axis=1)
        distance = ops.sum(known * distances) / ops.maximum(ops.sum(known), 1.0)
        return loss + TEACHING * distance, {**report, "teacher_distance": distance}


class AdaptationStage(SoftmaxStage):
    """Training by softmax on a few speakers, from a network that was trained on many whose speech is not at hand.

    Three things keep the network from forgetting them. The squared distance to the weights that it starts from is part
    of the loss (Li, Grandvalet and Davoine, "Explicit Inductive Bias for Transfer Learning", 2018, equation 2). Batch
    normalisation stands still. The head starts from the speakers' mean embeddings (Qi et al., "Low-Shot Learning with
    Imprinted Weights", 2018), as a random one would pull the embedder towards random directions.
    """

    def __init__(
        self,
        options: TrainingOptions,
        inputs: TrainingInputs,
        state: NetworkState,
        distribution: Distribution = ONE_REPLICA,
    ):
        super().__init__(options, inputs, state, distribution)
        self.origin = [tf.constant(variable) for variable in state.embedder.trainable_variables]

    def loss_of(self, embeddings: tf.Tensor, labels: tf.Tensor, utterances: tf.Tensor) -> Loss:
        """The softmax's loss, plus the squared distance of the embedder's weights from those that it started from."""
        loss, report = super().loss_of(embeddings, labels, utterances)
        pairs = zip(self.state.embedder.trainable_variables, self.origin)
        squared = ops.sum([ops.sum(ops.square(variable - origin)) for variable, origin in pairs])
        return loss + PULL * squared, {**report, "distance": ops.sqrt(squared)}


class TripletStage(Stage):
    """Training by the Deep Speaker loss on mined triplets, or on random ones as in v1.

    Some batches are not augmented. From augmented ones alone, the network would learn to do without what they hide.
    """

    LEARNED = "no triplet of the epoch violated the margin"

    @cached_property
    def as_recorded(self) -> WindowSampler:
        """Draws windows that are not augmented."""
        return WindowSampler(self.inputs.train, self.lengths, PlainFeatures(self.inputs.feature_settings))

    def sampler(self, rng: np.random.Generator) -> WindowSampler:
        """Draw whether the windows of a step are augmented."""
        return self.as_recorded if rng.random() < BATCHES_AS_RECORDED else self.train

    def draw_from(self, sampler: WindowSampler, rng: np.random.Generator, windows: int) -> Batch:
        """Draw random triplets, or some windows of each of some speakers to mine triplets from."""
        if self._random:
            return sampler.triplet_batch(rng, windows // 3)
        return sampler.speaker_batch(rng, windows // WINDOWS_PER_SPEAKER, WINDOWS_PER_SPEAKER)

    @property
    def _random(self) -> bool:
        return self.options.triplet_selection == "random"

    def loss_of(self, embeddings: tf.Tensor, labels: tf.Tensor, utterances: tf.Tensor) -> Loss:
        """The mean hinge loss of the triplets that the strategy makes of the batch."""
        shares = self.options.shares or 1
        if self._random and shares > 1:  # each has anchors, positives, negatives: first the anchors of all, and so on
            size = ops.shape(embeddings)[1]
            embeddings = ops.reshape(embeddings, (shares, 3, -1, size))
            embeddings = ops.reshape(ops.transpose(embeddings, (1, 0, 2, 3)), (-1, size))
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
        """Whether no triplet of the epoch violated the margin.

        A small loss would say less: the mean is small as soon as most triplets are easy, while the others still teach.
        """
        return row["train_active_share"] == 0

    def measure(self) -> Metrics:
        """Loss, share of triplets that violate the margin, and mean cosines, of random triplets of test utterances."""
        if len(np.unique(self.inputs.test.labels)) < 2:
            return {}
        frames = self.state.options.window_frames
        test = WindowSampler(self.inputs.test, (frames,), PlainFeatures(self.inputs.feature_settings))
        rounds, positive, negative = zip(*(self._random_triplets(test, seed) for seed in range(TRIPLET_ROUNDS)))
        self.test_cosines = {
            "positive_cosines": np.concatenate(positive),
            "negative_cosines": np.concatenate(negative),
        }
        return {f"test_{name}": float(np.mean([figures[name] for figures in rounds])) for name in rounds[0]}

    def _random_triplets(self, sampler: WindowSampler, seed: int) -> tuple[Metrics, np.ndarray, np.ndarray]:
        """Figures of some triplets, and the cosines of their positives and negatives, both (triplets,)."""
        batch = sampler.triplet_batch(np.random.default_rng([EVALUATION_SEED, seed]), RANDOM_TRIPLETS)
        anchor, positive, negative = np.split(self.embed(batch.windows), 3)
        to_positive, to_negative = cosine_similarity(anchor, positive), cosine_similarity(anchor, negative)
        figures = {
            "loss": float(deep_speaker_loss(anchor, positive, negative, self.options.margin)),
            "active_share": float(_share(triplet_hinge(to_positive, to_negative, self.options.margin) > 0)),
            "positive_cosine": float(ops.mean(to_positive)),
            "negative_cosine": float(ops.mean(to_negative)),
        }
        return figures, ops.convert_to_numpy(to_positive), ops.convert_to_numpy(to_negative)


STAGES: dict[str, type[Stage]] = {
    SOFTMAX: SoftmaxStage,
    FINE: SoftmaxStage,
    TRIPLET: TripletStage,
    FROZEN: SoftmaxStage,
    ADAPTED: AdaptationStage,
}


def build_stage(
    options: TrainingOptions,
    inputs: TrainingInputs,
    state: NetworkState,
    lessons: np.ndarray | None = None,
    distribution: Distribution = ONE_REPLICA,
) -> Stage:
    """Build the stage that `options` name, or a `TaughtStage` where there are lessons of a teacher."""
    if lessons is not None:
        return TaughtStage(options, inputs, state, lessons, distribution)
    return STAGES[options.stage](options, inputs, state, distribution)


def _share(hits: tf.Tensor) -> tf.Tensor:
    """The share of the values that are true."""
    return ops.mean(ops.cast(hits, "float32"))


def _in_parts(*arrays: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Cut arrays of the same length into parts of `FORWARD_BATCH` rows."""
    for first in range(0, len(arrays[0]), FORWARD_BATCH):
        yield tuple(array[first : first + FORWARD_BATCH] for array in arrays)
