"""A file is whole or untouched."""

import errno
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from storage.atomic import TEMPORARY_PATTERN, atomic_file, publish, sync_folder, temporary_name, write_atomically

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


@pytest.fixture
def disk(monkeypatch):
    """What is flushed and renamed, in order: ("flush", inode, size) and ("rename", inode, name)."""
    events = []
    fsync, replace = os.fsync, os.replace

    def flush(descriptor):
        status = os.fstat(descriptor)
        events.append(("flush", status.st_ino, None if stat.S_ISDIR(status.st_mode) else status.st_size))
        fsync(descriptor)

    def rename(source, target, **how):
        events.append(("rename", Path(source).stat().st_ino, Path(target).name))
        replace(source, target, **how)

    monkeypatch.setattr("os.fsync", flush)
    monkeypatch.setattr("os.replace", rename)
    monkeypatch.setattr("os.rename", rename)
    return events


@pytest.mark.skipif(os.name != "posix", reason="Windows flushes no folders")
def test_the_content_is_on_the_disk_before_the_name_and_the_name_before_the_call_returns(tmp_path, disk):
    """Else a power cut may leave an empty file of that name, or the earlier one."""
    write_atomically(tmp_path / "file", b"content")
    inode, folder = (tmp_path / "file").stat().st_ino, tmp_path.stat().st_ino
    assert disk == [("flush", inode, len("content")), ("rename", inode, "file"), ("flush", folder, None)]


def test_publishing_flushes_the_file_first_and_leaves_the_folder_to_the_caller(tmp_path, disk):
    temporary = temporary_name(tmp_path)
    temporary.write_bytes(b"content")
    publish(temporary, tmp_path / "file")
    inode = (tmp_path / "file").stat().st_ino
    assert disk == [("flush", inode, len("content")), ("rename", inode, "file")]


def failing(number: int):
    """An `os.fsync` that flushes files and refuses folders."""
    fsync = os.fsync

    def flush(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    return flush


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_flushes_no_folders_is_no_error(tmp_path, monkeypatch, number):
    monkeypatch.setattr("os.fsync", failing(number))
    write_atomically(tmp_path / "file", b"content")
    assert (tmp_path / "file").read_bytes() == b"content"


def test_a_disk_that_fails_under_the_folder_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", failing(errno.EIO))
    with pytest.raises(OSError, match=re.escape(str(tmp_path))) as caught:
        sync_folder(tmp_path)
    assert caught.value.errno == errno.EIO


def test_a_folder_that_can_not_be_opened_is_left_as_it_is(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("os.open", refuse)
    sync_folder(tmp_path)


def test_flushing_a_folder_leaves_no_descriptor_open(tmp_path):
    before = os.dup(0)
    os.close(before)
    sync_folder(tmp_path)
    after = os.dup(0)
    os.close(after)
    assert after == before


def test_a_folder_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "missing")
