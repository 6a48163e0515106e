"""The names of very many utterances, in little more memory than their letters take."""

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np

ENCODING, ERRORS = "utf-8", "surrogatepass"  # names of files may be no text that UTF-8 could hold
CONTINUED = 0x80, 0xC0  # a byte with the first of these bits alone, of both, goes on with a character


def letters_of(names: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    """All letters one after another, uint8, and how many bytes of them each name has, int32 (names,)."""
    encoded = [name.encode(ENCODING, ERRORS) for name in names]
    return np.frombuffer(b"".join(encoded), np.uint8), np.array([*map(len, encoded)], np.int32)


def check_letters(letters: np.ndarray, lengths: np.ndarray) -> None:
    """Refuse what `letters_of` does not return.

    Raises:
        ValueError: lengths that do not fit, or bytes that are no text, of all names or of one.
    """
    if letters.dtype != np.uint8 or letters.ndim != 1 or (lengths < 0).any() or lengths.sum() != len(letters):
        raise ValueError("expected the letters of all names, and their lengths. Received others")
    letters.tobytes().decode(ENCODING, ERRORS)  # UnicodeDecodeError is a ValueError
    begins = (np.cumsum(lengths) - lengths)[lengths > 0]
    bit, bits = CONTINUED
    if (letters[begins] & bits == bit).any():
        raise ValueError("expected names of whole characters. Received others")


class UtteranceNames(Sequence[str]):
    """Names as `corpus/speaker/utterance`, each put together when it is asked for."""

    def __init__(self, speakers: Sequence[str], labels: np.ndarray, letters: np.ndarray, ends: np.ndarray):
        """Keep names.

        Args:
            labels: (names,), index into speakers.
            letters: in which each name's own begin and end.
            ends: (2, names), first byte of each and that behind the last.
        """
        self._speakers, self._labels, self._letters, self._ends = speakers, labels, letters, ends

    def __len__(self) -> int:
        return len(self._labels)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self[number] for number in range(len(self))[row]]
        row = range(len(self))[row]
        begin, end = self._ends[:, row]
        text = self._letters[begin:end].tobytes().decode(ENCODING, ERRORS)
        return f"{self._speakers[self._labels[row]]}/{text}"

    def __iter__(self) -> Iterator[str]:
        return (self[row] for row in range(len(self)))
