"""Lists that users write: lines, comments, and what Windows makes of them."""

import pytest

from corpus.text_lists import list_lines
from storage.errors import UserError


def lines(tmp_path, content: bytes, *how) -> list[tuple[int, str]]:
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    return list(list_lines(path, "names", *how))


def test_lines_have_their_numbers_and_neither_comments_nor_blank_lines(tmp_path):
    content = b"# first\n\na\n  b c  # of b\n\td\t# of d\n   \n#\ne"
    assert lines(tmp_path, content) == [(3, "a"), (4, "b c"), (5, "d"), (8, "e")]


def test_a_sign_within_a_name_starts_no_comment(tmp_path):
    assert lines(tmp_path, b"p#1\np #1\n") == [(1, "p#1"), (2, "p")]


def test_byte_order_marks_and_carriage_returns_are_ignored(tmp_path):
    assert lines(tmp_path, b"\xef\xbb\xbfa\r\n\r\nb\r\n") == [(1, "a"), (3, "b")]


def test_names_that_are_no_utf_8_are_kept_as_names_of_files_are(tmp_path):
    assert lines(tmp_path, b"caf\xe9\n") == [(1, "caf\udce9")]


def test_unicodes_other_line_separators_are_part_of_a_name(tmp_path):
    assert lines(tmp_path, "a\u2028b\x85c\n".encode()) == [(1, "a\u2028b\x85c")]


def test_a_literal_line_stays_as_it_is(tmp_path):
    assert lines(tmp_path, b"a #1 \nb #1 \n", lambda line: line.startswith("a")) == [(1, "a #1 "), (2, "b")]


@pytest.mark.parametrize("content", [b"\xff\xfep\x00", None])
def test_what_is_no_text_is_an_error_that_says_what_it_should_hold(tmp_path, content):
    path = tmp_path / "list.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=f"expected a text file of names. {path} is not readable as one"):
        list(list_lines(path, "names"))
