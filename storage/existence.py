"""Whether a file is gone, as opposed to not to be seen."""

from pathlib import Path

from storage.places import is_remote


def is_gone(path: Path) -> bool:
    """Whether nothing stands at `path`: False also where that can't be told, say in a folder that can't be entered."""
    try:
        path.stat() if is_remote(path) else path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):  # ValueError: a null character, which no file has in its name
        return False
    return False
