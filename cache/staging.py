"""Files on their way into a cache folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from cache.parts import PARTS_FOLDER
from storage.atomic import TEMPORARY_PATTERN, remove_if_empty

STAGING_FOLDER = "staging"  # in the cache: finished files that do not have their names yet


@contextmanager
def staging(folder: Path) -> Iterator[None]:
    """Make a folder in the cache for files on their way, and delete it afterwards with the files left in it."""
    place = folder / STAGING_FOLDER
    place.mkdir(exist_ok=True)
    try:
        yield
    finally:
        for path in _temporary_files(place):
            path.unlink()
        remove_if_empty(place)


def left_over(folder: Path) -> Iterator[Path]:
    """Find what a killed run has left in a cache."""
    for place in (folder, folder / STAGING_FOLDER, folder / PARTS_FOLDER):
        yield from _temporary_files(place)


def _temporary_files(place: Path) -> list[Path]:
    inside = place.iterdir() if place.is_dir() else ()
    return [path for path in inside if fnmatchcase(path.name, TEMPORARY_PATTERN) and path.is_file()]
