"""Embed recordings in numbers, with every core, and save what comes out."""

import csv
import io
import logging
from collections.abc import Iterable, Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from audio.channels import Wanted
from corpus.walk import audio_files
from inference.encoder import SpeakerEncoder
from inference.recordings import RecordingError, load_speech, recording_remarks
from inference.sources import STANDARD_INPUT
from models.onnx_file import read_exported
from storage.atomic import write_atomically
from storage.errors import UserError
from storage.npz import write_npz
from storage.parallel import parallel_map
from storage.progress import tracked

CHUNK = 4  # recordings handed to a worker at once; their embeddings fit into a pipe
FEWEST_SHARED = 8  # recordings: below, starting workers takes longer than the work
SAVED_AS = (".npz", ".csv")
CSV_DIGITS = 9  # that tell any two float32 apart

logger = logging.getLogger(__name__)


def find_files(named: Iterable[str]) -> tuple[list[str], set[str]]:
    """The recordings that were named, and those in the folders that were.

    Args:
        named: files, `STANDARD_INPUT`, and folders to search at any depth for whatever is read.

    Returns:
        all of them in order, each once; and those that stand there by name.

    Raises:
        RecordingError: a folder holds no recording.
    """
    files: dict[str, None] = {}
    by_name = set()
    for name in named:
        if not Path(name).is_dir():
            files[name] = None
            by_name.add(name)
            continue
        found = audio_files(Path(name))
        if not found:
            raise RecordingError(f"{name}: no recording in this folder, at any depth")
        files.update(dict.fromkeys(map(str, found)))
    return list(files), by_name


def embed_files(
    encoder: SpeakerEncoder, files: Sequence[str], needed: set[str], workers: int, channel: Wanted = None
) -> tuple[np.ndarray, list[str]]:
    """Embed recordings; those that can't be used are left out with a warning, unless they are needed.

    Args:
        needed: files that must be used.
        workers: processes.
        channel: of several, see `load_speech`.

    Returns:
        float32 (n, embedding_size), rows of length 1; and the files (n,) that they are of.

    Raises:
        RecordingError: a needed one can't be used, or none can.
    """
    if len(files) < FEWEST_SHARED or STANDARD_INPUT in files or encoder.file is None:  # what no worker could read
        workers = 1
    embed = partial(_embed, encoder) if workers == 1 else partial(_embed_in_worker, encoder.file)
    embed = partial(embed, channel)
    rows, used = [], []
    made = parallel_map(embed, files, workers, CHUNK)
    for outcome, file in zip(tracked(made, "embed", len(files), "file"), files):
        if not isinstance(outcome, str):
            embedding, noted = outcome
            rows.append(embedding)
            used.append(file)
            for remark in noted:
                logger.warning(remark)
        elif file in needed:
            raise RecordingError(outcome)
        else:
            logger.warning("skipped %s", outcome)
    if not rows:
        raise RecordingError(f"none of the {len(files)} recordings can be used")
    return np.stack(rows), used


def check_output(path: Path) -> None:
    """Refuse a name that `save` would not write to.

    Raises:
        UserError: it is a folder, or ends in neither of `SAVED_AS`.
    """
    if path.is_dir():
        raise UserError(f"expected the name of a file to write. {path} is a folder")
    if path.suffix.lower() not in SAVED_AS:
        raise UserError(f"expected --output to end in {' or '.join(SAVED_AS)}. Received {path}")


def save(path: Path, embeddings: np.ndarray, files: Sequence[str]) -> None:
    """Write embeddings (n, d) and the files they are of, whole or not at all.

    An npz file has the arrays `embeddings` (n, d) float32 and `files` (n,) text; a CSV file has a header, and a line
    for each file with its name and its values.

    Raises:
        OSError: it can't be written to.
    """
    if path.suffix.lower() == ".csv":
        write_atomically(path, _as_csv(embeddings, files).encode(errors="surrogateescape"))
        return
    write_npz(path, {"embeddings": embeddings.astype(np.float32), "files": np.array(files)})


def _as_csv(embeddings: np.ndarray, files: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", *(f"e{number}" for number in range(embeddings.shape[1]))])
    writer.writerows([file, *(f"{value:.{CSV_DIGITS}g}" for value in row)] for file, row in zip(files, embeddings))
    return text.getvalue()


def _embed(encoder: SpeakerEncoder, channel: Wanted, file: str) -> tuple[np.ndarray, list[str]] | str:
    """The embedding and what is to be said of the recording, or the reason why there is none."""
    try:
        speech = load_speech(file, channel=channel)
    except RecordingError as error:
        return str(error)
    return encoder.embed_utterances([speech.signal])[0], recording_remarks(speech)


def _embed_in_worker(network: Path, channel: Wanted, file: str) -> tuple[np.ndarray, list[str]] | str:
    return _embed(_workers_own(network), channel, file)


@lru_cache(1)
def _workers_own(network: Path) -> SpeakerEncoder:
    """A process's own encoder: ONNX Runtime's sessions are neither handed over nor inherited."""
    return SpeakerEncoder.from_exported(read_exported(network))
