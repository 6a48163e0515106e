"""The pictures of a report in a folder."""

import csv
import json
from xml.etree import ElementTree

import pytest
from scored import made_set

from evaluation.report.folder import LIST, check_folder, write_pictures
from evaluation.report.page import ReportError

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "pictures"
    assert write_pictures(folder, [made_set("Corpus/ä <b>", speakers=("ann", "=1+1", "\x00\udcff"))]) == 6
    return folder


def test_each_picture_is_there_as_png_and_svg_with_its_numbers(written):
    listed = json.loads((written / LIST).read_text())
    names = [picture["name"] for picture in listed["pictures"]]
    kinds = ("det", "scores", "calibration", "map", "confusion", "clusters")
    assert names == [f"{number:02}-{kind}-corpus-b" for number, kind in enumerate(kinds, 1)]
    assert {path.name for path in written.iterdir()} == {*listed["files"], LIST}
    for name in names:
        assert (written / f"{name}.png").read_bytes().startswith(PNG)
        assert ElementTree.parse(written / f"{name}.svg").getroot().tag.endswith("}svg")
        with open(written / f"{name}.csv", newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        assert rows and all(len(row) == len(header) for row in rows)


def test_the_same_trials_make_the_same_files(tmp_path, written):
    write_pictures(tmp_path / "again", [made_set("Corpus/ä <b>", speakers=("ann", "=1+1", "\x00\udcff"))])
    for path in written.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_earlier_pictures_are_replaced_and_nothing_else_is_touched(tmp_path):
    write_pictures(tmp_path, [made_set("one"), made_set("two")])
    (tmp_path / "notes.txt").write_text("mine")
    write_pictures(tmp_path, [made_set("one")])
    names = {path.name for path in tmp_path.iterdir()}
    assert len(names) == 6 * 3 + 2 and "notes.txt" in names
    assert not [name for name in names if "two" in name]


def test_a_list_can_not_have_foreign_files_deleted(tmp_path):
    folder, victim = tmp_path / "pictures", tmp_path / "victim.png"
    write_pictures(folder, [made_set("one")])
    victim.write_bytes(PNG)
    (folder / "victim.png").write_bytes(PNG)
    listed = json.loads((folder / LIST).read_text())
    listed["files"] += ["../victim.png", "victim.png", str(victim), 7, "01-a\n.png"]
    (folder / LIST).write_text(json.dumps(listed))
    write_pictures(folder, [made_set("one")])
    assert victim.exists() and (folder / "victim.png").exists()


@pytest.mark.parametrize("content", [None, "[]", '{"format": "other", "files": []}', "[" * 100_000])
def test_a_folder_with_other_things_is_refused_and_left(tmp_path, content):
    (tmp_path / "mine.txt").write_text("mine")
    if content is not None:
        (tmp_path / LIST).write_text(content)
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(ReportError, match="holds other files"):
        write_pictures(tmp_path, [made_set()])
    assert {path.name for path in tmp_path.iterdir()} == before


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="is a file"):
        check_folder(tmp_path / "file")


def test_a_new_and_an_empty_folder_will_do(tmp_path):
    check_folder(tmp_path)
    check_folder(tmp_path / "new" / "newer")
    assert not list(tmp_path.iterdir())
