"""Batches of random windows, drawn at training time.

A batch depends on (seed, step) alone. A run that continues at step 1,000 therefore sees what it would have seen without
the interruption, and batches can be made ahead of their use.
"""

import copy
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from batcher.sampling.features import WindowFeatures
from batcher.sampling.speeds import SpeedClasses
from batcher.sampling.windows import cut
from batcher.speaker_split import SpeakerSplit


class Batch(NamedTuple):
    """Windows, who speaks in them, and what they were cut from."""

    windows: np.ndarray  # (batch, frames, features) float32
    labels: np.ndarray  # (batch,) int64
    utterances: np.ndarray  # (batch,) int64, row in the split


class WindowSampler:
    """Draws random windows from a split, those of a batch all of one length.

    Of several lengths the step's generator chooses, so that a network learns from short windows what short utterances
    tell, and from long ones what takes time to tell.

    Speakers with more speech are drawn more often, in proportion to its square root. With equal shares, most steps
    would go to the speakers with the least speech; with shares in proportion to speech, those would be forgotten.
    Where speakers are dealt to several samplers (`deal`), each is in one hand as often as any other, and speech counts
    only against the others of that hand: over many batches, shares are then nearer to equal ones.

    Labels are those of `SpeedClasses`: a speaker at another speed is another class.
    """

    def __init__(self, split: SpeakerSplit, lengths: tuple[int, ...], features: WindowFeatures):
        """Sample windows from `split`, each batch of one of `lengths` (frames); a shorter utterance is repeated."""
        self.split, self.lengths, self.features = split, lengths, features
        order = np.argsort(split.labels, kind="stable")
        self.speakers, first, self.counts = np.unique(split.labels[order], return_index=True, return_counts=True)
        self.classes = SpeedClasses(int(self.speakers.max()) + 1, features.speeds)
        self._utterances = np.split(order, first[1:])
        spoken = np.array([split.lengths[utterances].sum() for utterances in self._utterances])  # frames
        self._shares = np.sqrt(spoken) / np.sqrt(spoken).sum()

    def deal(self, rng: np.random.Generator, count: int) -> list["WindowSampler"]:
        """Deal the speakers to `count` samplers for the shares of one batch, whose windows then have one length.

        Each gets as many speakers; those left over sit this batch out.
        """
        frames, each = int(rng.choice(self.lengths)), len(self.speakers) // count
        dealt = rng.permutation(len(self.speakers))[: count * each].reshape(count, each)
        return [self._of(np.sort(hand), frames) for hand in dealt]

    def _of(self, speakers: np.ndarray, frames: int) -> "WindowSampler":
        """A sampler of some speakers, by their place in `speakers`, and of windows of one length."""
        sampler = copy.copy(self)
        sampler.lengths = (frames,)
        sampler.speakers, sampler.counts = self.speakers[speakers], self.counts[speakers]
        sampler._utterances = [self._utterances[index] for index in speakers]
        sampler._shares = self._shares[speakers] / self._shares[speakers].sum()
        return sampler

    def softmax_batch(self, rng: np.random.Generator, batch_size: int) -> Batch:
        """Random speakers at random speeds, a random utterance of each, a random window of that."""
        utterances = self._of_speakers(rng, rng.choice(len(self.speakers), batch_size, p=self._shares))
        return self._batch(utterances, self._random_speeds(rng, batch_size), rng)

    def speaker_batch(self, rng: np.random.Generator, speakers: int, per_speaker: int) -> Batch:
        """P x K: `speakers` different ones, `per_speaker` windows each, from different utterances where there are."""
        chosen = rng.choice(len(self.speakers), min(speakers, len(self.speakers)), replace=False, p=self._shares)
        utterances = [self._spread(rng, self._utterances[index], per_speaker) for index in chosen]
        speeds = np.repeat(self._random_speeds(rng, len(chosen)), per_speaker)
        return self._batch(np.concatenate(utterances), speeds, rng)

    def triplet_batch(self, rng: np.random.Generator, triplets: int) -> Batch:
        """v1's random triplets: `triplets` anchors, then as many positives, then negatives.

        Anchor and positive come from different utterances of one speaker, unless there is only one.
        """
        anchor = rng.choice(len(self.speakers), triplets)  # all alike: this is also what losses are measured on
        other = (anchor + rng.integers(1, len(self.speakers), triplets)) % len(self.speakers)
        pairs = np.array([self._spread(rng, self._utterances[index], 2) for index in anchor])
        utterances = np.concatenate([pairs[:, 0], pairs[:, 1], self._of_speakers(rng, other)])
        return self._batch(utterances, np.tile(self._random_speeds(rng, triplets), 3), rng)

    def _of_speakers(self, rng: np.random.Generator, chosen: np.ndarray) -> np.ndarray:
        pick = rng.integers(0, self.counts[chosen])
        return np.array([self._utterances[index][i] for index, i in zip(chosen, pick)])

    def _spread(self, rng: np.random.Generator, utterances: np.ndarray, count: int) -> np.ndarray:
        """`count` of `utterances`, each once before any comes again."""
        rounds = -(-count // len(utterances))
        return np.concatenate([rng.permutation(utterances) for _ in range(rounds)])[:count]

    def _random_speeds(self, rng: np.random.Generator, count: int) -> np.ndarray:
        return rng.integers(0, len(self.classes.speeds), count)

    def _batch(self, utterances: np.ndarray, speeds: np.ndarray, rng: np.random.Generator) -> Batch:
        """One random window from each of `utterances` (batch,), at the speeds of these numbers (batch,)."""
        frames = int(rng.choice(self.lengths))
        factors = np.array(self.classes.speeds)[speeds]
        tempo = self.features.tempo
        pace = factors * rng.uniform(1 - tempo, 1 + tempo, len(utterances))
        needed = np.ceil(frames * pace).astype(np.int64)
        starts, lengths = self._versions(utterances, rng)
        begin = rng.integers(0, np.maximum(lengths - needed, 0) + 1)
        windows = self.features(cut(self.split.log_mel, starts, lengths, begin, frames, pace), factors, rng)
        return Batch(windows, self.classes.labels(self.split.labels[utterances], speeds), utterances)

    def _versions(self, utterances: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """First frames and lengths (batch,) of utterances, or of disturbed copies in the place of some of them."""
        split = self.split
        starts, lengths = split.starts[utterances], split.lengths[utterances]
        if not self.features.copied or not len(split.copy_starts):
            return starts, lengths
        copies = rng.integers(0, len(split.copy_starts), len(utterances))
        copied = rng.random(len(utterances)) < self.features.copied
        return (
            np.where(copied, split.copy_starts[copies, utterances], starts),
            np.where(copied, split.copy_lengths[copies, utterances], lengths),
        )


def batches(draw: Callable[[np.random.Generator], Batch], seed: int, first_step: int) -> Generator[Batch]:
    """Endless batches from step `first_step` on; the next is drawn in a thread while the last one is in use."""

    def make(step: int) -> Batch:
        return draw(np.random.default_rng([seed, step]))

    with ThreadPoolExecutor(1, thread_name_prefix="batches") as ahead:
        upcoming = ahead.submit(make, first_step)
        for step in range(first_step + 1, 1 << 62):
            batch = upcoming.result()
            upcoming = ahead.submit(make, step)
            yield batch
