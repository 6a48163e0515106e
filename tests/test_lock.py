"""One holder at a time, the next one waits, and a dead holder holds nothing."""

import contextlib
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from storage.lock import LOCK_NAME, file_lock, folder_lock

ROOT = Path(__file__).resolve().parents[1]
HOLD = """
import pathlib, signal, sys
from storage.lock import folder_lock
with folder_lock(pathlib.Path(sys.argv[1])):
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
def holding_process(folder):
    """Another process that holds the lock until it is killed."""
    with subprocess.Popen([sys.executable, "-B", "-c", HOLD, folder], cwd=ROOT, stdout=subprocess.PIPE) as process:
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
