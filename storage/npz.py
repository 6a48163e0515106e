"""Write npz files, and read those that may be anybody's.

When one is read, nothing is unpickled, unpacked, or allocated beyond what the file holds.
"""

import io
import math
import struct
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from tokenize import TokenError
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo, is_zipfile

import numpy as np
from numpy.lib import format as npy

from storage.atomic import write_atomically
from storage.places import is_remote

ENCRYPTED = 0x1  # bit of a member's flags
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
PARSING = (SyntaxError, TokenError, RecursionError, MemoryError)  # of Python's own parser, which NumPy asks
DAMAGED = (  # what zipfile and NumPy raise beside ValueError, by 9,000 damaged copies each of three kinds of file
    *(LookupError, TypeError, EOFError, RuntimeError, OverflowError),  # NotImplementedError is a RuntimeError
    *(BadZipFile, zlib.error, struct.error),
)


def write_npz(path: Path, arrays: Mapping[str, np.ndarray | str], private: bool = False) -> None:
    """Replace `path` with arrays and texts by their names, as a whole or not at all.

    Args:
        private: whether only the owner may read it, and enter the folders that are made.

    Raises:
        ValueError: one of them holds objects.
        OSError: it can't be written to, or the disk is full.
    """
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **{name: np.asarray(array) for name, array in arrays.items()})
    write_atomically(path, content.getvalue(), private)


def read_npz(path: Path, largest: int, only: str | None = None) -> dict[str, np.ndarray]:
    """Read what `numpy.savez` wrote, and nothing else.

    Args:
        largest: bytes, of all arrays together.
        only: the name of the one array to read; all if not given. Damage to the data of the others goes unseen.

    Raises:
        ValueError: it is no npz file, is damaged, compressed or encrypted, holds objects, or an array is larger than
            its bytes or than allowed.
        OSError: it can't be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy takes a header that does not parse for one of Python 2
            return _read(path, largest, only)
    except DAMAGED as error:
        raise ValueError(str(error)) from error


def _read(path: Path, largest: int, only: str | None) -> dict[str, np.ndarray]:
    file: Path | io.BytesIO = io.BytesIO(path.read_bytes()) if is_remote(path) else path
    _check_file(file, largest)
    with np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files if only in (None, name)}


def _check_file(path: Path | io.BytesIO, largest: int) -> None:
    if not is_zipfile(path):  # what NumPy says of other files is advice to unpickle them
        raise ValueError("no npz file")
    with ZipFile(path) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > largest:
            raise ValueError(f"larger than {largest >> 20} MB")
        for member in members:
            _check(archive, member)


def _check(archive: ZipFile, member: ZipInfo) -> None:
    if member.compress_type != ZIP_STORED or member.flag_bits & ENCRYPTED:
        raise ValueError(f"{member.filename} is compressed or encrypted")
    with archive.open(member) as file:
        read_header = HEADERS.get(npy.read_magic(file))
        if read_header is None:
            raise ValueError(f"{member.filename} is of an unknown version")
        try:
            shape, _, dtype = read_header(file)
        except PARSING as error:
            raise ValueError(f"{member.filename} has a header that can't be read") from error
        stated = file.tell() + math.prod(shape) * dtype.itemsize
        if not dtype.hasobject and (min(shape, default=0) < 0 or stated != member.file_size):  # NumPy refuses objects
            raise ValueError(f"{member.filename} does not hold what its header states")
