"""Who trains and who tests."""

import logging

import pytest

from batcher.splits import (
    NAMES_SHOWN,
    VCTK_TEST_SPEAKERS,
    check_listed,
    is_listed,
    parse_speakers,
    read_speakers_file,
    train_count,
)
from storage.errors import UserError

KNOWN = {("p225", "vctk"), ("p226", "vctk"), ("19", "libri/train-clean-100")}


def test_what_is_nearest_to_four_fifths_trains_and_at_least_one_tests():
    assert [train_count(number) for number in (5, 6, 9, 10, 11, 16)] == [4, 5, 7, 8, 9, 13]
    assert all(abs(train_count(number) - 0.8 * number) <= 0.5 for number in range(5, 5000))
    assert all(train_count(number) < number for number in range(5, 5000))


@pytest.mark.parametrize("number", range(5))
def test_a_speaker_with_fewer_than_five_utterances_only_trains(number):
    assert train_count(number) == number


def test_the_held_out_speakers_are_those_of_v1():
    assert VCTK_TEST_SPEAKERS == ("p362", "p363", "p364", "p374", "p376")


def test_names_in_a_list_may_have_blanks_around_them_and_inside():
    assert parse_speakers(" p225 ,Mary Ann,, vctk/p226,") == ("p225", "Mary Ann", "vctk/p226")
    assert parse_speakers(" , ") == ()


def test_a_file_has_one_name_a_line_with_comments_and_blank_lines(tmp_path):
    path = tmp_path / "speakers.txt"
    path.write_bytes("# held out\np225\r\n\n  vctk/p226   # the low one\nZoë Q.\n#\n".encode())
    assert read_speakers_file(path) == ("p225", "vctk/p226", "Zoë Q.")


@pytest.mark.parametrize("content", [b"", b"# nobody\n\n"])
def test_a_file_that_names_no_one_is_an_error(tmp_path, content):
    path = tmp_path / "speakers.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match="names no speaker"):
        read_speakers_file(path)


def test_a_missing_file_a_folder_and_a_binary_file_are_errors(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00p")
    for path in (tmp_path / "missing", tmp_path, tmp_path / "binary"):
        with pytest.raises(UserError, match="expected a text file"):
            read_speakers_file(path)


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    path = tmp_path / "notepad.txt"
    path.write_bytes("p225\r\np226\r\n".encode("utf-8-sig"))
    assert read_speakers_file(path) == ("p225", "p226")


def test_a_speaker_is_listed_by_name_or_with_the_corpus():
    assert is_listed("p225", "vctk", ["p225"])
    assert is_listed("p225", "vctk", ["vctk/p225"])
    assert is_listed("19", "libri/train-clean-100", ["libri/train-clean-100/19"])
    assert not is_listed("p225", "vctk", ["other/p225", "p22", "vctk", "vctk/p2255"])
    assert not is_listed("p225", "vctk", [])


def test_a_speaker_of_whose_corpus_only_the_end_is_known_is_listed_to_be_on_the_safe_side():
    for end in ("", "train", "clean/train"):
        assert is_listed("19", end, ["libri/clean/train/19"])
    for other in ("ain", "libri", "clean/train/x", "x/libri/clean/train"):
        assert not is_listed("19", other, ["libri/clean/train/19"])


def test_a_misspelt_name_is_warned_of(caplog):
    with caplog.at_level(logging.WARNING):
        check_listed(["p225", "vctk/p226", "p999", "libri/20"], KNOWN)
    assert "2 test speakers are not in the cache: p999, libri/20" in caplog.text


def test_nobody_is_warned_of_known_names(caplog):
    check_listed(["p225", "vctk/p226", "19"], KNOWN)
    assert not caplog.records


def test_no_names_are_no_error(caplog):
    check_listed([], KNOWN)
    assert not caplog.records


def test_only_unknown_names_are_an_error_that_shows_the_first_few():
    names = [f"x{number}" for number in range(NAMES_SHOWN + 1)]
    with pytest.raises(UserError, match=r"none of the 6 test speakers .* x4, \.\.\.$"):
        check_listed(names, KNOWN)
