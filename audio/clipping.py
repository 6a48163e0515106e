"""Whether it was recorded too loud: then the tops of its waves are cut off, and flat.

This is judged by the tops and not by full scale, as a recording may have been turned down afterwards. In the recording
as it is, a flat top is a run of samples that are all equal to the highest or the lowest one. If it was resampled since
then, such tops are wavy, and can be recognised only by how many there are.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

SHORTEST_TOP, FEWEST_SAMPLES = 1e-4, 3  # s, and samples: a run that is long enough for a flat top
FEWEST_TOPS = 4  # of cuts of half a second of 494 recordings, one had 3, the others none
QUIET = 256  # of 16-bit full scale: below, steps of the converter look like flat tops
PEAK_SHARE, FEWEST_PEAKS = 0.001, 3  # of the samples, that are at the peak or above it
ACTIVE, NEAR = 0.05, 0.7  # of the peak
WAVY_SHARE = 0.16  # of the active samples, that are near the peak; of 1,376 recordings one has more, and 1 % of their
# cuts of half a second, of which speech of that share clipped before it was resampled has 40 % (3 %) to 98 % (10 %)


class FlatTops:
    """Counts flat tops in a signal that comes in blocks."""

    def __init__(self, rate: int):
        """Count in a signal of `rate` Hz."""
        self._shortest = max(round(rate * SHORTEST_TOP), FEWEST_SAMPLES)
        self._tops = {1: (float(QUIET), 0), -1: (float(QUIET), 0)}  # by sign: the level, and the tops at that level

    @property
    def count(self) -> int:
        """How many flat tops there are on both sides."""
        return sum(count for _, count in self._tops.values())

    def watched(self, blocks: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """Hand on the blocks of the signal, and look at them: (samples,) float32, of 16-bit full scale."""
        for block in blocks:
            if block.size:
                self._look(block, 1, block.max())
                self._look(block, -1, -block.min())
            yield block

    def _look(self, block: NDArray[np.float32], sign: int, peak: float) -> None:
        level, count = self._tops[sign]
        if peak > level:
            level, count = float(peak), 0
        if peak == level:
            places = np.flatnonzero(block == sign * peak)
            ends = np.flatnonzero(np.diff(places, append=places[-1] + 2) > 1)
            count += int((np.diff(ends, prepend=-1) >= self._shortest).sum())
        self._tops[sign] = level, count


def has_wavy_tops(signal: NDArray[np.float32]) -> bool:
    """Decide whether far more of a signal is near its peak than of speech, as if it was clipped before a codec.

    Args:
        signal: float32, (samples,), at least one, whatever its scale and offset.
    """
    magnitude = np.abs(signal - np.median(signal))
    highest = max(int(len(magnitude) * PEAK_SHARE), min(FEWEST_PEAKS, len(magnitude)))
    peak = np.partition(magnitude, -highest)[-highest]
    return bool(peak > 0 and (magnitude >= NEAR * peak).sum() > WAVY_SHARE * (magnitude > ACTIVE * peak).sum())
