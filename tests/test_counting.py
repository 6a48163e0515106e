"""Numbers of things in a message."""

import pytest

from storage.counting import counted


@pytest.mark.parametrize(
    ("number", "noun", "plural", "text"),
    [
        (0, "recording", None, "0 recordings"),
        (1, "recording", None, "1 recording"),
        (2, "recording", None, "2 recordings"),
        (1, "entry", "entries", "1 entry"),
        (2, "entry", "entries", "2 entries"),
    ],
)
def test_one_is_singular_and_all_else_plural(number, noun, plural, text):
    assert counted(number, noun, plural) == text
