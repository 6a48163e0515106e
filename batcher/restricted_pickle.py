"""Pickles of numbers only: numpy arrays and plain containers go in and come out, anything else is refused.

`pickle.load` runs whatever a file tells it to. Reading here differs in three ways:

- of all functions that a pickle may name, two are admitted, and both are replaced by our own checked ones;
- lengths stated in the file are compared with the bytes that follow before memory is set aside;
- the interpreter is the pure Python one, whose memory for back references can't be inflated by a large index.
"""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, ClassVar

import numpy as np

PROTOCOL = 5
ARRAY_KINDS = "biufUS"  # booleans, integers, floats, text: what holds no Python objects


class UnsafePickleError(Exception):
    """The file is not one of ours; nothing in it was run."""


def write_record(file: BinaryIO, record: object) -> None:
    """Append one pickle of plain containers and contiguous numpy arrays."""
    pickle.dump(record, file, protocol=PROTOCOL)


def read_records(path: Path) -> Iterator[object]:
    """Yield the pickles that stand one after another in `path`.

    Raises:
        UnsafePickleError: it holds more than arrays and plain containers, or is damaged or cut short.
        OSError: it can't be read.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        bounded = _BoundedFile(file, size)
        while file.tell() < size:
            try:
                record = _ArrayUnpickler(bounded).load()
            except UnsafePickleError:
                raise
            except Exception as error:  # what a damaged pickle raises has no bounds: IndexError, KeyError, …
                raise UnsafePickleError(f"damaged or not a pickle ({type(error).__name__}: {error})") from error
            yield record


class _BoundedFile:
    """A file that refuses to read past its end, instead of setting memory aside for what is not there."""

    def __init__(self, file: BinaryIO, size: int):
        self._file = file
        self._size = size

    def read(self, count: int) -> bytes:
        self._check(count)
        return self._file.read(count)

    def readinto(self, buffer: bytearray) -> int:
        self._check(len(buffer))
        return self._file.readinto(buffer)

    def readline(self) -> bytes:
        return self._file.readline()

    def _check(self, count: int) -> None:
        if count < 0 or count > self._size - self._file.tell():
            raise UnsafePickleError("cut short, or it states a length that it does not have")


class _ArrayUnpickler(pickle._Unpickler):  # the documented class, as implemented in Python
    def find_class(self, module: str, name: str) -> object:
        if module in ("numpy._core.numeric", "numpy.core.numeric") and name == "_frombuffer":
            return _array_from_buffer
        if (module, name) == ("numpy", "dtype"):
            return _plain_dtype
        raise UnsafePickleError(f"it asks for {module}.{name}, which no file of ours does")

    def _refuse(self) -> None:
        raise UnsafePickleError("it builds objects other than arrays and plain containers")

    dispatch: ClassVar[dict] = dict(pickle._Unpickler.dispatch)
    for _code in (pickle.INST, pickle.OBJ, pickle.NEWOBJ, pickle.NEWOBJ_EX, pickle.PERSID, pickle.BINPERSID):
        dispatch[_code[0]] = _refuse
    for _code in (pickle.EXT1, pickle.EXT2, pickle.EXT4):
        dispatch[_code[0]] = _refuse


def _plain_dtype(code: str, align: bool = False, copy: bool = True) -> np.dtype:
    dtype = np.dtype(str(code))
    if dtype.kind not in ARRAY_KINDS or dtype.itemsize == 0:
        raise UnsafePickleError(f"it holds an array of {code!r}")
    return np.dtype(dtype, copy=True)


def _array_from_buffer(buffer: bytes, dtype: np.dtype, shape: tuple[int, ...], order: str) -> np.ndarray:
    if not isinstance(buffer, bytes | bytearray) or not isinstance(dtype, np.dtype):
        raise UnsafePickleError("it holds an array that is not made of bytes")
    return np.frombuffer(buffer, dtype=dtype).reshape(shape, order=order)
