"""From recordings, signals or features to embeddings.

The network sees an utterance whole; a speaker's embedding is the mean of the utterances'. All are scaled to unit length
before and after the mean.
"""

import logging
import os
import reprlib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import numpy as np

from audio.channels import Wanted
from audio.errors import UnusableAudioError
from audio.mfcc import FeatureSettings, mfcc
from inference.calibration import Calibration
from inference.cohort import Cohort, Scoring
from inference.onnx_session import Network
from inference.recordings import RecordingError, load_speech, recording_remarks
from inference.similarity import cosine
from inference.sources import Source, sources_in
from models.checkpoint import CheckpointError
from models.onnx_file import BUNDLED, check_seal, read_exported
from storage.digest import file_sha256

UNIT_TOLERANCE = 1e-3
LONGEST_WINDOW = 6000  # frames: a minute, where training's have 2 s
CHECKPOINT_START = b"PK"  # of an npz file

logger = logging.getLogger(__name__)


class SpeakerEncoder:
    """A trained network, ready to embed.

        encoder = SpeakerEncoder()
        a = encoder.embed_utterance("a.wav")
        b = encoder.embed_speaker(["b1.flac", "b2.flac"])
        encoder.similarity(a, b)  # cosine, in [-1, 1]

    Args:
        network: an exported network, or a checkpoint, of which an export is kept beside it; the bundled network unless
            given.

    Raises:
        CheckpointError: missing, damaged, or of a network that this version can't use.
    """

    def __init__(self, network: str | os.PathLike | None = None):
        path = BUNDLED if network is None else Path(network)
        loaded, self.file = _load(path)
        self._take(loaded, str(path))
        self.origin = {"path": str(path), **self.origin}
        which = "the bundled network" if path == BUNDLED else path
        logger.info("using %s (%s, step %s)", which, self.origin["stage"], self.origin["step"])
        if not self.origin["finished"]:
            logger.warning("the training of that network was not finished")

    @classmethod
    def from_exported(cls, content: bytes) -> "SpeakerEncoder":
        """Of the content of an exported network's file.

        Raises:
            CheckpointError: as for a file.
        """
        encoder = cls.__new__(cls)
        check_seal(content, "the network")
        encoder.file = None
        encoder._take(Network(content, "the network"), "the network")
        return encoder

    def _take(self, network: Network, name: str) -> None:
        about = network.description
        self._network = network
        try:
            self.features = FeatureSettings(**about["features"])
            self.trained_on = frozenset(_names(about["trained_on"]))
            self.held_out = tuple(_names(about["held_out"]))
            self.origin = {key: about[key] for key in ("stage", "step", "finished")}  # what figures are of
            self.normalizes = bool(about["network"]["normalize_embeddings"])
            self.fingerprint = str(about["fingerprint"])
            self.calibration = about["calibration"] and Calibration.from_json(about["calibration"])
            cohort = about.get("cohort")  # which networks of earlier versions have not
            self.scoring = Scoring(cohort and Cohort.from_json(cohort))
            if self.calibration is not None and self.calibration.score_norm != self.scoring.norm:
                raise ValueError(f"calibrated on scores that are not its own: {self.calibration.score_norm}")
            self._window_frames = _window_frames(about["network"]["window_frames"])
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{name} is of another version of this tool ({error})") from error

    @cached_property
    def embedding_size(self) -> int:
        """Values of an embedding."""
        return self.embed_features([np.zeros((1, self.features.size), np.float32)]).shape[1]

    def embed_utterance(self, wav: Source, sample_rate: int | None = None, channel: Wanted = None) -> np.ndarray:
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
            RecordingError: it can't be used; the message says why.
        """
        return self.embed_utterances([_signal(wav, sample_rate, channel)])[0]

    def embed_speaker(
        self, wavs: Iterable[Source] | Source, sample_rate: int | None = None, channel: Wanted = None
    ) -> np.ndarray:
        """Embed a speaker by some recordings, each as for `embed_utterance`, or by one: (embedding_size,), of length 1.

        Raises:
            RecordingError: one of them can't be used.
            ValueError: there are none.
        """
        try:
            recordings = sources_in(wavs)
        except UnusableAudioError as error:
            raise RecordingError(str(error)) from error
        if not recordings:
            raise ValueError("expected at least one recording of the speaker. Received none")
        return mean_embedding(self.embed_utterances([_signal(one, sample_rate, channel) for one in recordings]))

    @staticmethod
    def similarity(a: np.ndarray, b: np.ndarray) -> float:
        """The cosine of two embeddings, in [-1, 1]; what is high enough for one speaker depends on the network.

        Raises:
            ValueError: they are of other shapes, or one has no direction.
        """
        return cosine(a, b)

    def embed_utterances(self, signals: list[np.ndarray]) -> np.ndarray:
        """Embed voiced signals.

        Args:
            signals: each int16, shape = (samples,), at 8 kHz.

        Returns:
            float32, shape = (utterances, embedding_size), each row of length 1.

        Raises:
            CheckpointError: the network gives vectors of other lengths than it should.
        """
        return self.embed_features([mfcc(signal, self.features) for signal in signals])

    def embed_features(self, utterances: list[np.ndarray]) -> np.ndarray:
        """Embed utterances given as frames, each (frames, features.size); returns as `embed_utterances`.

        (The one place that decides what of an utterance the network sees.)
        """
        embeddings = np.concatenate([self._network(self._seen(frames)) for frames in utterances])
        if self.normalizes:
            check_unit_length(embeddings)
        return unit(embeddings)

    def _seen(self, frames: np.ndarray) -> np.ndarray:
        """An utterance whole, (1, frames, features); one shorter than the training's windows is repeated up to them."""
        return frames[np.arange(max(len(frames), self._window_frames)) % len(frames)][None]


def _signal(source: Source, sample_rate: int | None, channel: Wanted) -> np.ndarray:
    """The speech of a recording; what is to be said of it goes to the log."""
    speech = load_speech(source, sample_rate, channel)
    for remark in recording_remarks(speech):
        logger.warning(remark)
    return speech.signal


def _names(value: object) -> list[str]:
    """Speakers as a description has them; `TypeError` for anything else."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise TypeError("it does not list speakers by their names")
    return value


def check_unit_length(embeddings: np.ndarray) -> None:
    """Verify that every row has L2 norm 1.

    Raises:
        CheckpointError: one has not.
    """
    worst = np.abs(np.linalg.norm(embeddings, axis=1) - 1).max()
    if not worst <= UNIT_TOLERANCE:
        raise CheckpointError(f"expected embeddings of L2 norm 1. Received one that is off by {worst:.3g}")


def unit(vectors: np.ndarray) -> np.ndarray:
    """Scale the last axis to length 1.

    Raises:
        CheckpointError: a length is zero or not finite, which only a broken network brings about.
    """
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    if not (np.isfinite(length) & (length > 0)).all():
        raise CheckpointError("the network gives embeddings without direction; train it again")
    return vectors / length


def mean_embedding(embeddings: np.ndarray) -> np.ndarray:
    """The unit vector along the mean of (n, d) embeddings: (d,)."""
    return unit(embeddings.mean(axis=0))


def _window_frames(value: object) -> int:
    """Frames of a window; a short utterance is repeated up to them, so that endless ones would take endless memory."""
    if type(value) is not int or not 1 <= value <= LONGEST_WINDOW:
        raise ValueError(f"expected window_frames from 1 to {LONGEST_WINDOW}. Received {reprlib.repr(value)}")
    return value


def _load(path: Path) -> tuple[Network, Path | None]:
    """A network, and the exported file that it is read from, if any.

    A checkpoint is exported, which loads TensorFlow, unless that was done before: the outcome is kept beside it.
    """
    if not _is_checkpoint(path):
        return Network(read_exported(path), str(path)), path
    kept = path.with_name(f"{path.name}.onnx")
    if kept.is_file():
        try:
            network = Network(read_exported(kept), str(kept))
            if network.description["checkpoint_sha256"] == file_sha256(path):
                return network, kept
        except CheckpointError as error:
            logger.warning("%s. It is made again", error)
    from models.onnx_export import export_and_keep

    content = export_and_keep(path, kept)
    return Network(content, str(path)), kept if kept.is_file() else None


def _is_checkpoint(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(CHECKPOINT_START)) == CHECKPOINT_START
    except OSError as error:
        raise CheckpointError(f"no checkpoint or exported network at {path} ({error.strerror})") from error
