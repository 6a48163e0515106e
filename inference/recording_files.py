"""Find the recordings that were named, and those in the folders that were named."""

from collections.abc import Iterable
from pathlib import Path

from corpus.walk import audio_files
from inference.recordings import RecordingError


def find_files(named: Iterable[str]) -> tuple[list[str], set[str]]:
    """Return the recordings that were named, and those in the folders that were.

    Args:
        named: files, `inference.sources.STANDARD_INPUT`, and folders, which are searched at any depth for files of
            formats that are read.

    Returns:
        all files in order, each once; and those of them that were named themselves.

    Raises:
        RecordingError: a folder holds no recording.
    """
    files: dict[str, None] = {}
    by_name = set()
    for name in named:
        if not Path(name).is_dir():
            files[name] = None
            by_name.add(name)
            continue
        recordings = audio_files(Path(name))
        if not recordings:
            raise RecordingError(f"{name}: no recording in this folder, at any depth")
        files.update(dict.fromkeys(map(str, recordings)))
    return list(files), by_name
