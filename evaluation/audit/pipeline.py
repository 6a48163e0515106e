"""What is audited: the way from a recording to an embedding, in three steps that a test can interfere with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from audio.channels import choose
from audio.decode import PCM_SCALE, SAMPLE_RATE
from audio.mfcc import mfcc
from audio.utterance import utterance_in
from inference.encoder import SpeakerEncoder


class Pipeline(Protocol):
    """A pipeline that can be audited; `evaluation.v1.pipeline` is another one than ours."""

    name: str

    def front_end(self, recording: NDArray[np.float32]) -> NDArray[np.int16]:
        """Turn a recording, (samples,) or (samples, channels) at 8 kHz and 16-bit scale, into its speech.

        Raises:
            UnusableAudioError: it is refused.
        """

    def inputs(self, signals: Sequence[np.ndarray], speaker: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Turn signals into what the network is given, (rows, columns) each.

        Args:
            signals: int16, (samples,).
            speaker: all signals under the same speaker's name, for a pipeline that looks at them.
        """

    def embed(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """Embed utterances: (utterances, d), rows of length 1."""


class NetworkPipeline:
    """Ours: the front end of `audio` and a trained network."""

    def __init__(self, encoder: SpeakerEncoder):
        self._encoder, self.name = encoder, "this network"

    def front_end(self, recording: NDArray[np.float32]) -> NDArray[np.int16]:
        """Choose a channel of several, and find the speech, as `audio` does for every recording."""
        if recording.ndim == 2:
            choice, _ = choose(iter([recording / np.float32(PCM_SCALE)]), SAMPLE_RATE)
            recording = choice.of(recording)
        return utterance_in(recording).signal

    def inputs(self, signals: Sequence[np.ndarray], speaker: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Turn signals into features; who else is in `speaker` has no way in."""
        return [mfcc(signal, self._encoder.features) for signal in signals]

    def embed(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """Embed utterances, all in one call."""
        return self._encoder.embed_features(list(inputs))


@dataclass(frozen=True)
class Material:
    """Utterances of one corpus to test with."""

    corpus: str
    signals: list[np.ndarray]  # int16, (samples,), at 8 kHz
    labels: np.ndarray  # (utterances,) int, speakers from 0
    sessions: np.ndarray  # (utterances,) text, "" where unknown

    @property
    def speakers(self) -> int:
        """How many there are."""
        return int(self.labels.max()) + 1

    def of(self, label: int) -> list[np.ndarray]:
        """All signals of a speaker."""
        return [self.signals[row] for row in np.flatnonzero(self.labels == label)]


def named(test: str, material: Material) -> str:
    """Name a test together with the corpus that it was carried out on."""
    return f"{test}, {material.corpus}" if material.corpus else test
