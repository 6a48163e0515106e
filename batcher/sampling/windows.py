"""Windows of frames, drawn at training time, and the batches made of them.

A batch depends on (seed, step) alone. A run that continues at step 1,000 therefore sees what it would have seen without
the interruption, and batches can be made ahead of their use.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

import numpy as np

from batcher.inputs import SpeakerSplit
from batcher.sampling.framing import frame_indices, window_starts


class Batch(NamedTuple):
    """Windows, who speaks in them, and what they were cut from."""

    windows: np.ndarray  # (batch, frames, features) float32
    labels: np.ndarray  # (batch,) int64
    utterances: np.ndarray  # (batch,) int64, row in the split


class Preparation(Protocol):
    """How windows of log mel values become what the network sees."""

    speeds: tuple[float, ...]  # 1 first; at another speed each speaker is somebody else
    tempo: float  # share by which a window is spoken faster or slower, at most, by the same voice
    copied: float  # share of windows that are taken from a disturbed copy of their utterance, where there are copies

    def __call__(self, windows: np.ndarray, speeds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(batch, frames, log_mel) float32, and the speed of each (batch,), to (batch, frames, features) float32."""


class WindowSampler:
    """Draws random windows from a split, those of a batch all of one length.

    Of several lengths the step's generator chooses, so that a network learns from short windows what to hear in short
    utterances, and from long ones what it takes time to hear.

    Speakers of whom there is more speech are drawn more often, by the square root of it: to draw all alike spends most
    steps on those of whom there is least to learn, and to draw speech alike forgets them.

    A speaker at another speed has the label of the speaker plus a multiple of `labels`.
    """

    def __init__(self, split: SpeakerSplit, lengths: tuple[int, ...], prepare: Preparation):
        """Sample windows from `split`, each batch of one of `lengths` (frames); a shorter utterance is repeated."""
        self.split, self.lengths, self.prepare = split, lengths, prepare
        order = np.argsort(split.labels, kind="stable")
        self.speakers, first, self.counts = np.unique(split.labels[order], return_index=True, return_counts=True)
        self.labels = int(self.speakers.max()) + 1
        self._utterances = np.split(order, first[1:])
        spoken = np.array([split.lengths[utterances].sum() for utterances in self._utterances])  # frames
        self._shares = np.sqrt(spoken) / np.sqrt(spoken).sum()

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
        return rng.integers(0, len(self.prepare.speeds), count)

    def _batch(self, utterances: np.ndarray, speeds: np.ndarray, rng: np.random.Generator) -> Batch:
        """One random window from each of `utterances` (batch,), at the speeds of these numbers (batch,)."""
        frames = int(rng.choice(self.lengths))
        factors = np.array(self.prepare.speeds)[speeds]
        tempo = self.prepare.tempo
        pace = factors * rng.uniform(1 - tempo, 1 + tempo, len(utterances))
        needed = np.ceil(frames * pace).astype(np.int64)
        starts, lengths = self._versions(utterances, rng)
        begin = rng.integers(0, np.maximum(lengths - needed, 0) + 1)
        windows = self.prepare(_cut(self.split.log_mel, starts, lengths, begin, frames, pace), factors, rng)
        return Batch(windows, self.split.labels[utterances] + speeds * self.labels, utterances)

    def _versions(self, utterances: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """First frames and lengths (batch,) of utterances, or of disturbed copies in the place of some of them."""
        split = self.split
        starts, lengths = split.starts[utterances], split.lengths[utterances]
        if not self.prepare.copied or not len(split.copy_starts):
            return starts, lengths
        copies = rng.integers(0, len(split.copy_starts), len(utterances))
        copied = rng.random(len(utterances)) < self.prepare.copied
        return (
            np.where(copied, split.copy_starts[copies, utterances], starts),
            np.where(copied, split.copy_lengths[copies, utterances], lengths),
        )


def take_windows(
    split: SpeakerSplit, utterances: np.ndarray, begin: np.ndarray, frames: int, pace: np.ndarray | float = 1.0
) -> np.ndarray:
    """Cut a window from each utterance, from frame `begin` on; see `batcher.sampling.framing.frame_indices`.

    Returns:
        log energies and log mel values, float32, shape = (batch, frames, 33).
    """
    return _cut(split.log_mel, split.starts[utterances], split.lengths[utterances], begin, frames, pace)


def _cut(
    log_mel: np.ndarray, starts: np.ndarray, lengths: np.ndarray, begin: np.ndarray, frames: int, pace
) -> np.ndarray:
    """As `take_windows`, of utterances of these first frames and lengths, both (batch,)."""
    within = frame_indices(begin, frames, lengths, pace)
    return log_mel.take(starts[:, None] + within, axis=0).astype(np.float32)


def covering_windows(split: SpeakerSplit, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Every utterance of a split as the windows that cover it.

    Returns:
        (utterances, begins), both shape = (windows,): what `take_windows` needs.
    """
    starts = [window_starts(length, frames) for length in split.lengths]
    utterances = np.repeat(np.arange(len(starts)), [len(start) for start in starts])
    return utterances, np.concatenate(starts) if starts else np.zeros(0, np.int64)


def batches(draw: Callable[[np.random.Generator], Batch], seed: int, first_step: int) -> Iterator[Batch]:
    """Endless batches from step `first_step` on; the next is drawn in a thread while the last one is in use."""

    def make(step: int) -> Batch:
        return draw(np.random.default_rng([seed, step]))

    with ThreadPoolExecutor(1, thread_name_prefix="batches") as ahead:
        upcoming = ahead.submit(make, first_step)
        for step in range(first_step + 1, 1 << 62):
            batch = upcoming.result()
            upcoming = ahead.submit(make, step)
            yield batch
