"""What tells the contents of files apart."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's content, 64 hexadecimal digits.

    Raises:
        OSError: there is no such file, or it can't be read.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def samples_sha256(signal: NDArray[np.int16]) -> str:
    """The SHA-256 of samples, 64 hexadecimal digits: the same recording again has the same, whatever its file is.

    Args:
        signal: int16, shape = (samples,).
    """
    return hashlib.sha256(np.ascontiguousarray(signal, "<i2").data).hexdigest()
