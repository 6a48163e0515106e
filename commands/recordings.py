"""The recordings that were named on the command line, alone or by their folders."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from audio.channels import Wanted
from corpus.walk import audio_files
from inference.recordings import RecordingError, Speech, load_speech
from inference.sources import STANDARD_INPUT
from storage.progress import tracked

logger = logging.getLogger("cli")


def recordings_of(names: Sequence[str], channel: Wanted, what: str) -> Iterator[Speech]:
    """Load the recordings that were named, and those in folders that were, one after another.

    What can't be used is left out with a warning where its folder was named.

    Args:
        names: files, `STANDARD_INPUT`, and folders to search at any depth.
        channel: of several, see `load_speech`.
        what: is done with them, for the progress.

    Raises:
        RecordingError: a file that was named can't be used, a folder holds no recording, or none in all can be used.
    """
    files = [(file, file == name) for name in names for file in _files_of(name)]
    count = 0
    for file, needed in tracked(files, what, len(files), "file"):
        try:
            recording = load_speech(file, channel=channel)
        except RecordingError as error:
            if needed:
                raise
            logger.warning("skipped %s", error)
            continue
        count += 1
        yield recording
    if not count:
        raise RecordingError(f"none of the {len(files)} recordings in {', '.join(names)} can be used")


def _files_of(name: str) -> list[str]:
    try:
        is_folder = name != STANDARD_INPUT and Path(name).is_dir()
    except ValueError:  # a null character, which the loader refuses
        is_folder = False
    if not is_folder:
        return [name]
    files = [str(path) for path in audio_files(Path(name))]
    if not files:
        raise RecordingError(f"{name}: no recording in this folder, at any depth")
    return files
