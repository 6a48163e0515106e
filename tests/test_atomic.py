"""A file is whole or untouched."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from storage.atomic import TEMPORARY_PATTERN, atomic_file, write_atomically

ROOT = Path(__file__).resolve().parents[1]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_file_appears_only_when_the_block_ends(tmp_path):
    path = tmp_path / "file"
    with atomic_file(path) as file:
        file.write(b"new")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_leaves_the_earlier_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(error), atomic_file(path) as file:
        file.write(b"new")
        raise error
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_a_killed_writer_leaves_the_earlier_file_and_a_temporary_one_by_its_prefix(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    code = (
        "import os, sys, pathlib; from storage.atomic import atomic_file\n"
        "with atomic_file(pathlib.Path(sys.argv[1])) as file:\n"
        "    file.write(b'new'); file.flush(); os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-B", "-c", code, path], cwd=ROOT).returncode == -9
    assert path.read_text() == "old"
    left_over = [name for name in names(tmp_path) if name != "file"]
    assert len(left_over) == 1
    assert Path(left_over[0]).match(TEMPORARY_PATTERN)


def test_missing_parent_folders_are_made(tmp_path):
    write_atomically(tmp_path / "a" / "b" / "file", b"content")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"content"


def test_a_folder_of_that_name_is_an_error_and_leaves_no_temporary_file(tmp_path):
    (tmp_path / "name" / "inner").mkdir(parents=True)
    with pytest.raises(OSError):
        write_atomically(tmp_path / "name", "text")
    assert names(tmp_path) == ["name"]


def test_text_is_written_as_utf_8_whatever_the_line_ends(tmp_path):
    write_atomically(tmp_path / "file", "Zoë\r\n\n")
    assert (tmp_path / "file").read_bytes() == b"Zo\xc3\xab\r\n\n"


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_permissions_are_those_of_any_new_file(tmp_path, mask):
    earlier = os.umask(mask)
    try:
        write_atomically(tmp_path / "file", b"")
        assert os.umask(mask) == mask  # and the process's own mask is as it was
    finally:
        os.umask(earlier)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~mask


def test_file_and_name_are_on_the_disk_in_that_order(tmp_path, monkeypatch):
    """What a power cut leaves can't be tried here; the order of the calls can."""
    done = []
    fsync, replace = os.fsync, Path.replace

    def noting_fsync(descriptor):
        status = os.fstat(descriptor)
        kind = "folder" if stat.S_ISDIR(status.st_mode) else "file"
        done.append((f"sync {kind}", status.st_ino))
        fsync(descriptor)

    def noting_replace(self, target):
        done.append(("rename", self.stat().st_ino))
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(Path, "replace", noting_replace)
    write_atomically(tmp_path / "file", "new")
    inode = (tmp_path / "file").stat().st_ino
    assert done == [("sync file", inode), ("rename", inode), ("sync folder", tmp_path.stat().st_ino)]


def test_a_file_system_that_can_not_sync_folders_is_no_error(tmp_path, monkeypatch):
    fsync = os.fsync

    def picky(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", picky)
    write_atomically(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "new"
