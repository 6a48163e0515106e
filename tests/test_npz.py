"""An npz file comes back as it was written; a damaged one is refused by the reader's own error, and by no other."""

import random
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tiny import checkpoint

from inference.profile_file import Profile, ProfileError, Profiles, read_profiles, write_profiles
from models.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from storage.npz import read_npz, write_npz
from training.teacher import TeacherError, read_lessons

COPIES = 400  # of each kind; with 9,000 nothing else comes to light
LARGEST = 1 << 20
NAMES = [f"corpus/speaker/{number}" for number in range(20)]
HEADER = 200  # bytes from a zip file's mark within which most of what is parsed stands


def unit_rows(count: int, size: int) -> np.ndarray:
    rows = np.random.default_rng(0).normal(size=(count, size)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def a_store(path: Path) -> None:
    profiles = tuple(Profile(f"speaker {number}", 1, 2.0, "2026-01-01") for number in range(5))
    write_profiles(path, Profiles("f" * 64, profiles, unit_rows(5, 16)))


def a_checkpoint(path: Path) -> None:
    save_checkpoint(path, checkpoint({}, {"embedder/a": unit_rows(8, 8), "head/b": np.ones(7)}))


def a_teacher(path: Path) -> None:
    write_npz(path, {"utterances": np.array(NAMES), "embeddings": unit_rows(len(NAMES), 8)})


def damaged(content: bytes, rng: random.Random) -> bytes:
    """A copy with a few bits flipped, bytes replaced or swapped, or without its end; mostly near the zip's marks."""
    copy = bytearray(content)
    marks = [place for place in range(len(copy)) if copy[place : place + 2] == b"PK"]
    for _ in range(rng.choice((1, 1, 1, 2, 5, 20))):
        near = rng.choice(marks) + rng.randrange(HEADER)
        place = min(near if rng.random() < 0.6 else rng.randrange(len(copy)), len(copy) - 1)
        other = min(place + rng.randrange(1, 60), len(copy) - 1)
        how = rng.randrange(10)
        if how < 3:
            copy[place] ^= 1 << rng.randrange(8)
        elif how < 6:
            copy[place] = rng.randrange(256)
        elif how < 9:
            copy[place], copy[other] = copy[other], copy[place]
        else:
            del copy[max(place, 1) :]
    return bytes(copy)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("make, read, error", [
    (a_store, read_profiles, ProfileError),
    (a_checkpoint, load_checkpoint, CheckpointError),
    (a_teacher, lambda path: read_lessons(path, NAMES), TeacherError),
])  # fmt: skip
def test_of_damaged_copies_only_the_documented_error_comes(tmp_path, make, read, error):
    make(tmp_path / "whole.npz")
    content = (tmp_path / "whole.npz").read_bytes()
    read(tmp_path / "whole.npz")
    rng, outcomes = random.Random(7), Counter()
    for _ in range(COPIES):
        (tmp_path / "copy.npz").write_bytes(damaged(content, rng))
        try:
            read(tmp_path / "copy.npz")
            outcomes["read"] += 1
        except error:
            outcomes["refused"] += 1
    assert outcomes["refused"] > COPIES / 2  # the others were damaged where nobody looks, say in a date


@pytest.mark.parametrize("place, value, reason", [
    (6, 0x20, "patched"),  # of a member's flags
    (6, 0x01, "compressed or encrypted"),
    (8, 0x08, "compressed or encrypted"),  # the method
])  # fmt: skip
def test_members_that_python_can_not_read_are_no_traceback(tmp_path, place, value, reason):
    write_npz(tmp_path / "a.npz", {"a": np.zeros(3)})
    content = bytearray((tmp_path / "a.npz").read_bytes())
    directory = content.index(b"PK\1\2")
    content[place] |= value
    content[directory + place + 2] |= value
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        read_npz(tmp_path / "a.npz", LARGEST)


def write_member(path: Path, header: str, content: bytes = b"") -> None:
    """An archive of one array with such a header."""
    text = f"{header:<100}\n".encode()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content)


@pytest.mark.parametrize("header", ["{'descr': '<f8', 'shape': (03,)}", "((((", "'" * 3, "[" * 90])
def test_headers_that_do_not_parse_are_no_traceback(tmp_path, header):
    write_member(tmp_path / "a.npz", header)
    with pytest.raises(ValueError, match=r"a\.npy has a header that can't be read|Cannot parse header"):
        read_npz(tmp_path / "a.npz", LARGEST)


@pytest.mark.filterwarnings("error")
def test_a_header_that_looks_like_one_of_python_2_is_read_without_a_word(tmp_path):
    write_member(tmp_path / "a.npz", "{'descr': '<f8', 'fortran_order': False, 'shape': (3L,)}", bytes(24))
    assert read_npz(tmp_path / "a.npz", LARGEST)["a"].tolist() == [0, 0, 0]


def test_arrays_and_texts_come_back(tmp_path):
    arrays = {"b/weights:0": unit_rows(4, 3), "empty": np.zeros((0, 2), np.int16), "text": "d\u00e9j\u00e0 vu"}
    write_npz(tmp_path / "new" / "a.npz", arrays)
    back = read_npz(tmp_path / "new" / "a.npz", LARGEST)
    assert list(back) == list(arrays)
    np.testing.assert_array_equal(back["b/weights:0"], arrays["b/weights:0"])
    assert (back["empty"].shape, back["empty"].dtype) == ((0, 2), np.int16)
    assert str(back["text"]) == arrays["text"]


def test_objects_are_not_written_and_the_earlier_file_stays(tmp_path):
    write_npz(tmp_path / "a.npz", {"a": np.ones(2)})
    with pytest.raises(ValueError, match="Object arrays"):
        write_npz(tmp_path / "a.npz", {"a": np.array([{}], object)})
    assert read_npz(tmp_path / "a.npz", LARGEST)["a"].tolist() == [1, 1]


def test_more_than_is_allowed_is_not_read(tmp_path):
    write_npz(tmp_path / "a.npz", {"a": np.zeros(LARGEST, np.uint8)})
    with pytest.raises(ValueError, match="larger than 1 MB"):
        read_npz(tmp_path / "a.npz", LARGEST)
