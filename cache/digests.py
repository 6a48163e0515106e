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
    return equal(ordered[find(digests, ordered, heads(ordered))], digests)


def repeated(ordered: Raw) -> Raw:
    """The digests that stand more than once in an array in order, each once and again for every further time."""
    return ordered[1:][equal(ordered[1:], ordered[:-1])]


def heads(digests: Raw) -> NDArray[np.uint64]:
    """The first eight bytes of digests as numbers, (n,), which sort as they do, many times faster."""
    return np.ascontiguousarray(digests).view(">u8").reshape(-1, SIZE // 8)[:, 0].astype(np.uint64)


def ordering(digests: Raw) -> NDArray[np.intp]:
    """The rows of digests in their order, (n,)."""
    numbers = heads(digests)
    order = np.argsort(numbers, kind="stable")
    numbers = numbers[order]
    return np.argsort(digests) if (numbers[1:] == numbers[:-1]).any() else order


def in_order(digests: Raw) -> Raw:
    """The digests in order."""
    return digests[ordering(digests)]


def find(digests: Raw, ordered: Raw, ordered_heads: NDArray[np.uint64]) -> NDArray[np.intp]:
    """The row of each digest in an array in order that is not empty; any row for those that are not in it.

    Args:
        ordered_heads: the `heads` of those in order.
    """
    numbers = heads(digests)
    rows = np.minimum(np.searchsorted(ordered_heads, numbers), len(ordered) - 1)
    others = (ordered_heads[rows] == numbers) & ~equal(ordered[rows], digests)  # which begin alike
    rows[others] = np.minimum(np.searchsorted(ordered, digests[others]), len(ordered) - 1)
    return rows


def equal(a: Raw, b: Raw) -> NDArray[np.bool_]:
    """Which digests of two arrays are the same, row by row; bool, (n,)."""
    words_a, words_b = (np.ascontiguousarray(one).view(np.uint64).reshape(-1, SIZE // 8) for one in (a, b))
    return (words_a == words_b).all(axis=1)
