"""One holder at a time, the next one waits, and a dead holder holds nothing."""

import contextlib
import errno
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from storage.lock import HOLDER_NAME, LOCK_NAME, file_lock, folder_lock, shared_folder_lock

ROOT = Path(__file__).resolve().parents[1]
HOLD = """
import pathlib, signal, sys
from storage import lock
with getattr(lock, sys.argv[2])(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    signal.pause()
"""


class Told(logging.Handler):
    """Sets an event when something is logged."""

    def __init__(self):
        super().__init__()
        self.event = threading.Event()
        self.text = ""

    def emit(self, record):
        self.text = record.getMessage()
        self.event.set()


@pytest.fixture
def told():
    handler = Told()
    logging.getLogger("storage.lock").addHandler(handler)
    yield handler
    logging.getLogger("storage.lock").removeHandler(handler)


@contextlib.contextmanager
def holding_process(folder, how="folder_lock"):
    """Another process that holds the lock until it is killed."""
    command = [sys.executable, "-B", "-c", HOLD, folder, how]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"held\n"
            yield process
        finally:
            process.kill()


def test_the_folder_is_made_and_can_be_locked_again(tmp_path):
    for _ in range(2):
        with folder_lock(tmp_path / "a" / "b"):
            assert (tmp_path / "a" / "b" / LOCK_NAME).is_file()


def test_a_second_one_waits_for_the_first_and_says_for_whom(tmp_path, told):
    entered = threading.Event()

    def second():
        with folder_lock(tmp_path):
            entered.set()

    thread = threading.Thread(target=second, daemon=True)
    with folder_lock(tmp_path):
        thread.start()
        assert told.event.wait(20)
        assert not entered.is_set()
        assert f"process {os.getpid()}" in told.text
        assert str(tmp_path) in told.text
    assert entered.wait(20)
    thread.join()


def test_nobody_is_told_to_wait_for_a_free_folder(tmp_path, told):
    with folder_lock(tmp_path):
        pass
    with folder_lock(tmp_path):
        pass
    assert not told.event.is_set()


def test_an_exception_releases_the_lock_and_removes_the_holder_note(tmp_path, told):
    with pytest.raises(RuntimeError), folder_lock(tmp_path):
        raise RuntimeError
    assert not (tmp_path / f"{LOCK_NAME}-holder").exists()
    with folder_lock(tmp_path):
        assert not told.event.is_set()


def test_the_lock_of_a_killed_process_is_free(tmp_path, told):
    with holding_process(tmp_path) as process:
        process.kill()
        process.wait()
    with folder_lock(tmp_path):
        assert not told.event.is_set()


def test_a_waiting_process_names_another_process(tmp_path, told):
    with holding_process(tmp_path) as process:

        def enter():
            with folder_lock(tmp_path):
                pass

        thread = threading.Thread(target=enter, daemon=True)
        thread.start()
        assert told.event.wait(20)
        process.kill()
        thread.join(20)
    assert f"process {process.pid}" in told.text
    assert not thread.is_alive()


def test_a_file_is_held_for_one_at_a_time(tmp_path, told):
    entered = threading.Event()
    path = tmp_path / "new" / "store.npz"

    def second():
        with file_lock(path):
            entered.set()

    thread = threading.Thread(target=second, daemon=True)
    with file_lock(path):
        thread.start()
        assert told.event.wait(20)
        assert str(path) in told.text
        assert not entered.is_set()
        with file_lock(path.with_name("another.npz")):
            pass
    assert entered.wait(20)
    thread.join()
    assert not path.exists()


def in_a_thread(lock, folder):
    """Take a lock in a thread of its own; returns the thread, and an event that is set once it is held."""
    entered = threading.Event()

    def enter():
        with lock(folder):
            entered.set()

    thread = threading.Thread(target=enter, daemon=True)
    thread.start()
    return thread, entered


def test_readers_hold_a_folder_together(tmp_path, told):
    with shared_folder_lock(tmp_path), holding_process(tmp_path, "shared_folder_lock"):
        with shared_folder_lock(tmp_path):
            pass
        assert not told.event.is_set()


@pytest.mark.parametrize("first, second", [("folder", "shared_folder"), ("shared_folder", "folder")])
def test_readers_and_a_writer_wait_for_each_other_and_say_for_whom(tmp_path, told, first, second):
    locks = {"folder": folder_lock, "shared_folder": shared_folder_lock}
    with holding_process(tmp_path, f"{first}_lock") as process:
        thread, entered = in_a_thread(locks[second], tmp_path)
        assert told.event.wait(20)
        assert not entered.is_set()
        assert ("another process" if first == "shared_folder" else f"process {process.pid}") in told.text
        process.kill()
        assert entered.wait(20)
    thread.join()


def test_reading_makes_no_folder(tmp_path):
    with shared_folder_lock(tmp_path / "none"):
        assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("has_lock", [True, False])
def test_a_folder_that_can_not_be_written_to_can_be_read(tmp_path, monkeypatch, has_lock):
    if has_lock:
        (tmp_path / LOCK_NAME).touch()
    opened = os.open

    def read_only(path, flags, *mode):
        if Path(path).parent == tmp_path and flags & (os.O_RDWR | os.O_CREAT):
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        return opened(path, flags, *mode)

    monkeypatch.setattr(os, "open", read_only)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with shared_folder_lock(tmp_path):
        assert (tmp_path / LOCK_NAME).exists() == has_lock
    with pytest.raises(OSError, match="Read-only"), folder_lock(tmp_path):
        pass


@pytest.mark.parametrize("lock", [folder_lock, shared_folder_lock])
@pytest.mark.parametrize("place", ["link", "dangling", "folder", "pipe"])
def test_what_is_not_our_lock_is_refused_and_stays_as_it_is(tmp_path, lock, place):
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.write_text("mine")
    path = folder / LOCK_NAME
    if place in ("link", "dangling"):
        path.symlink_to(outside if place == "link" else tmp_path / "nowhere")
    else:
        path.mkdir() if place == "folder" else os.mkfifo(path)
    with pytest.raises(OSError) as caught, lock(folder):
        pass
    assert str(path) in str(caught.value)
    assert outside.read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


def test_a_file_that_the_lock_is_another_name_of_keeps_its_content(tmp_path):
    (tmp_path / "mine").write_text("years of work")
    (tmp_path / LOCK_NAME).hardlink_to(tmp_path / "mine")
    with folder_lock(tmp_path):
        pass
    assert (tmp_path / "mine").read_text() == "years of work"


def test_a_link_in_the_place_of_the_holder_s_note_is_not_written_through(tmp_path):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / HOLDER_NAME).symlink_to(tmp_path / "mine")
    with folder_lock(tmp_path):
        assert (tmp_path / HOLDER_NAME).read_text() == f"process {os.getpid()}\n"
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.mark.parametrize("lock", [folder_lock, shared_folder_lock])
@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK])
def test_a_file_system_without_locks_is_told_with_the_folder(tmp_path, monkeypatch, lock, code):
    def flock(descriptor, how):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(OSError, match="has no locks") as caught, lock(tmp_path):
        pass
    assert str(tmp_path) in str(caught.value)
