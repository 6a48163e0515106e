"""A folder with a sub-folder for each person, of relative links to that person's recordings."""

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from inference.sources import STANDARD_INPUT
from storage.atomic import temporary_name
from storage.errors import UserError

LONGEST_NAME = 200  # bytes, of a link; file systems take 255
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL}  # from file systems and systems without links


class LinksError(UserError):
    """The folder of links can't be made; the message says why."""


def check_links(folder: Path, named: Sequence[str]) -> None:
    """Refuse a folder that links can't be made in, before any work is done.

    Args:
        folder: the new folder.
        named: files and folders of the recordings, as they were named.

    Raises:
        LinksError: something stands there already, the folder above is missing, it is inside a folder that was named,
            a recording is standard input, or there are no links here.
    """
    _check_free(folder)
    if not folder.parent.is_dir():
        raise LinksError(f"there is no folder {folder.parent} to make {folder.name} in; make it first")
    if STANDARD_INPUT in named:
        raise LinksError("standard input is no file that could be linked to; name a file, or leave --links out")
    for name in named:
        if Path(name).is_dir() and folder.parent.resolve().is_relative_to(Path(name).resolve()):
            raise LinksError(f"{folder} is inside {name}, where its links would be found as recordings; name another")
    trial = temporary_name(folder.parent)
    _link(trial, "nothing")
    trial.unlink()


def make_links(folder: Path, people: Sequence[Sequence[str]]) -> None:
    """Make the folder, whole or not at all: under a temporary name beside it, which is then changed.

    Args:
        folder: as `check_links` allows.
        people: each one's recordings.

    Raises:
        LinksError: something stands there by now, there are no links here, or a recording is on another drive.
        OSError: the disk is full, or the folder above can't be written to.
    """
    temporary = temporary_name(folder.parent)
    try:
        temporary.mkdir()
        for number, files in enumerate(people, start=1):
            own = temporary / f"person_{number:0{len(str(len(people)))}d}"
            own.mkdir()
            for name, file in zip(_link_names(files), files):
                _link(own / name, _relative(file, folder.parent.resolve() / folder.name / own.name))
        _check_free(folder)
        temporary.replace(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _check_free(folder: Path) -> None:
    """Refuse anything but a name that is free or an empty folder's."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise LinksError(f"expected the name of a new folder for links. {folder} is there already, and is no folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise LinksError(f"expected the name of a new folder for links. {folder} is there already, and is not empty")


def _link(link: Path, target: str) -> None:
    try:
        link.symlink_to(target)
    except NotImplementedError as error:
        raise LinksError(f"links can't be made here ({error}); leave --links out") from error
    except OSError as error:
        if error.errno not in NO_LINKS and getattr(error, "winerror", None) is None:
            raise
        raise LinksError(f"links can't be made in {link.parent} ({error.strerror}); leave --links out") from error


def _relative(file: str, folder: Path) -> str:
    """The way from a folder to a file; folders on it that are links are followed, but not the file itself."""
    path = Path(file)
    try:
        return os.path.relpath(path.parent.resolve() / path.name, folder)
    except ValueError as error:
        raise LinksError(f"{file} is on another drive than {folder}, so no relative link leads there") from error


def _link_names(files: Sequence[str]) -> list[str]:
    """Names for the links to files: theirs, made safe to type and to print, and each once whatever the case."""
    names: list[str] = []
    taken: set[str] = set()
    for file in files:
        safe = Path(_safe(Path(file).name))
        name, number = safe.name, 1
        while name.casefold() in taken:
            number += 1
            name = f"{safe.stem}_{number}{safe.suffix}"
        taken.add(name.casefold())
        names.append(name)
    return names


def _safe(name: str) -> str:
    """The name with "_" for what can't be printed or is not allowed everywhere, and for a leading "-" or "."."""
    kept = "".join("_" if not letter.isprintable() or letter in '<>:"/\\|?*' else letter for letter in name)
    if kept[:1] in ("-", "."):
        kept = f"_{kept[1:]}"
    stem, suffix = Path(kept).stem, Path(kept).suffix
    suffix = suffix if len(suffix.encode()) <= LONGEST_NAME // 2 else ""
    return stem.encode()[: LONGEST_NAME - len(suffix.encode())].decode(errors="ignore") + suffix
