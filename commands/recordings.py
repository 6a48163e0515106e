"""The recordings that were named on the command line, alone or by their folders."""

import logging
from collections.abc import Iterator, Sequence

from audio.channels import Wanted
from inference.recording_files import find_files
from inference.recordings import RecordingError, Speech, load_speech
from storage.counting import counted
from storage.progress import tracked

logger = logging.getLogger("cli")


def recordings_of(
    names: Sequence[str], channel: Wanted, what: str, refused: list[str] | None = None
) -> Iterator[Speech]:
    """Load the recordings that were named, and those in folders that were, one after another.

    What can't be used is left out with a warning where its folder was named.

    Args:
        names: files, `STANDARD_INPUT`, and folders to search at any depth.
        channel: of several, see `load_speech`.
        what: is done with them, for the progress.
        refused: what is left out is added here too, with the reason.

    Raises:
        RecordingError: a file that was named can't be used, a folder holds no recording, or none in all can be used.
    """
    files, by_name = find_files(names)
    count = 0
    for file in tracked(files, what, len(files), "file"):
        try:
            recording = load_speech(file, channel=channel)
        except RecordingError as error:
            if file in by_name:
                raise
            logger.warning("skipped %s", error)
            if refused is not None:
                refused.append(str(error))
            continue
        count += 1
        yield recording
    if not count:
        raise RecordingError(f"of {counted(len(files), 'recording')} in {', '.join(names)} none can be used")
