"""Train v1's network on some speakers, with its leak or without."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from evaluation.v1.features import Statistics, statistics_of, windows
from evaluation.v1.network import V1Network
from evaluation.v1.pipeline import V1Pipeline

TRAIN_SHARE = 0.8  # of a speaker's utterances, the first


class Windows(NamedTuple):
    """A side of the inputs."""

    values: np.ndarray  # (windows, 390) float32
    labels: np.ndarray  # (windows,) int, the speaker's number


class V1Inputs(NamedTuple):
    """What v1's `full_inputs.pkl` held, all of its windows instead of 1,000 random stretches a side."""

    train: Windows
    test: Windows
    statistics: Statistics | None  # of the training set; None with the leak


def make_inputs(speakers: Mapping[str, Sequence[np.ndarray]], leak: bool) -> V1Inputs:
    """Split each speaker's utterances 80 to 20, and normalise the windows.

    Args:
        speakers: signals, int16, (samples,), at 8 kHz, by speaker.
        leak: whether by the statistics of each speaker's train and test windows together, or by those of all training
            windows.
    """
    cut = [[windows(signal) for signal in signals] for signals in speakers.values()]
    splits = [round(TRAIN_SHARE * len(utterances)) for utterances in cut]
    statistics = None if leak else statistics_of([w for one, split in zip(cut, splits) for w in one[:split]])
    by = [statistics or statistics_of(utterances) for utterances in cut]
    train = [statistics.normalise(np.concatenate(one[:split])) for one, split, statistics in zip(cut, splits, by)]
    test = [statistics.normalise(np.concatenate(one[split:])) for one, split, statistics in zip(cut, splits, by)]
    return V1Inputs(_side(train), _side(test), statistics)


def train_v1(speakers: Mapping[str, Sequence[np.ndarray]], leak: bool, steps: int, seed: int = 0) -> V1Pipeline:
    """Train the softmax stage, which is all that the audit needs, and return the pipeline."""
    inputs = make_inputs(speakers, leak)
    network = V1Network(len(speakers), seed)
    network.train_softmax(*inputs.train, steps)
    return V1Pipeline(network, inputs.statistics)


def _side(windows_of_speakers: list[np.ndarray]) -> Windows:
    labels = np.repeat(np.arange(len(windows_of_speakers)), [len(windows) for windows in windows_of_speakers])
    return Windows(np.concatenate(windows_of_speakers), labels)
