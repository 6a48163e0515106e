"""Forgetting deletes the enrolled speakers once that is confirmed, and nothing that links lead to or others wrote."""

import argparse
import os
import subprocess
import sys

import numpy as np
import pytest
from command_line import ROOT, environment, fail, succeed

import entry_point
from commands.forget import forget
from inference.profile_file import Profile, Profiles, write_profiles
from storage.errors import UserError
from storage.lock import file_lock, file_lock_path

QUESTION = "Delete the 2 speakers enrolled in"


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The default store with two speakers, as enrolment leaves it."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("DS_DIR", str(tmp_path / "ds"))
    monkeypatch.delenv("CACHE_DIR", raising=False)
    path = entry_point.default_profiles()
    people = tuple(Profile(name, 1, 2.0, "2026-01-01") for name in ("ann", "ben"))
    with file_lock(path, private=True):
        write_profiles(path, Profiles("f" * 64, people, np.eye(2, dtype=np.float32)))
    return path


def arguments(**changes) -> argparse.Namespace:
    return argparse.Namespace(**{"profiles": None, "cache_output_dir": None, "yes": True, **changes})


def test_the_store_goes_with_its_lock_its_leavings_and_its_folder(store, capsys):
    (store.parent / (".tmp-" + "0" * 16)).write_bytes(b"PK")  # of a killed enrolment
    forget(arguments())
    assert not store.parent.exists()
    assert capsys.readouterr().out == f"deleted: {store}, 2 speakers\n"


def test_what_others_keep_in_the_folder_stays(store, tmp_path):
    (store.parent / "notes.txt").write_text("mine")
    (store.parent / ".tmp-notes").write_text("mine")
    (store.parent / (".tmp-" + "1" * 16)).symlink_to(tmp_path)
    forget(arguments())
    assert sorted(path.name for path in store.parent.iterdir()) == [".tmp-" + "1" * 16, ".tmp-notes", "notes.txt"]


def test_a_second_time_there_is_nobody(store, capsys):
    forget(arguments())
    capsys.readouterr()
    forget(arguments())
    assert capsys.readouterr().out == f"nobody is enrolled in {store}\n"
    assert not store.parent.exists()


def test_the_leavings_of_a_first_enrolment_that_was_killed_go(store):
    store.unlink()
    (store.parent / (".tmp-" + "0" * 16)).write_bytes(b"PK")
    forget(arguments())
    assert not store.parent.exists()


def test_without_a_terminal_it_is_not_done_silently(store):
    before = store.read_bytes()
    with pytest.raises(UserError, match=f"{QUESTION} .*no terminal .*--yes"):
        forget(arguments(yes=False))
    assert store.read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("answer, gone", [("y", True), ("yes", True), ("n", False), ("", False), ("ja", False)])
def test_on_a_terminal_it_asks(store, answer, gone):
    import pty

    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    how = {"cwd": ROOT, "env": environment(XDG_DATA_HOME=os.environ["XDG_DATA_HOME"]), "capture_output": True}
    done = subprocess.run([sys.executable, "cli.py", "--forget"], stdin=theirs, text=True, **how, check=True)
    os.close(ours)
    os.close(theirs)
    assert done.stderr == f"{QUESTION} {store}? [y/N] "
    assert done.stdout.startswith("deleted: " if gone else "left: ")
    assert store.exists() is not gone


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"somebody's notes"])
def test_another_programs_file_is_left(store, content):
    store.write_bytes(content)
    with pytest.raises(UserError, match="nothing is deleted, as it may be another program's"):
        forget(arguments())
    assert store.read_bytes() == content


def test_links_and_folders_are_left(store, tmp_path):
    elsewhere = tmp_path / "elsewhere.npz"
    store.rename(elsewhere)
    store.symlink_to(elsewhere)
    with pytest.raises(UserError, match="a link or a folder"):
        forget(arguments())
    store.unlink()
    store.mkdir()
    with pytest.raises(UserError, match="a link or a folder"):
        forget(arguments())
    assert elsewhere.exists()


def test_a_named_store_goes_and_its_folder_stays(store, tmp_path):
    named = tmp_path / "team" / "store.npz"
    named.parent.mkdir()
    named.write_bytes(store.read_bytes())
    (named.parent / (".tmp-" + "0" * 16)).write_bytes(b"PK")  # whoever writes there now
    forget(arguments(profiles=named))
    assert [path.name for path in named.parent.iterdir()] == [".tmp-" + "0" * 16]
    assert store.exists()


def test_a_lock_that_holds_something_is_no_lock_of_ours(store):
    file_lock_path(store).write_text("mine")
    forget(arguments())
    assert file_lock_path(store).read_text() == "mine"


def test_the_cache_is_named_with_its_size_and_left(store, tiny_cache, capsys):
    run = tiny_cache.folder / "runs" / "softmax"
    run.mkdir(parents=True)
    (run / "last.npz").write_bytes(bytes(1_500_000))
    before = sorted(tiny_cache.folder.rglob("*"))
    forget(arguments(cache_output_dir=tiny_cache.folder))
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith(f"left: the cache in {tiny_cache.folder}, ")
    assert ", 1.5 MB of it trained networks in runs; " in line
    assert sorted(tiny_cache.folder.rglob("*")) == before


def test_a_folder_that_is_no_cache_is_not_spoken_of(store, tmp_path, capsys):
    (tmp_path / "ds" / "cache").mkdir(parents=True)
    forget(arguments())
    assert "left" not in capsys.readouterr().out


def test_by_the_command_line(store):
    variables = {"XDG_DATA_HOME": os.environ["XDG_DATA_HOME"]}
    assert "with --yes they are deleted" in fail(2, "cli.py", "--forget", **variables)
    assert succeed("cli.py", "--forget", "--yes", **variables).stdout == f"deleted: {store}, 2 speakers\n"
