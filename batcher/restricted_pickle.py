"""Pickles of numbers only: numpy arrays and plain containers go in and come out, anything else is refused.

`pickle.load` runs whatever a file tells it to. Reading here differs in five ways:

- of all instructions, only those are admitted that `write_record` needs (the interpreter is the pure Python one, which
  can be restricted so);
- of all functions that a pickle may name, two are admitted, and both are replaced by our own checked ones;
- lengths stated in the file are compared with the bytes that follow before memory is set aside;
- a record may have so many instructions and no more: each is a byte of file, and can ask for a container of a hundred
  bytes and a microsecond;
- nothing is hashed, compared or spelt out before its type is known: a tuple of two of the same tuple of two of … takes
  a few bytes of file, and exponential time.
"""

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, ClassVar, Literal

import numpy as np

PROTOCOL = 5
DTYPES = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")  # numpy's codes
PLAIN = (type(None), bool, int, float, str, bytes, np.ndarray)  # what a record may hold in its containers
LARGEST_RECORD = 48 << 20  # bytes of file; half an hour in 128 filters, the longest that there can be, takes 46 MB
LONGEST_TEXT = 16 << 10  # bytes of file; paths have up to 4 kB
TEXT = 64  # bytes of memory that texts may take, for each instruction that a record may have
INSTRUCTIONS = 1000  # of a record; an utterance's has some 60
HEADER_INSTRUCTIONS = 400_000  # of the first record, which may list 100,000 speakers with two instructions for each

_INSTRUCTIONS = b"".join((
    pickle.PROTO, pickle.MARK, pickle.STOP, pickle.MEMOIZE, pickle.BINGET, pickle.LONG_BINGET,
    pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE,
    pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.LONG1, pickle.BINFLOAT,
    pickle.SHORT_BINBYTES, pickle.BINBYTES,
    pickle.EMPTY_LIST, pickle.EMPTY_DICT, pickle.EMPTY_TUPLE,
    pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3,
    pickle.STACK_GLOBAL, pickle.REDUCE,
))  # fmt: skip


class UnsafePickleError(Exception):
    """The file is not one of ours; nothing in it was run."""


def write_record(file: BinaryIO, record: object) -> None:
    """Append one pickle of dicts with texts as keys, lists, tuples, and contiguous arrays of native `DTYPES`."""
    pickle.dump(record, file, protocol=PROTOCOL)


def read_records(path: Path, start: int = 0) -> Iterator[object]:
    """Yield the pickles that stand one after another in `path` from byte `start` on; their arrays are read-only.

    Raises:
        UnsafePickleError: it holds more than arrays and plain containers, or more of them than a record of ours does,
            or is damaged or cut short.
        OSError: it can't be read.
    """
    size, instructions = path.stat().st_size, HEADER_INSTRUCTIONS
    with open(path, "rb") as file:
        file.seek(start)
        while file.tell() < size:
            try:
                record = _ArrayUnpickler(_BoundedFile(file, size - file.tell()), instructions).load()
                _check_plain(record)
            except UnsafePickleError:
                raise
            except Exception as error:  # what a damaged pickle raises has no bounds: IndexError, KeyError, …
                raise UnsafePickleError(f"damaged or not a pickle ({type(error).__name__}: {error})") from error
            yield record
            instructions = INSTRUCTIONS


class _BoundedFile:
    """What is left of a file, up to the length of a record; it sets no memory aside for what is not there."""

    def __init__(self, file: BinaryIO, left: int):
        self._read = file.read
        self._left = min(left, LARGEST_RECORD)
        self._cut_short = left <= LARGEST_RECORD
        self.readline = file.readline  # the interpreter asks for it, though no admitted instruction calls it

    def read(self, count: int) -> bytes:
        if not 0 <= count <= self._left:
            self.refuse_beyond(count)
        self._left -= count
        return self._read(count)

    def refuse_beyond(self, count: int) -> None:
        """Go on only if `count` bytes follow."""
        if not 0 <= count <= self._left:
            if self._cut_short or count < 0:
                raise UnsafePickleError("cut short, or it states a length that it does not have")
            raise UnsafePickleError(f"it holds a record of more than {LARGEST_RECORD >> 20} MB")


class _ArrayUnpickler(pickle._Unpickler):  # the documented class, as implemented in Python
    def __init__(self, file: _BoundedFile, instructions: int):
        super().__init__(file)
        self._file = file
        self._instructions = instructions
        self._text_left = instructions * TEXT  # bytes of memory

    def load(self) -> object:
        """The inherited interpreter, with an end; frames, which only say what to read ahead, are read through."""
        self.metastack: list[list] = []
        self.stack: list = []
        self.append, self.read = self.stack.append, self._file.read
        read, dispatch = self.read, self.dispatch
        try:
            for _ in range(self._instructions):
                dispatch[read(1)[0]](self)
        except pickle._Stop as stop:  # type: ignore[attr-defined]  # missing in the stubs, as is `pop_mark`
            return stop.value
        raise UnsafePickleError("it holds a record of more instructions than any of ours has")

    def find_class(self, module: str, name: str) -> object:
        if module in ("numpy._core.numeric", "numpy.core.numeric") and name == "_frombuffer":
            return _array_from_buffer
        if (module, name) == ("numpy", "dtype"):
            return _plain_dtype
        raise UnsafePickleError(f"it asks for {module}.{name}, which no file of ours does")

    def _refuse(self) -> None:
        raise UnsafePickleError("it holds an instruction that no file of ours does")

    def _load_frame(self) -> None:
        self._file.refuse_beyond(int.from_bytes(self.read(8), "little"))

    def _load_short_text(self) -> None:
        self._append_text(self.read(1)[0])

    def _load_text(self) -> None:
        self._append_text(int.from_bytes(self.read(4), "little"))

    def _append_text(self, length: int) -> None:
        """A text takes up to four bytes of memory for each in the file."""
        if length > LONGEST_TEXT:
            raise UnsafePickleError("it holds a text that is longer than any of ours")
        text = str(self.read(length), "utf-8", "surrogatepass")
        self._text_left -= sys.getsizeof(text)
        if self._text_left < 0:
            raise UnsafePickleError("it holds a record of more text than any of ours has")
        self.append(text)

    def _load_bytearray(self) -> None:
        """Read without a second copy: the array that it is for is never written to."""
        self.append(self.read(int.from_bytes(self.read(8), "little")))

    def _build_dtype(self) -> None:
        """Expect what numpy says of a plain dtype, and ignore it; another state can reach outside the array's data."""
        state, dtype = self.stack.pop(), self.stack[-1]
        if not isinstance(dtype, np.dtype) or state != dtype.__reduce__()[2]:
            raise UnsafePickleError("it changes an object, or holds arrays of another byte order than this machine's")

    def _append(self) -> None:
        self._extend([self.stack.pop()])

    def _append_all(self) -> None:
        self._extend(self.pop_mark())  # type: ignore[attr-defined]

    def _extend(self, items: list) -> None:
        if not isinstance(self.stack[-1], list):
            raise UnsafePickleError("it appends to what is no list")
        self.stack[-1].extend(items)

    def _set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])

    def _set_items(self) -> None:
        self._update(self.pop_mark())  # type: ignore[attr-defined]

    def _update(self, items: list) -> None:
        keys = items[::2]
        if not isinstance(self.stack[-1], dict) or not all(isinstance(key, str) for key in keys):
            raise UnsafePickleError("it assigns to what is no dict, or a key that is no text")
        self.stack[-1].update(zip(keys, items[1::2], strict=True))

    dispatch: ClassVar[dict] = dict.fromkeys(range(256), _refuse)
    dispatch.update((code, pickle._Unpickler.dispatch[code]) for code in _INSTRUCTIONS)
    dispatch.update(
        {pickle.FRAME[0]: _load_frame, pickle.BYTEARRAY8[0]: _load_bytearray, pickle.BUILD[0]: _build_dtype}
    )
    dispatch.update({pickle.SHORT_BINUNICODE[0]: _load_short_text, pickle.BINUNICODE[0]: _load_text})
    dispatch.update({pickle.APPEND[0]: _append, pickle.APPENDS[0]: _append_all})
    dispatch.update({pickle.SETITEM[0]: _set_item, pickle.SETITEMS[0]: _set_items})


def _check_plain(record: object) -> None:
    """Refuse a record with functions or dtypes in it; each container is looked into once, however often it is held."""
    pending, seen = [record], set()
    while pending:
        value = pending.pop()
        if isinstance(value, dict | list | tuple):
            if id(value) not in seen:
                seen.add(id(value))
                pending += value.values() if isinstance(value, dict) else value
        elif not isinstance(value, PLAIN):
            raise UnsafePickleError("it holds more than arrays and plain containers")


def _plain_dtype(code: str, align: bool = False, copy: bool = True) -> np.dtype:
    if not isinstance(code, str) or code not in DTYPES:
        raise UnsafePickleError("it holds an array of other things than numbers")
    return np.dtype(code)


def _array_from_buffer(buffer: bytes, dtype: np.dtype, shape: tuple[int, ...], order: Literal["C", "F"]) -> np.ndarray:
    if not isinstance(buffer, bytes) or not isinstance(dtype, np.dtype):
        raise UnsafePickleError("it holds an array that is not made of bytes")
    return np.frombuffer(buffer, dtype=dtype).reshape(shape, order=order)
