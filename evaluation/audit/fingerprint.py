"""Recordings that hold the same sound, found among many by their content: copies, resampled, cut or of another level.

Each frame of log mel values becomes a code of 24 bits: whether the difference of neighbouring bands rises or falls
(Haitsma & Kalker, "A Highly Robust Audio Fingerprinting System", ISMIR 2002). Equal codes propose that two recordings
are one, so that not every pair need be compared; the share of equal bits around that place decides. Nobody says a
sentence twice in the same way, frame by frame.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BITS = 24
BANDS = BITS + 1  # of the log mel filters, spread over the lowest that every telephone passes
SMOOTHED = 9  # frames: cuts fall between frames, and what changes in less than a syllable does not survive that
REACH = 6  # frames, over which a difference rises or falls
COMPARED = 64  # frames, whose bits decide
FEWEST_FRAMES = 32  # of a recording; shorter ones are not looked for
LARGEST_ERROR = 0.15  # share of bits that differ; of 19 copies in 20 up to 0.09, of other recordings 0.17 or more
MOST_HOLDERS = 50  # of a code; one that more recordings have proposes nothing


class Match(NamedTuple):
    """Two recordings that hold the same sound."""

    first: int  # row of the recording
    second: int
    error: float  # share of bits that differ, at best


def matches(log_mels: Sequence[np.ndarray]) -> list[Match]:
    """Find all pairs of recordings with the same sound, in order.

    Args:
        log_mels: log energy and log mel values of each recording, (frames, 1 + filters), 25 filters or more.
    """
    bits = [_bits(mel) for mel in log_mels]
    found = []
    for (first, second), lags in sorted(_proposed([_codes(of_one) for of_one in bits]).items()):
        error = min(_error(bits[first], bits[second], lag) for lag in lags)
        if error <= LARGEST_ERROR:
            found.append(Match(first, second, error))
    return found


def _bits(log_mel: np.ndarray) -> NDArray[np.bool_]:
    """(frames, 1 + filters) -> (frames, 24), none of a short recording."""
    if len(log_mel) < FEWEST_FRAMES:
        return np.zeros((0, BITS), bool)
    bands = log_mel[:, 1 : 1 + BANDS].astype(np.float32)
    sums = np.cumsum(np.pad(bands, ((1, 0), (0, 0))), axis=0)
    smooth = sums[SMOOTHED:] - sums[:-SMOOTHED]
    slopes = np.diff(smooth, axis=1)
    return slopes[REACH:] > slopes[:-REACH]


def _codes(bits: np.ndarray) -> NDArray[np.int64]:
    return bits @ (1 << np.arange(BITS, dtype=np.int64))


def _proposed(codes: list[np.ndarray]) -> dict[tuple[int, int], set[int]]:
    """Pairs of recordings with equal codes, and how many frames the second is then behind the first."""
    owners = np.repeat(np.arange(len(codes)), [len(of_one) for of_one in codes])
    places = np.concatenate([np.arange(len(of_one)) for of_one in codes])
    pairs: dict[tuple[int, int], set[int]] = defaultdict(set)
    for rows in _equal(np.concatenate(codes)):
        if len(np.unique(owners[rows])) > MOST_HOLDERS:
            continue
        for number, row in enumerate(rows):
            for other in rows[number + 1 :]:
                if owners[row] != owners[other]:
                    pairs[int(owners[row]), int(owners[other])].add(int(places[other] - places[row]))
    return pairs


def _equal(codes: np.ndarray) -> Iterator[np.ndarray]:
    """The rows of each code that occurs more than once, in order."""
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    return (rows for rows in np.split(order, starts[1:]) if len(rows) > 1)


def _error(first: np.ndarray, second: np.ndarray, lag: int) -> float:
    """The smallest share of differing bits in `COMPARED` frames, where the second is `lag` frames behind the first."""
    begin = max(-lag, 0)
    length = min(len(first) - begin, len(second) - begin - lag)
    compared = min(COMPARED, len(first), len(second))
    if length < compared:
        return 1.0
    differ = (first[begin : begin + length] != second[begin + lag : begin + lag + length]).mean(axis=1)
    sums = np.cumsum(np.concatenate([[0.0], differ]))
    return float((sums[compared:] - sums[:-compared]).min() / compared)
