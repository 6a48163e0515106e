"""From features to embeddings.

A window gives an embedding; an utterance's is the mean of its windows', a speaker's the mean of the utterances'. All
are scaled to unit length before and after each mean.
"""

import logging
from pathlib import Path

import numpy as np

from audio.mfcc import FeatureSettings, mfcc
from audio.windows import frame_indices, window_starts
from models.backend import load_tensorflow
from models.checkpoint import CheckpointError, load_checkpoint

UNIT_TOLERANCE = 1e-3

logger = logging.getLogger(__name__)


class SpeakerEncoder:
    """A trained network, ready to embed."""

    def __init__(self, checkpoint: Path):
        """Load a checkpoint.

        Raises:
            CheckpointError: missing, damaged, or of a network that this version can't build.
        """
        loaded = load_checkpoint(checkpoint)
        logger.info("using %s (%s, step %s)", checkpoint, loaded.description["stage"], loaded.description["step"])
        if not loaded.description["finished"]:
            logger.warning("the training of that network was not finished")
        load_tensorflow()
        from models.network import restore_embedder

        try:
            self.features = FeatureSettings(**loaded.description["features"])
            self.trained_on = frozenset(loaded.description["trained_on"])
            self.held_out = tuple(loaded.description["held_out"])
            self.origin = {"path": str(checkpoint)}  # what figures are of
            self.origin |= {name: loaded.description[name] for name in ("stage", "step", "finished")}
            self.normalizes = bool(loaded.description["network"]["normalize_embeddings"])
            self._window_frames, self._embed = restore_embedder(loaded)
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{checkpoint} is of another version of this tool ({error})") from error

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
        """Embed utterances given as frames, each (frames, 60); returns as `embed_utterances`."""
        windows = [self._windows(frames) for frames in utterances]
        owner = np.repeat(np.arange(len(windows)), [len(group) for group in windows])
        embeddings = self._embed(np.concatenate(windows))  # (all windows, embedding_size)
        if self.normalizes:
            check_unit_length(embeddings)
        embeddings = unit(embeddings)
        sums = np.zeros((len(windows), embeddings.shape[1]), np.float32)
        np.add.at(sums, owner, embeddings)
        return unit(sums)

    def _windows(self, frames: np.ndarray) -> np.ndarray:
        starts = window_starts(len(frames), self._window_frames)
        return frames[frame_indices(starts, self._window_frames, len(frames))]  # (windows, frames, 60)


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


def cosine_distance(a: np.ndarray, b: np.ndarray) -> float:
    """1 - cosine of two unit vectors, in [0, 2]; 0 for the same direction."""
    return float(1 - a @ b)
