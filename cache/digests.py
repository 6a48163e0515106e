"""Sets of SHA-256 digests as sorted arrays: a million take 32 MB."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

SIZE = 32  # bytes of a digest

Raw = NDArray[np.void]  # digests, (n,), each of `SIZE` bytes


def raw(digests: Iterable[str]) -> Raw:
    """Digests in hexadecimal digits as an array, in their order."""
    return from_bytes(bytes.fromhex("".join(digests)))


def from_bytes(digests: bytes | bytearray) -> Raw:
    """Digests that follow one another as an array."""
    return np.frombuffer(digests, dtype=f"V{SIZE}")


def hexadecimal(digests: Raw) -> Iterator[str]:
    """Digests of an array in hexadecimal digits."""
    return (digest.tobytes().hex() for digest in digests)


def contained(digests: Raw, ordered: Raw) -> NDArray[np.bool_]:
    """Which of the digests are among others, which are in order; bool, (n,)."""
    if not len(ordered):
        return np.zeros(len(digests), bool)
    rows = np.minimum(np.searchsorted(ordered, digests), len(ordered) - 1)
    return _equal(ordered[rows], digests)


def repeated(ordered: Raw) -> Raw:
    """The digests that stand more than once in an array in order, each once and again for every further time."""
    return ordered[1:][_equal(ordered[1:], ordered[:-1])]


def _equal(a: Raw, b: Raw) -> NDArray[np.bool_]:
    words_a, words_b = (np.ascontiguousarray(one).view(np.uint64).reshape(-1, SIZE // 8) for one in (a, b))
    return (words_a == words_b).all(axis=1)
