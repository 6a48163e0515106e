"""Frames that stay on the disk: files mapped into memory one after another, and read as though they were one array.

What a process has touched of a mapped file counts as its memory until the kernel takes it back, which it does late; and
the kernel may map 2 MB around each window. So what was read is handed back at once: it stays in the system's cache, and
the process stays small however large the files are.
"""

import mmap
from collections.abc import Sequence

import numpy as np

WINDOWS_AT_ONCE = 64  # are handed back together: up to 128 MB


class MappedFrames:
    """The frames of several files, with as much of a NumPy array as windows need: `take`, slices, `shape`, `len`.

    What is read at once must not go beyond a file. An utterance never does.
    """

    def __init__(self, maps: Sequence[mmap.mmap], frames: Sequence[int], size: int, dtype: type[np.generic]):
        """Line up files, which begin with so many frames of `size` values each."""
        self.shape, self.dtype = (sum(frames), size), np.dtype(dtype)
        self._maps, self._row = maps, size * self.dtype.itemsize  # bytes
        self._firsts = np.cumsum([0, *frames])[:-1]  # frame of each file
        self._blocks = [
            np.frombuffer(file, self.dtype, count * size).reshape(count, size) for file, count in zip(maps, frames)
        ]
        if hasattr(mmap, "MADV_RANDOM"):  # windows lie anywhere: nothing beside them need be read ahead
            for file in maps:
                file.madvise(mmap.MADV_RANDOM)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, stretch: slice) -> np.ndarray:
        """Copy consecutive frames, (frames, size)."""
        begin, end, _ = stretch.indices(len(self))
        return self.take(np.arange(begin, max(begin, end))[None], axis=0)[0]

    def take(self, rows: np.ndarray, axis: int) -> np.ndarray:
        """Copy windows, (windows, frames) of numbers of frames -> (windows, frames, size); each lies in one file.

        Args:
            axis: 0, as for an array.

        Raises:
            IndexError: there are no such frames.
        """
        taken = np.empty((*rows.shape, self.shape[1]), self.dtype)
        if not taken.size:
            return taken
        lowest, highest = rows.min(axis=1), rows.max(axis=1)
        files = self._of(lowest)
        if lowest.min() < 0 or highest.max() >= len(self) or (self._of(highest) != files).any():
            raise IndexError("expected windows that lie in one file each")
        self._read_ahead(files, lowest, highest)
        for first in range(0, len(rows), WINDOWS_AT_ONCE):
            part = range(first, min(first + WINDOWS_AT_ONCE, len(rows)))
            for window in part:
                file = files[window]
                self._blocks[file].take(rows[window] - self._firsts[file], axis, out=taken[window], mode="clip")
            self._hand_back(np.unique(files[part]))
        return taken

    def _of(self, rows: np.ndarray) -> np.ndarray:
        """The number of the file that each frame is in; a file without frames has none."""
        return np.searchsorted(self._firsts, rows, "right") - 1

    def _read_ahead(self, files: np.ndarray, lowest: np.ndarray, highest: np.ndarray) -> None:
        """Ask for all windows at once, so that a disk reads them together and not one page after another."""
        if not hasattr(mmap, "MADV_WILLNEED"):
            return
        begin = (lowest - self._firsts[files]) * self._row // mmap.PAGESIZE * mmap.PAGESIZE
        length = (highest + 1 - self._firsts[files]) * self._row - begin
        for file, first, count in zip(files.tolist(), begin.tolist(), length.tolist()):
            self._maps[file].madvise(mmap.MADV_WILLNEED, first, count)

    def _hand_back(self, files: np.ndarray) -> None:
        if hasattr(mmap, "MADV_DONTNEED"):  # of what is mapped from a file, nothing is lost
            for file in files.tolist():
                self._maps[file].madvise(mmap.MADV_DONTNEED)
