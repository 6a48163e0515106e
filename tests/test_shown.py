"""Names that a cache may hold, as they are shown in reports."""

import pytest

from evaluation.report.shown import END_OF_ISOLATE, ISOLATE, LONGEST, shown


@pytest.mark.parametrize(
    "name", ["p225", "Ærø & <b>Söhne</b>", "李雷", "a$b$c", '"quoted"', "نر\u200cگس"[0:0] + "x\u200cy"]
)
def test_a_printable_name_stays_as_it_is(name):
    assert shown(name) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a\nb\x00", "a\\u000ab\\u0000"),
        ("\u202etxt.exe", "\\u202etxt.exe"),
        (b"caf\xe9".decode("utf-8", "surrogateescape"), "caf\\xe9"),
        ("\ud83d", "\\ud83d"),
    ],
)
def test_what_can_not_be_shown_is_a_code(name, expected):
    assert shown(name) == expected
    assert shown(name).encode()


def test_a_name_from_right_to_left_is_kept_from_turning_its_neighbours():
    assert shown("אנה") == f"{ISOLATE}אנה{END_OF_ISOLATE}"


def test_a_long_name_keeps_its_ends():
    long = shown("a" * 500 + "z")
    assert len(long) <= LONGEST
    assert long.startswith("aaa") and long.endswith("az") and "…" in long


def test_a_long_name_of_codes_is_short_too():
    assert len(shown("\x00" * 100_000)) <= LONGEST
