"""One writer at a time or several readers, the next one waits, and a dead holder holds nothing."""

import contextlib
import errno
import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from storage.errors import UserError
from storage.flock import LockError
from storage.lock import HOLDER_NAME, LOCK_NAME, file_lock, folder_lock, shared_folder_lock

ROOT = Path(__file__).resolve().parents[1]
HOLD = """
import logging, pathlib, signal, sys
import storage.lock
logging.basicConfig(format="%(message)s", stream=sys.stdout)
with getattr(storage.lock, sys.argv[1])(pathlib.Path(sys.argv[2])):
    print("held", flush=True)
    signal.pause()
"""
WRITER, READER = "folder_lock", "shared_folder_lock"


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
def locking_process(how, folder):
    """Another process that locks the folder, and holds it until it is killed."""
    command = [sys.executable, "-B", "-c", HOLD, how, folder]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **streams) as process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def holding_process(folder, how=WRITER):
    """Such a process that has the lock."""
    with locking_process(how, folder) as process:
        assert process.stdout.readline() == "held\n"
        yield process


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


def test_several_processes_read_at_once(tmp_path, told):
    with holding_process(tmp_path, READER), holding_process(tmp_path, READER), shared_folder_lock(tmp_path):
        assert not told.event.is_set()


def test_a_reader_waits_for_the_writer_and_says_for_whom(tmp_path):
    with holding_process(tmp_path) as writer, locking_process(READER, tmp_path) as reader:
        said = reader.stdout.readline()
        assert said == f"{tmp_path} is in use by process {writer.pid}; waiting for it to finish\n"
        writer.kill()
        assert reader.stdout.readline() == "held\n"


def test_a_writer_waits_for_every_reader_and_blames_no_writer_that_was_killed(tmp_path):
    with holding_process(tmp_path) as killed:
        killed.kill()
        killed.wait()
    assert (tmp_path / HOLDER_NAME).read_text() == f"process {killed.pid}\n"
    with (
        holding_process(tmp_path, READER) as one,
        holding_process(tmp_path, READER) as other,
        locking_process(WRITER, tmp_path) as writer,
    ):
        said = writer.stdout.readline()
        assert said == f"{tmp_path} is in use by another process, which reads it; waiting for it to finish\n"
        for reader in (one, other):
            assert str(writer.pid) not in (tmp_path / HOLDER_NAME).read_text()
            reader.kill()
            reader.wait()
        assert writer.stdout.readline() == "held\n"
        assert (tmp_path / HOLDER_NAME).read_text() == f"process {writer.pid}\n"


@pytest.mark.parametrize("how, other", [(READER, WRITER), (WRITER, READER), (WRITER, WRITER)])
def test_ctrl_c_ends_the_wait_and_leaves_the_holder_alone(tmp_path, how, other):
    with holding_process(tmp_path, other), locking_process(how, tmp_path) as waiting:
        assert "waiting" in waiting.stdout.readline()
        waiting.send_signal(signal.SIGINT)
        _, said = waiting.communicate(timeout=20)
        assert said.endswith("KeyboardInterrupt\n")
        with locking_process(WRITER, tmp_path) as third:
            assert "waiting" in third.stdout.readline()


def test_a_reader_of_a_folder_that_does_not_exist_makes_nothing(tmp_path):
    with shared_folder_lock(tmp_path / "missing"):
        assert not list(tmp_path.iterdir())


def test_a_reader_leaves_nothing_but_the_locks_file(tmp_path):
    with shared_folder_lock(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [LOCK_NAME]


@pytest.fixture
def read_only(tmp_path, monkeypatch):
    """A folder where nothing can be made or opened for writing, also for root, whom modes do not bind."""
    monkeypatch.setattr("os.open", refusing(os.open, os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    return tmp_path


def refusing(open_file, writing):
    def open_to_read(path, flags, *rest, **how):
        if flags & writing:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return open_file(path, flags, *rest, **how)

    return open_to_read


def test_a_reader_of_a_read_only_folder_goes_on_without_a_lock(read_only):
    with shared_folder_lock(read_only):
        assert not list(read_only.iterdir())


def test_a_reader_of_a_read_only_folder_waits_for_a_writer_elsewhere(tmp_path, told, request):
    """As of a folder that is mounted read-only here, and not for the writer."""
    entered = threading.Event()

    def read():
        with shared_folder_lock(tmp_path):
            entered.set()

    with holding_process(tmp_path) as writer:
        request.getfixturevalue("read_only")
        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        assert told.event.wait(20)
        assert not entered.is_set()
        writer.kill()
        assert entered.wait(20)
    thread.join()


def test_a_writer_in_a_read_only_folder_is_an_error_that_names_it(read_only):
    with pytest.raises(OSError, match=str(read_only)), folder_lock(read_only):
        pass


def test_a_writer_may_use_a_locks_file_that_another_user_made(tmp_path, monkeypatch, told):
    """As root does that reads in a user's folder: the user may not write to the file, and need not."""
    (tmp_path / LOCK_NAME).touch()
    open_file = os.open

    def open_as_user(path, flags, *rest, **how):
        if Path(path).name == LOCK_NAME and flags & os.O_RDWR:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return open_file(path, flags, *rest, **how)

    monkeypatch.setattr("os.open", open_as_user)
    with folder_lock(tmp_path), locking_process(READER, tmp_path) as reader:
        assert "waiting" in reader.stdout.readline()


LOCKS = {  # each lock, and where its file is
    "folder_lock": (folder_lock, LOCK_NAME),
    "shared_folder_lock": (shared_folder_lock, LOCK_NAME),
    "file_lock": (lambda folder: file_lock(folder / "store"), f".store{LOCK_NAME}"),
}


@pytest.fixture(params=LOCKS)
def lock_and_place(request, tmp_path):
    lock, name = LOCKS[request.param]
    (tmp_path / "folder").mkdir()
    return lock, tmp_path / "folder" / name


@pytest.mark.parametrize("kind", ["link", "dangling link", "link to a folder", "folder", "pipe"])
def test_what_is_no_file_in_the_locks_place_is_refused_and_left_as_it_is(tmp_path, lock_and_place, kind):
    lock, place = lock_and_place
    outside = tmp_path / "outside"
    if kind == "link":
        outside.write_text("mine")
    elif kind == "link to a folder":
        outside.mkdir()
    if "link" in kind:
        place.symlink_to(outside)
    else:
        (os.mkfifo if kind == "pipe" else os.mkdir)(place)
    there = outside.exists()
    with pytest.raises(LockError, match=f"{place} is .*; move it away") as caught, lock(place.parent):
        pass
    assert isinstance(caught.value, UserError)
    assert outside.exists() == there
    assert kind != "link" or outside.read_text() == "mine"


def test_what_a_hard_link_in_the_locks_place_leads_to_stays_as_it_is(tmp_path, lock_and_place):
    """As in a copy of a folder by `cp -al`."""
    lock, place = lock_and_place
    outside = tmp_path / "outside"
    outside.write_text("mine")
    outside.chmod(0o600)
    place.hardlink_to(outside)
    with lock(place.parent):
        assert outside.read_text() == "mine"
    assert outside.read_text() == "mine"
    assert outside.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "binary"])
def test_whatever_stands_in_the_holders_notes_place_is_neither_read_nor_waited_for(tmp_path, told, kind):
    note, secret = tmp_path / HOLDER_NAME, tmp_path / "secret"
    secret.write_text("password")
    with holding_process(tmp_path):
        note.unlink()
        if kind == "link":
            note.symlink_to(secret)
        elif kind == "binary":
            note.write_bytes(bytes(range(256)) * 1000)
        else:
            (os.mkfifo if kind == "pipe" else os.mkdir)(note)
        with locking_process(WRITER, tmp_path) as waiting:
            assert waiting.stdout.readline() == f"{tmp_path} is in use by another process; waiting for it to finish\n"
    assert secret.read_text() == "password"


def test_a_folder_in_the_holders_notes_place_is_an_error_that_leaves_the_lock_free(tmp_path, told):
    (tmp_path / HOLDER_NAME).mkdir()
    with pytest.raises(OSError, match=HOLDER_NAME), folder_lock(tmp_path):
        pass
    (tmp_path / HOLDER_NAME).rmdir()
    with folder_lock(tmp_path):
        assert not told.event.is_set()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK])
def test_a_file_system_without_locks_stops_writers_in_one_line_and_no_readers(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    for lock in (folder_lock, lambda folder: file_lock(folder / "store")):
        with pytest.raises(OSError, match=f"^{tmp_path}.* can't be locked.*no locks") as caught, lock(tmp_path):
            pass
        assert "\n" not in str(caught.value)
    with shared_folder_lock(tmp_path):
        pass


def test_where_there_is_no_flock_writers_use_filelock_and_readers_go_on(tmp_path, monkeypatch, told):
    monkeypatch.setattr("storage.flock.AVAILABLE", False)  # as on Windows
    with folder_lock(tmp_path):
        with shared_folder_lock(tmp_path):
            pass
        with locking_process(WRITER, tmp_path) as waiting:
            assert f"process {os.getpid()}" in waiting.stdout.readline()


@pytest.mark.parametrize("how", [READER, WRITER])
def test_it_waits_for_an_earlier_version_of_ours_which_used_filelock(tmp_path, how):
    with FileLock(tmp_path / LOCK_NAME), locking_process(how, tmp_path) as waiting:
        assert "another process; waiting" in waiting.stdout.readline()


def test_a_locks_file_that_was_deleted_while_it_was_waited_for_excludes_nobody_and_is_made_again(tmp_path):
    """As some versions of filelock do when they let go."""
    with holding_process(tmp_path) as first, locking_process(WRITER, tmp_path) as second:
        assert "waiting" in second.stdout.readline()
        (tmp_path / LOCK_NAME).unlink()
        with holding_process(tmp_path) as third:
            first.kill()
            assert f"process {third.pid}" in second.stdout.readline()
        assert second.stdout.readline() == "held\n"
