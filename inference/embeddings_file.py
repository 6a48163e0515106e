"""Write embeddings of recordings to a file: NumPy's npz, or a table as text."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from storage.atomic import write_atomically
from storage.errors import UserError
from storage.npz import write_npz

SUFFIXES = (".npz", ".csv")
CSV_DIGITS = 9  # that tell any two float32 apart


def check_output(path: Path) -> None:
    """Refuse a name that `write_embeddings` would not write to.

    Raises:
        UserError: it is a folder, or ends in neither of `SUFFIXES`.
    """
    if path.is_dir():
        raise UserError(f"expected the name of a file to write. {path} is a folder")
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"expected --output to end in {' or '.join(SUFFIXES)}. Received {path}")


def write_embeddings(path: Path, embeddings: np.ndarray, files: Sequence[str]) -> None:
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
