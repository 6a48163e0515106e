"""Put recordings into a cache folder.

Workers decode, and write into the staging folder. One process, the parent, flushes each file to the disk and gives it
its name. It yields an entry only then: whenever a run is killed, an index of what was yielded names whole files only.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

from tqdm import tqdm

from audio.entries import AUDIO_FOLDER, STAGING_FOLDER, Entry, Skipped, Utterance, audio_path, make_entry
from audio.parallel import overlapped_map, parallel_map
from audio.scan import Recording
from storage.atomic import TEMPORARY_PATTERN, publish

FLUSHES_AT_ONCE = 8  # batches of files under way to the disk, which writes several as fast as one


def fill(folder: Path, work: list[tuple[Recording, Utterance | None]], workers: int) -> Iterator[Entry | Skipped]:
    """Make entries and put them in their places, in the order of the work.

    Args:
        work: recordings, and what the index says of each so far.

    Raises:
        FileNotFoundError: the corpus has gone.
        OSError: the folder can't be written to, or the disk is full.
    """
    (folder / AUDIO_FOLDER).mkdir(exist_ok=True)
    with (
        staging(folder),  # left last, when nobody writes there any more
        closing(parallel_map(partial(make_entry, folder), work, workers)) as made,
        closing(overlapped_map(partial(_place, folder), made, FLUSHES_AT_ONCE)) as placed,
    ):
        for outcome, (recording, _) in zip(tqdm(placed, "cache", len(work), unit="file"), work):
            if isinstance(outcome, Skipped) and not recording.root.is_dir():  # else all of the corpus would be skipped
                raise FileNotFoundError(f"{recording.root} has gone while it was read; what was cached so far is kept")
            yield outcome


@contextmanager
def staging(folder: Path) -> Iterator[None]:
    """Have a folder in the cache for files on their way, gone afterwards with whatever is left in it."""
    place = folder / STAGING_FOLDER
    place.mkdir(exist_ok=True)
    try:
        yield
    finally:
        for path in _temporary_files(place):
            path.unlink()
        with suppress(OSError):  # somebody else's file is in it
            place.rmdir()


def left_over(folder: Path) -> Iterator[Path]:
    """What a killed run has left in a cache."""
    for place in (folder, folder / STAGING_FOLDER):
        yield from _temporary_files(place)


def _temporary_files(place: Path) -> list[Path]:
    return [path for path in place.glob(TEMPORARY_PATTERN) if path.is_file()]


def _place(folder: Path, outcome: Entry | Skipped) -> Entry | Skipped:
    if isinstance(outcome, Entry) and outcome.staged is not None:
        path = audio_path(folder, outcome.utterance.key)
        path.parent.mkdir(exist_ok=True)
        publish(outcome.staged, path)
    return outcome
