"""Frames of several mapped files, read as though they were one array."""

import mmap

import numpy as np
import pytest

from batcher.mapped_frames import WINDOWS_AT_ONCE, MappedFrames

FRAMES = (700, 5, 1300)  # of each file
SIZE = 3


@pytest.fixture(scope="module")
def array() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((sum(FRAMES), SIZE)).astype(np.float16)


@pytest.fixture
def mapped(tmp_path, array) -> MappedFrames:
    maps = []
    for number, part in enumerate(np.split(array, np.cumsum(FRAMES)[:-1])):
        path = tmp_path / str(number)
        path.write_bytes(part.tobytes() + b"what follows the frames")
        with open(path, "rb") as file:
            maps.append(mmap.mmap(file.fileno(), part.nbytes, access=mmap.ACCESS_READ))
    return MappedFrames(maps, FRAMES, SIZE, np.float16)


def test_windows_are_those_of_the_array(mapped, array):
    assert (mapped.shape, mapped.dtype, len(mapped)) == (array.shape, array.dtype, len(array))
    starts = np.random.default_rng(1).choice([0, 3, 650, 700, 705, 1955], 3 * WINDOWS_AT_ONCE + 1)
    rows = starts[:, None] + np.arange(50) % 5
    taken = mapped.take(rows, axis=0)
    np.testing.assert_array_equal(taken, array.take(rows, axis=0))
    taken[:] = 0  # a copy
    np.testing.assert_array_equal(mapped.take(rows, axis=0), array.take(rows, axis=0))


def test_stretches_are_those_of_the_array(mapped, array):
    for stretch in (slice(0, 700), slice(701, 705), slice(705, 2005), slice(1990, 9999), slice(5, 5), slice(-3, None)):
        np.testing.assert_array_equal(mapped[stretch], array[stretch])
    assert mapped.take(np.zeros((0, 5), int), axis=0).shape == (0, 5, SIZE)


@pytest.mark.parametrize("rows", [[[-1, 0]], [[2004, 2005]], [[0, 1], [699, 700]], [[704, 705]]])
def test_windows_beyond_a_file_are_refused(mapped, rows):
    with pytest.raises(IndexError, match="lie in one file each"):
        mapped.take(np.array(rows), axis=0)


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="this system maps pages for as long as it likes")
def test_what_was_read_does_not_stay_in_the_process(tmp_path):
    frames = 1 << 19
    np.zeros((frames, 33), np.float16).tofile(tmp_path / "frames")
    with open(tmp_path / "frames", "rb") as file:
        mapped = MappedFrames([mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)], [frames], 33, np.float16)
    before = mapped_bytes()
    for first in range(4):
        mapped.take(np.arange(first, frames - 200, 1000)[:, None] + np.arange(160), axis=0)
    assert mapped_bytes() - before < 4 << 20  # of 35 MB


def mapped_bytes() -> int:
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("RssFile"))
