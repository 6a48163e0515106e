"""Embed many recordings, with every core, or every machine of a cluster."""

import logging
import os
from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import numpy as np

from audio.channels import Wanted
from inference.embedding import Embedding
from inference.encoder import SpeakerEncoder
from inference.recordings import RecordingError
from inference.sources import STANDARD_INPUT
from storage.counting import counted
from storage.parallel import Workers, parallel_map
from storage.progress import tracked

CHUNK = 4  # recordings handed to a worker at once; their embeddings fit into a pipe
FEWEST_SHARED = 8  # recordings: below, starting workers takes longer than the work

logger = logging.getLogger(__name__)


def embed_files(
    encoder: SpeakerEncoder, files: Sequence[str], needed: set[str], workers: Workers, channel: Wanted = None
) -> tuple[np.ndarray, list[str]]:
    """Embed recordings; those that can't be used are left out with a warning, unless they are needed.

    Args:
        files: as `inference.recording_files.find_files` gives them.
        needed: those of them that must be used.
        workers: processes or a cluster to share them out among, where they are many.
        channel: of several, see `load_speech`.

    Returns:
        float32 (n, embedding_size), rows of length 1; and the files (n,) that they are of.

    Raises:
        RecordingError: a needed one can't be used, or none can.
    """
    rows, used = [], []
    outcomes = parallel_map(*_way_to_embed(encoder, files, workers, channel), CHUNK)
    for outcome, file in zip(tracked(outcomes, "embed", len(files), "file"), files):
        if isinstance(outcome, Embedding):
            rows.append(outcome.vector)
            used.append(file)
            for remark in outcome.remarks:
                logger.warning(remark)
        elif file in needed:
            raise RecordingError(outcome)
        else:
            logger.warning("skipped %s", outcome)
    if not rows:
        raise RecordingError(f"of {counted(len(files), 'recording')} none can be used")
    return np.stack(rows), used


def _way_to_embed(
    encoder: SpeakerEncoder, files: Sequence[str], workers: Workers, channel: Wanted
) -> tuple[Callable[[str], Embedding | str], Sequence[str], Workers]:
    """What to call for each of the files, and by which workers."""
    if workers == 1 or len(files) < FEWEST_SHARED or STANDARD_INPUT in files:  # which a worker could not read
        return partial(_embed, encoder, channel), files, 1
    paths = files if isinstance(workers, int) else [os.path.abspath(file) for file in files]  # noqa: PTH100, any text
    return partial(_embed_in_worker, encoder.exported, channel), paths, workers


def _embed(encoder: SpeakerEncoder, channel: Wanted, file: str) -> Embedding | str:
    """The recording's embedding, or the reason why there is none."""
    try:
        return encoder.embed(file, channel=channel)
    except RecordingError as error:
        return str(error)


def _embed_in_worker(network: bytes, channel: Wanted, file: str) -> Embedding | str:
    return _embed(encoder_of_worker(network), channel, file)


@lru_cache(1)
def encoder_of_worker(network: bytes) -> SpeakerEncoder:
    """The one encoder of a process, of an exported network: sessions of ONNX Runtime are never inherited."""
    return SpeakerEncoder.from_exported(network)
