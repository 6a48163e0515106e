"""The folder of links to each person's recordings."""

import errno
import os
from pathlib import Path

import pytest

from commands.person_links import LinksError, check_links, make_links


@pytest.fixture
def files(tmp_path):
    """Recordings, some of one name, and one whose name is no name to type."""
    names = ["a/one.wav", "b/one.wav", "b/ONE.WAV", "b/-rf.wav", "b/.hid\x1b[31m\nden.wav", f"b/{'é' * 120}.flac"]
    for name in names:
        (tmp_path / "rec" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "rec" / name).write_text(name)
    return [str(tmp_path / "rec" / name) for name in names]


def test_every_link_leads_to_its_recording_also_after_a_move(tmp_path, files):
    (tmp_path / "sorted").mkdir()
    folder = tmp_path / "sorted" / "people"
    check_links(folder, files)
    make_links(folder, [files[:2], files[2:]])
    assert sorted(path.name for path in folder.iterdir()) == ["person_1", "person_2"]
    links = [link for person in sorted(folder.iterdir()) for link in person.iterdir()]
    assert all(link.is_symlink() and not link.readlink().is_absolute() for link in links)
    assert sorted(link.read_text() for link in links) == sorted(Path(file).read_text() for file in files)
    assert list(folder.parent.iterdir()) == [folder]  # no temporary folder is left
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("rec", "sorted"):
        (tmp_path / name).rename(moved / name)
    assert all(link.read_text() for person in (moved / "sorted" / "people").iterdir() for link in person.iterdir())


def test_names_are_safe_and_each_once(tmp_path, files):
    make_links(tmp_path / "people", [files])
    names = sorted(path.name for path in (tmp_path / "people" / "person_1").iterdir())
    assert len({name.casefold() for name in names}) == len(files)
    assert {"one.wav", "one_2.wav", "ONE_3.WAV", "_rf.wav", "_hid_[31m_den.wav"} < set(names)
    assert all(name.isprintable() and len(os.fsencode(name)) <= 204 for name in names)


def test_names_that_are_no_text_are_linked_too(tmp_path):
    file = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav")
    Path(file).write_text("here")
    make_links(tmp_path / "people", [[file]])
    assert (tmp_path / "people" / "person_1" / "caf_.wav").read_text() == "here"


def test_people_are_numbered_so_that_they_sort(tmp_path, files):
    make_links(tmp_path / "people", [[files[0]]] * 10)
    assert sorted(path.name for path in (tmp_path / "people").iterdir())[:2] == ["person_01", "person_02"]


def test_a_folder_above_that_is_a_link_is_no_hindrance(tmp_path, files):
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "short").symlink_to(tmp_path / "real" / "deep")
    (tmp_path / "alias").symlink_to(tmp_path / "rec")
    make_links(tmp_path / "short" / "people", [[str(tmp_path / "alias" / "a" / "one.wav")]])
    assert (tmp_path / "real" / "deep" / "people" / "person_1" / "one.wav").read_text() == "a/one.wav"


def test_an_empty_folder_is_used_and_nothing_else_touched(tmp_path, files):
    (tmp_path / "empty").mkdir()
    check_links(tmp_path / "empty", files)
    make_links(tmp_path / "empty", [files[:1]])
    assert (tmp_path / "empty" / "person_1" / "one.wav").is_symlink()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "file").write_text("mine")
    for taken, reason in (("empty", "not empty"), ("rec", "not empty"), ("link", "no folder"), ("file", "no folder")):
        with pytest.raises(LinksError, match=reason):
            check_links(tmp_path / taken, files)
        with pytest.raises(LinksError, match=reason):
            make_links(tmp_path / taken, [files])
    assert (tmp_path / "file").read_text() == "mine"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".tmp")]


def test_what_can_t_be_linked_is_refused_before_the_work(tmp_path, files):
    with pytest.raises(LinksError, match="make it first"):
        check_links(tmp_path / "missing" / "people", files)
    with pytest.raises(LinksError, match="standard input"):
        check_links(tmp_path / "people", ["-"])
    with pytest.raises(LinksError, match="found as recordings"):
        check_links(tmp_path / "rec" / "a" / "people", [str(tmp_path / "rec")])


@pytest.mark.parametrize("error", [PermissionError(errno.EPERM, "not permitted"), NotImplementedError("no links")])
def test_where_there_are_no_links_it_says_so_and_leaves_nothing(tmp_path, files, monkeypatch, error):
    before = sorted(tmp_path.iterdir())

    def refuse(*_args, **_keywords):
        raise error

    monkeypatch.setattr(Path, "symlink_to", refuse)
    for attempt in (lambda: check_links(tmp_path / "people", files), lambda: make_links(tmp_path / "people", [files])):
        with pytest.raises(LinksError, match="links can't be made"):
            attempt()
    assert sorted(tmp_path.iterdir()) == before


def test_a_failure_in_the_middle_leaves_nothing(tmp_path, files, monkeypatch):
    before, linked = sorted(tmp_path.iterdir()), []
    true = Path.symlink_to

    def fill_the_disk(link, target):
        if len(linked) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        linked.append(link)
        true(link, target)

    monkeypatch.setattr(Path, "symlink_to", fill_the_disk)
    with pytest.raises(OSError, match="No space"):
        make_links(tmp_path / "people", [files])
    assert sorted(tmp_path.iterdir()) == before
