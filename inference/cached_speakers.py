"""Embeddings of cached speakers, and how far they are from each other.

SAP and SAN are v1's names: the cosine distance of a speaker to the same speaker (anchor to positive), over two halves
of the utterances that share none, and to another one (anchor to negative).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cache.entries import read_signal
from cache.utterances import UtteranceCache
from corpus.recording import Speaker
from inference.embedding import cosine, cosine_distance, mean_embedding
from inference.encoder import SpeakerEncoder
from storage.errors import UserError
from storage.npz import write_npz


@dataclass(frozen=True)
class SpeakerEmbeddings:
    """A speaker's utterances, embedded."""

    speaker: Speaker
    utterances: tuple[str, ...]
    embeddings: np.ndarray  # (utterances, d) float32, rows of length 1

    @property
    def mean(self) -> np.ndarray:
        """The speaker's embedding over all utterances: (d,), of length 1."""
        return mean_embedding(self.embeddings)


def embed_cached_speaker(encoder: SpeakerEncoder, cache: UtteranceCache, speaker: Speaker) -> SpeakerEmbeddings:
    """Embed every cached utterance of a speaker whom the cache holds."""
    utterances = cache.of_speaker(speaker)
    signals = [read_signal(cache.folder, utterance) for utterance in utterances]
    names = tuple(utterance.utterance for utterance in utterances)
    return SpeakerEmbeddings(speaker, names, encoder.embed_utterances(signals))


def same_speaker_distance(speaker: SpeakerEmbeddings) -> float:
    """Return SAP: the cosine distance between the mean embeddings of the even and the odd utterances.

    Raises:
        UserError: the speaker has a single utterance.
    """
    if len(speaker.embeddings) < 2:
        raise UserError(
            f"speaker '{speaker.speaker}' has one utterance; two are needed to compare a speaker with the same speaker"
        )
    halves = mean_embedding(speaker.embeddings[::2]), mean_embedding(speaker.embeddings[1::2])
    return cosine_distance(cosine(*halves))


def different_speaker_distance(a: SpeakerEmbeddings, b: SpeakerEmbeddings) -> float:
    """Return SAN: the cosine distance between the mean embeddings of two speakers."""
    return cosine_distance(cosine(a.mean, b.mean))


def save_embeddings(path: Path, speaker: SpeakerEmbeddings) -> None:
    """Write an npz file: `embedding` (d,), `embeddings` (utterances, d) float32 and `utterances` (utterances,) text.

    Raises:
        UserError: `path` is a folder.
        OSError: it can't be written to.
    """
    if path.is_dir():
        raise UserError(f"expected the name of a file to write. {path} is a folder")
    names = np.array(speaker.utterances)
    write_npz(path, {"embedding": speaker.mean, "embeddings": speaker.embeddings, "utterances": names})
