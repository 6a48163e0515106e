"""Recordings that are kept as bytes are the ones that were put in."""

import random

import numpy as np
import pytest

from cache.digests import contained, from_bytes, hexadecimal, raw, repeated
from cache.digests import in_order as in_order_of_digests
from corpus.listing import in_order
from corpus.recording import CorpusError, Recording, Speaker
from corpus.recordings import Recordings

MANY = [
    Recording("c", f"s{speaker}", f"{number:03}", "", "/c", f"s{speaker}/{number}.wav", start, 2.5)
    for speaker in ("1", "2", "\udce9", "王")
    for number, start in enumerate((None, 0.0, 1.25))
]


def test_any_order_becomes_that_of_names_and_every_field_is_the_same():
    packed = Recordings(random.Random(1).sample(MANY, len(MANY)))
    expected = sorted(MANY)
    assert list(packed) == expected
    assert [packed[number] for number in range(-len(packed), len(packed))] == expected * 2
    assert packed[1:5] == expected[1:5]
    assert packed.speakers == [Speaker("c", name) for name in ("s1", "s2", "s王", "s\udce9")]
    assert packed.of_speaker(Speaker("c", "s2")) == expected[3:6]
    assert packed.of_speaker(Speaker("d", "s2")) == []
    assert packed.rows_of(Speaker("c", "s2")) == [recording[2:] for recording in expected[3:6]]
    assert packed.rows_of(Speaker("d", "s2")) == []
    assert packed.places == {"/c": "c"}
    assert Recordings.of(packed) is packed
    with pytest.raises(IndexError):
        packed[len(packed)]


def test_recordings_of_one_name_are_named_apart_wherever_they_come_from():
    a, b = (Recording("c", "s", "a", "", "/c", f"s/{number}/a.wav") for number in (1, 2))
    between = Recording("c", "t", "a", "", "/c", "t/a.wav")
    expected = [one._replace(utterance=one.source) for one in (a, b)]
    assert list(in_order([b, between, a])) == list(in_order([between, b, a])) == [*expected, between]


def test_nothing_is_nothing():
    assert (len(Recordings()), list(Recordings()), bool(Recordings())) == (0, [], False)


def test_the_name_that_most_recordings_share_is_told():
    same = [Recording("c", "s", "a", "", "/c", "a.wav")] * 2 + [Recording("c", "t", "b", "", "/c", "b.wav")] * 3
    with pytest.raises(CorpusError, match=r"3 utterances of c/t are called 'b\.wav'"):
        in_order(same)


def test_digests_are_found_in_an_array_and_those_that_stand_twice_too():
    names = [f"{number:064x}" for number in (5, 1, 1 << 255, 0, 5)]
    ordered = np.sort(raw(names))
    assert list(hexadecimal(ordered)) == sorted(names)
    assert contained(raw([f"{number:064x}" for number in (0, 2, 5, 1 << 255)]), ordered).tolist() == [1, 0, 1, 1]
    assert list(hexadecimal(repeated(ordered))) == [f"{5:064x}"]
    assert contained(raw(names), from_bytes(b"")).tolist() == [False] * 5


@pytest.mark.parametrize("heads", [range(50), [7], [0, 1 << 63, (1 << 64) - 1]])
def test_digests_that_begin_alike_are_told_apart(heads):
    drawn = random.Random(1)
    names = [f"{drawn.choice(list(heads)):016x}{drawn.getrandbits(192):048x}" for _ in range(200)]
    ordered = in_order_of_digests(raw(names[:100]))
    assert list(hexadecimal(ordered)) == sorted(names[:100])
    assert contained(raw(names), ordered).tolist() == [True] * 100 + [False] * 100
