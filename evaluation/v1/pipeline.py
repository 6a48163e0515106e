"""The first version from a recording to an embedding, in the form in which `evaluation.audit` tests pipelines."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audio.errors import UnusableAudioError
from audio.silence import speech_span
from evaluation.v1.features import Statistics, statistics_of, windows
from evaluation.v1.network import V1Network
from inference.embedding import mean_embedding

FULL_SCALE = 32_767  # of 16 bits


class V1Pipeline:
    """v1's front end and network.

    Args:
        network: trained on inputs that were normalised in the same way.
        statistics: of the training set, to normalise with; None for v1's leak: those of each speaker, test and all.
    """

    def __init__(self, network: V1Network, statistics: Statistics | None):
        self.network, self.statistics = network, statistics
        self.name = "v1 without its leak" if statistics else "v1"

    def front_end(self, recording: NDArray[np.float32]) -> NDArray[np.int16]:
        """Mix the channels and cut outer silence; nothing else is refused or taken away.

        Raises:
            UnusableAudioError: there is no sound in it.
        """
        mono = recording.mean(axis=1) if recording.ndim == 2 else recording
        signal = np.clip(np.rint(mono), -FULL_SCALE, FULL_SCALE).astype(np.int16)
        start, stop = speech_span(signal)
        if not len(windows(signal[start:stop])):
            raise UnusableAudioError("silent, or too short")
        return signal[start:stop]

    def inputs(self, signals: Sequence[np.ndarray], speaker: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Turn signals into windows, (windows, 390) each, normalised as told.

        Args:
            signals: int16, (samples,), at 8 kHz.
            speaker: all recordings under the speaker's name, of which v1 took its statistics.
        """
        statistics = self.statistics or statistics_of([windows(signal) for signal in speaker])
        return [statistics.normalise(windows(signal)) for signal in signals]

    def embed(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """Embed utterances as the mean over their windows: (utterances, 100), rows of length 1."""
        return np.stack([mean_embedding(self.network.embed(of_one)) for of_one in inputs])
