"""Delete what this tool keeps of people outside the folders that were named to it; list what else it has written."""

import argparse
from contextlib import suppress
from pathlib import Path

import entry_point
from cache.mark import read_mark
from commands.arguments import cache_dir, profile_store
from commands.question import agreed
from inference.profile_file import ProfileError, read_profiles
from storage.atomic import TEMPORARY_PATTERN
from storage.counting import counted
from storage.errors import UserError
from storage.existence import is_gone
from storage.lock import file_lock, file_lock_path

MEGABYTE = 1e6  # bytes


def forget(args: argparse.Namespace) -> None:
    """Delete the store of enrolled speakers, after asking, with its lock and what a killed enrolment left behind.

    The cache with its training inputs and trained networks takes hours to make: its place and size are printed, and it
    is left alone. Nothing is deleted through a symbolic link, nor any file that this tool did not write.

    Raises:
        UserError: the store is a link, damaged or another program's file; or there is no terminal to ask on, and no
            `--yes`. Nothing was deleted.
        OSError: a file can't be deleted.
    """
    path = profile_store(args).path
    if is_gone(path):
        print(f"nobody is enrolled in {path}")
        if path.parent.is_dir():
            with suppress(PermissionError), file_lock(path, private=True):  # the first speaker may be on the way
                _delete_traces(path)
            _delete_empty_folder(path.parent)
    else:
        _delete_store(path, args.yes)
    _list_cache(cache_dir(args))


def _delete_store(path: Path, without_asking: bool) -> None:
    question = f"Delete the {_people(path)} enrolled in {path}?"
    answer = True if without_asking else agreed(question)
    if answer is None:
        raise UserError(f"{question} There is no terminal to answer on; with --yes they are deleted without asking")
    if not answer:
        print(f"left: {path}")
        return
    with file_lock(path, private=True):
        people = _people(path)  # somebody may have been enrolled while the question stood
        path.unlink()
        _delete_traces(path)
    _delete_empty_folder(path.parent)
    print(f"deleted: {path}, {people}")


def _people(path: Path) -> str:
    """How many are enrolled, in a store that is surely one."""
    if path.is_symlink() or not path.is_file():
        raise UserError(f"{path} is not a file of this tool but a link or a folder; look at it, and delete it by hand")
    try:
        count = len(read_profiles(path).entries)
    except ProfileError as error:
        raise UserError(f"nothing is deleted, as it may be another program's: {error}; or delete it by hand") from error
    return counted(count, "speaker")


def _delete_traces(path: Path) -> None:
    """Delete the lock of a store, and in the folder that is ours alone what a killed enrolment may have left."""
    traces = [lock for lock in [file_lock_path(path)] if lock.is_file() and not lock.stat().st_size]
    if path.parent == entry_point.default_profiles().parent and path.parent.is_dir():
        traces += [file for file in path.parent.glob(TEMPORARY_PATTERN) if file.is_file()]
    for trace in traces:
        if not trace.is_symlink():
            with suppress(PermissionError):  # on Windows, where what is open can't be deleted
                trace.unlink()


def _delete_empty_folder(folder: Path) -> None:
    if folder == entry_point.default_profiles().parent:
        with suppress(OSError):  # it holds something else, or is gone
            folder.rmdir()


def _list_cache(folder: Path) -> None:
    if read_mark(folder) is None:
        return
    runs = entry_point.run_dir_of(folder)
    trained = f", {_megabytes(runs)} of it trained networks in {runs.name}" if runs.is_dir() else ""
    print(f"left: the cache in {folder}, {_megabytes(folder)}{trained}; it took long to make, delete it by hand")


def _megabytes(folder: Path) -> str:
    """The size of all files in a folder, at any depth, but for those that links lead to."""
    sizes = [path.lstat().st_size for path in folder.rglob("*") if not path.is_symlink() and path.is_file()]
    return f"{sum(sizes) / MEGABYTE:.1f} MB"
