"""Who trains and who tests."""

import pytest
from angles import made_up

from batcher.splits import SESSION, UTTERANCE, VCTK_TEST_SPEAKERS, sides, train_count


def of_sessions(*sessions: str) -> list:
    """A speaker's utterances, by the sessions that they are of."""
    return [made_up("c", "ann", f"{number:03}", session=session) for number, session in enumerate(sessions)]


def test_what_is_nearest_to_four_fifths_trains_and_at_least_one_tests():
    assert [train_count(number) for number in (5, 6, 9, 10, 11, 16)] == [4, 5, 7, 8, 9, 13]
    assert all(abs(train_count(number) - 0.8 * number) <= 0.5 for number in range(5, 5000))
    assert all(train_count(number) < number for number in range(5, 5000))


@pytest.mark.parametrize("number", range(5))
def test_a_speaker_with_fewer_than_five_utterances_only_trains(number):
    assert train_count(number) == number


def test_the_held_out_speakers_are_those_of_v1():
    assert VCTK_TEST_SPEAKERS == ("p362", "p363", "p364", "p374", "p376")


def test_split_by_utterance_the_last_test_whatever_their_session():
    assert sides(of_sessions(*"abcab"), UTTERANCE) == ["train"] * 4 + ["test"]


@pytest.mark.parametrize(
    ("sessions", "testing"),
    [
        ("aaaabbbbcc", "c"),  # 8 of 10 train
        ("cababacbab", "c"),  # whatever the order of the utterances
        ("aaaaabbbbb", "b"),  # half is as near as two sessions come
        ("aaabbbbbbbbb", "b"),  # and a quarter here
        ("aaaaaaaaaabccc", "c"),  # 11 of 14 are nearer to 11.2 than 10 are
        ("aaaaaaaaaaaaaaaaaaabc", "bc"),  # 19 of 21 are 2.2 away from 16.8, 20 are 3.2
        ("ab", "b"),
    ],
)
def test_split_by_session_whole_sessions_test_the_last_ones(sessions, testing):
    expected = ["test" if session in testing else "train" for session in sessions]
    assert sides(of_sessions(*sessions), SESSION) == expected


@pytest.mark.parametrize("sessions", ["aaaaaaaaaa", "a"])
def test_a_speaker_with_one_session_trains_with_it(sessions):
    assert sides(of_sessions(*sessions), SESSION) == ["train"] * len(sessions)
