"""What the README states is found there, compared with what came out, and marked where it differs."""

import sys

import pytest
import reproduce
from command_line import ROOT
from reproduce import agrees, compared, needs
from stated_figures import PARTS, Part, block, figures, lines, table

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_the_readme_states_what_is_looked_for(part):
    rows = part.stated(README)
    assert rows and all(any(sign.isdigit() for sign in text) for text in rows.values())


@pytest.mark.parametrize(
    ("stated", "obtained", "slack", "same"),
    [
        ("7.33", "7.331", 0, True),
        ("7.33", "7.34", 0, False),
        ("2,514", "2514", 0, True),
        ("2,514", "1300", 0.5, True),
        ("2,514", "1200", 0.5, False),
        ("-0.74", "0.74", 0, False),
        ("0", "0.4", 0, True),
    ],
)
def test_numbers_agree_as_far_as_they_are_written_out(stated, obtained, slack, same):
    assert agrees(stated, obtained, slack) == same


def part(obtained, beginning=False):
    looked_for = Part("p", (), lines("x"), lines("x"), beginning=beginning)
    return list(compared(looked_for, {"row": "1.5 [1.0, 2.0] of 9"}, obtained))


def test_what_differs_is_marked():
    assert part({"row": "1.50 [1.0, 2.0] of 9"}) == [("p", "row", "1.5 1.0 2.0 9", "1.50 1.0 2.0 9", "")]
    assert part({"row": "1.5 [1.0, 2.1] of 9"})[0][-1] == "!"
    assert part({"row": "1.5 [1.0, 2.0]"})[0][-1] == "!"  # one is missing
    assert part({"row": "1.5"}, beginning=True)[0][-1] == ""
    assert part({"row": "no number"})[0][-1] == part({})[0][-1] == "!"
    assert next(compared(Part("p", (), lines("x"), lines("x")), {}, {}))[-1] == "!"


def test_rows_are_read_from_blocks_tables_and_json():
    text = "see:\n\n```\na 1 whole 2.5\nother\n```\n\n```\na 7 whole 7\n```\n"
    assert block("see", r"^a \d whole")(text) == {"a 1 whole": "  2.5"}
    text = "here:\n\n| a | b |\n|---|---|\n| `x` two | **1.0** | 2 |\n| y | 3 |\n\n| z | 4 |\n"
    assert table("here")(text) == {"x two": "1.0 2", "y": "3"}
    assert table("here", name="x")(text) == {"name": "1.0 2"}
    printed = 'no JSON\n{"benchmark": "b", "n": 3}\n{"benchmark": "c", "n": 4}\n'
    assert figures(lambda row: row["benchmark"], lambda row: f"{row['n']}", benchmark="c")(printed) == {"c": "4"}


def test_parts_name_what_they_need():
    by_name = {part.name: part for part in PARTS}
    assert needs(by_name["held-out speakers"]) == ["cache"]
    assert needs(by_name["beside Resemblyzer"]) == ["cache", "held_out", "resemblyzer"]
    assert needs(by_name["cache of the samples"]) == []


def test_the_quick_form_finds_the_readme_true(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["", "--quick", "--work", str(tmp_path)])
    assert reproduce.main() == 0
    assert "0 of 2 figures differ" in capsys.readouterr().out
    assert reproduce.main() == 0
    assert "as printed before" in capsys.readouterr().err  # what was printed is kept


def test_what_can_not_run_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["", "--only", "held-out speakers", "--work", str(tmp_path)])
    assert reproduce.main() == 0
    assert "not run: held-out speakers needs --cache" in capsys.readouterr().out
