"""Embed recordings, signals or features, and decide whether two embeddings are of one speaker.

The network sees an utterance whole; a speaker's embedding is the mean of the utterances'. All are scaled to unit length
before and after the mean.
"""

import logging
import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audio.channels import Wanted
from audio.errors import UnusableAudioError
from audio.feature_settings import FeatureSettings
from audio.mfcc import mfcc
from inference import decisions
from inference.calibration import Calibration
from inference.calibration_file import CalibrationFileError, read_calibration
from inference.cohort import Cohort, Scoring
from inference.decisions import DEFAULT_POLICY, Comparison, Policy
from inference.embedding import Embedding, check_unit_length, cosine, mean_embedding, unit
from inference.network_loading import LoadedNetwork, load_network, network_in
from inference.recordings import RecordingError, Speech, load_speech, recording_remarks
from inference.sources import Source, sources_in
from models.checkpoint import CheckpointError
from models.network_description import NetworkDescription

logger = logging.getLogger(__name__)


class SpeakerEncoder:
    """A trained network, ready to embed and to compare.

        encoder = SpeakerEncoder()
        encoder.verify("a.wav", "b.flac").verdict  # "same" or "different"

        ann = encoder.embed(["a1.wav", "a2.wav"])  # by several recordings of one speaker
        bob = encoder.embed("b.flac")
        bob.vector  # (128,) float32, of length 1
        bob.speech_seconds  # which a log-likelihood ratio depends on, beside the score
        encoder.compare(ann, bob).log_likelihood_ratio  # above 0 for one speaker

    Args:
        network: an exported network, or a checkpoint, beside which its export is kept, or a network that was loaded
            already; the bundled network if not given.
        calibration: the file of a calibration, as `--calibrate` writes it; the network's own if not given.

    Attributes:
        description: the description in the network's file.
        features: settings of the features that the network is given.
        calibration: turns the network's scores into log-likelihood ratios; None if it has none.
        scoring: how its embeddings are compared.

    Raises:
        CheckpointError: the file is missing, damaged, or of a network that this version can't use.
        CalibrationFileError: the calibration is missing, damaged, or of another network.
    """

    def __init__(
        self,
        network: str | os.PathLike | LoadedNetwork | None = None,
        calibration: str | os.PathLike | None = None,
    ):
        loaded = network if isinstance(network, LoadedNetwork) else load_network(network)
        self._path, self._session = loaded.path, loaded.session
        self.description = loaded.session.description
        try:
            self.features = FeatureSettings.from_json(self.description.features)
            self.calibration = _calibration(self.description)
            self.scoring = Scoring(_cohort(self.description))
            self._check_norm()
        except ValueError as error:
            raise CheckpointError(f"{loaded.name} is of another version of this tool ({error})") from error
        if calibration is not None:
            self.calibration = read_calibration(Path(calibration), self.fingerprint)
            try:
                self._check_norm()
            except ValueError as error:
                raise CalibrationFileError(f"{calibration} does not fit {loaded.name}: {error}") from error

    def _check_norm(self) -> None:
        if self.calibration is not None and self.calibration.score_norm != self.scoring.norm:
            raise ValueError(f"calibrated on scores that are not its own: {self.calibration.score_norm}")

    @classmethod
    def from_exported(cls, content: bytes) -> "SpeakerEncoder":
        """Make an encoder of the content of an exported network's file.

        Raises:
            CheckpointError: as for a file.
        """
        return cls(network_in(content))

    @property
    def exported(self) -> bytes:
        """The content of the exported network's file, of which `from_exported` makes the same encoder elsewhere."""
        return self._session.content

    @property
    def origin(self) -> dict[str, str | int | bool]:
        """The network's file, if it came from one, and its training, to be stated beside results."""
        path: dict[str, str | int | bool] = {} if self._path is None else {"path": str(self._path)}
        return {**path, **{name: getattr(self.description, name) for name in ("stage", "step", "finished")}}

    @property
    def fingerprint(self) -> str:
        """A text that only this network has; embeddings are compared only with those of the same fingerprint."""
        return self.description.fingerprint

    @property
    def trained_on(self) -> frozenset[str]:
        """Every speaker who ever trained the network, as `corpus/name`."""
        return frozenset(self.description.trained_on)

    @property
    def held_out(self) -> tuple[str, ...]:
        """The speakers who were held out of its training, as they were named."""
        return self.description.held_out

    @property
    def normalizes(self) -> bool:
        """Whether the network itself scales its output to length 1."""
        return self.description.network.normalize_embeddings

    @cached_property
    def embedding_size(self) -> int:
        """How many values an embedding has."""
        return self.embed_features([np.zeros((1, self.features.size), np.float32)]).shape[1]

    def embed(
        self, recordings: Iterable[Source] | Source, sample_rate: int | None = None, channel: Wanted = None
    ) -> Embedding:
        """Embed a recording, or some of one speaker together, and measure how much speech is in them.

        Args:
            recordings: one, as for `embed_utterance`, or a list of some; an array of two dimensions goes in a list.
            sample_rate: Hz, of samples; a file states its own.
            channel: of several, the one to take, counted from 1, or "mix"; chosen by what they hold if not given.

        Raises:
            RecordingError: a recording can't be used; the message says why.
            ValueError: there are no recordings.
        """
        return self.embed_speech(*(load_speech(source, sample_rate, channel) for source in _several(recordings)))

    def embed_speech(self, *recordings: Speech) -> Embedding:
        """Embed a recording that was loaded already, or some of one speaker together."""
        embeddings = self.embed_utterances([speech.signal for speech in recordings])
        vector = mean_embedding(embeddings) if len(recordings) > 1 else embeddings[0]
        remarks = tuple(remark for speech in recordings for remark in recording_remarks(speech))
        return Embedding(vector, sum(speech.seconds for speech in recordings), remarks)

    def compare(self, a: Embedding, b: Embedding, policy: Policy = DEFAULT_POLICY) -> Comparison:
        """Decide whether two embeddings are of one speaker.

        Without a calibration there is a cosine distance, but neither a ratio nor a verdict.

        Args:
            policy: the prior, or the rate of false acceptance, to decide by.

        Raises:
            CalibrationError: a rate of false acceptance was asked for that the calibration, or its absence, does not
                allow.
        """
        score, seconds = self.scoring.pair(a.vector, b.vector), (a.speech_seconds, b.speech_seconds)
        return decisions.compare(cosine(a.vector, b.vector), score, seconds, self.calibration, policy)

    def verify(
        self, a: Iterable[Source] | Source, b: Iterable[Source] | Source, policy: Policy = DEFAULT_POLICY
    ) -> Comparison:
        """Decide whether two recordings are of one speaker: `embed` both, and `compare`.

        Raises:
            RecordingError, ValueError: as for `embed`.
            CalibrationError: as for `compare`.
        """
        return self.compare(self.embed(a), self.embed(b), policy)

    def embed_utterance(
        self, wav: Source, sample_rate: int | None = None, channel: Wanted = None
    ) -> NDArray[np.float32]:
        """Embed a recording.

        Args:
            wav: a path of any format that libsndfile or FFmpeg reads; "-" for standard input; a binary file; or
                samples: an array, a tensor or a list, of integers or floating point, of shape (samples,),
                (samples, channels) or (channels, samples).
            sample_rate: Hz, of samples; a file states its own.
            channel: of several, the one to take, counted from 1, or "mix"; chosen by what they hold if not given.

        Returns:
            float32, shape = (embedding_size,), of length 1.

        Raises:
            RecordingError: the recording can't be used; the message says why.
        """
        return self.embed_utterances([_signal(wav, sample_rate, channel)])[0]

    def embed_speaker(
        self, wavs: Iterable[Source] | Source, sample_rate: int | None = None, channel: Wanted = None
    ) -> NDArray[np.float32]:
        """Embed a speaker by some recordings, each as for `embed_utterance`, or by one: (embedding_size,), of length 1.

        Raises:
            RecordingError: a recording can't be used.
            ValueError: there are no recordings.
        """
        signals = [_signal(source, sample_rate, channel) for source in _several(wavs)]
        return mean_embedding(self.embed_utterances(signals))

    @staticmethod
    def similarity(a: ArrayLike, b: ArrayLike) -> float:
        """Return the cosine of two embeddings, in [-1, 1]; what is high enough depends on the network.

        Args:
            a, b: vectors, (d,) each.

        Raises:
            ValueError: they are of other shapes, or one has no direction.
        """
        return cosine(a, b)

    def embed_utterances(self, signals: list[np.ndarray]) -> NDArray[np.float32]:
        """Embed signals of speech.

        Args:
            signals: each int16, shape = (samples,), at 8 kHz.

        Returns:
            float32, shape = (utterances, embedding_size), each row of length 1.

        Raises:
            CheckpointError: the network gives vectors of other lengths than it should.
        """
        return self.embed_features([mfcc(signal, self.features) for signal in signals])

    def embed_features(self, utterances: list[np.ndarray]) -> NDArray[np.float32]:
        """Embed utterances given as frames, each (frames, features.size); returns as `embed_utterances`.

        (This is the only place that decides which frames of an utterance the network sees.)
        """
        embeddings = np.concatenate([self._session(self._seen(frames)) for frames in utterances])
        if self.normalizes:
            check_unit_length(embeddings)
        return unit(embeddings)

    def _seen(self, frames: np.ndarray) -> np.ndarray:
        """All frames of an utterance, (1, frames, features), repeated up to a training window if it is shorter."""
        return frames[np.arange(max(len(frames), self.description.network.window_frames)) % len(frames)][None]


def _calibration(description: NetworkDescription) -> Calibration | None:
    return None if description.calibration is None else Calibration.from_json(description.calibration)


def _cohort(description: NetworkDescription) -> Cohort | None:
    return None if description.cohort is None else Cohort.from_json(description.cohort)


def _several(given: Iterable[Source] | Source) -> list[Source]:
    """The recordings that were given, as a list, also if it was only one."""
    try:
        recordings = sources_in(given)
    except UnusableAudioError as error:
        raise RecordingError(str(error)) from error
    if not recordings:
        raise ValueError("expected at least one recording of the speaker. Received none")
    return recordings


def _signal(source: Source, sample_rate: int | None, channel: Wanted) -> np.ndarray:
    """Load the speech of a recording, and log the remarks on it."""
    speech = load_speech(source, sample_rate, channel)
    for remark in recording_remarks(speech):
        logger.warning(remark)
    return speech.signal
