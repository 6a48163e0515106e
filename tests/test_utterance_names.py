"""Names of utterances, kept as letters."""

import numpy as np
import pytest

from batcher.utterance_names import UtteranceNames, check_letters, letters_of

NAMES = ["p225_001", "", "a/b", "Жук", "\udcff.wav", "😀"]


@pytest.fixture
def names() -> UtteranceNames:
    letters, lengths = letters_of(NAMES)
    check_letters(letters, lengths)
    ends = np.cumsum(lengths)
    labels = np.array([0, 1, 0, 1, 0, 1])
    return UtteranceNames(("c/ann", "bob"), labels, letters, np.stack([ends - lengths, ends]))


def test_names_come_back_with_their_speakers(names):
    expected = [f"{speaker}/{name}" for speaker, name in zip(("c/ann", "bob") * 3, NAMES)]
    assert list(names) == [names[row] for row in np.arange(6)] == names[:] == expected
    assert (names[-1], names[1:3], len(names)) == (expected[-1], expected[1:3], 6)
    assert "c/ann/a/b" in names
    with pytest.raises(IndexError):
        names[6]


@pytest.mark.parametrize("letters, lengths", [
    (b"abc", [1, 1]), (b"abc", [4, -1]), (b"\xff\xfe", [2]), ("é".encode(), [1, 1]), (b"\xd0", [1]),
])  # fmt: skip
def test_letters_that_make_no_names_are_refused(letters, lengths):
    with pytest.raises(ValueError, match=r"expected|decode"):
        check_letters(np.frombuffer(letters, np.uint8), np.array(lengths, np.int32))


def test_letters_of_another_type_are_refused():
    for letters in (np.zeros(3, np.int16), np.zeros((1, 3), np.uint8)):
        with pytest.raises(ValueError, match="expected the letters"):
            check_letters(letters, np.array([3], np.int32))
