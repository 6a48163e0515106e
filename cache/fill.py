"""Recordings to entries.

Worker processes decode, and write into the staging folder. The parent process alone flushes each file to the disk,
gives it its name, and only then adds a line to the index: whenever a run is killed, the index names whole files only.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from cache.entries import AUDIO_FOLDER, USUAL, Entry, Intake, Skipped, audio_path, make_entry
from cache.index import INDEX, Utterance, index_line
from cache.mark import MARK
from cache.parts import Index
from cache.staging import staging
from cache.survey import by_part
from corpus.recording import Recording
from corpus.recordings import Recordings
from storage.atomic import publish
from storage.existence import is_gone
from storage.growing_object import GrowingObject
from storage.parallel import Workers, check_shared, overlapped_map, parallel_map
from storage.places import is_remote, path_of
from storage.progress import tracked

FLUSHES_AT_ONCE = 8  # batches of files under way to the disk, which writes several as fast as one


class _Lines(Protocol):
    def write(self, text: str, /) -> object:
        """Add a line."""


@dataclass
class Filled:
    """What a run did."""

    added: int = 0  # utterances whose samples are new
    digests: dict[str, bytearray] = field(default_factory=lambda: defaultdict(bytearray))  # theirs, by their places
    folders: set[Path] = field(default_factory=set)  # that got files
    skipped: list[Skipped] = field(default_factory=list)
    mixed: list[Path] = field(default_factory=list)  # recordings of channels with different speech


def fill(
    folder: Path,
    index: Index,
    recordings: Recordings,
    workers: Workers,
    anew: bool = False,
    intake: Intake = USUAL,
) -> Filled:
    """Make the entries of recordings, in the cache in `folder`.

    Args:
        index: what is cached.
        anew: whether to write the files again even if the cached ones have the same samples.
        intake: what is taken of them.

    Raises:
        FileNotFoundError: the corpus has gone.
        OSError: the folder can't be written to, or the disk is full.
    """
    check_shared(folder / MARK, workers)
    (folder / AUDIO_FOLDER).mkdir(exist_ok=True)
    filled = Filled()
    with (
        _appending(folder / INDEX) as lines,
        staging(folder),  # ends last, when nothing is written there any more
        closing(
            parallel_map(
                partial(make_entry, folder.absolute(), anew=anew, intake=intake), _work(index, recordings), workers
            )
        ) as entries,
        closing(overlapped_map(partial(_place, folder), entries, FLUSHES_AT_ONCE)) as placed,
    ):
        for outcome in tracked(placed, "cache", len(recordings), "file"):
            if isinstance(outcome, Skipped):
                if outcome.is_missing:
                    check_present(outcome.recording)
                filled.skipped.append(outcome)
                continue
            entry = outcome.utterance
            lines.write(index_line(entry))
            if outcome.is_mixed:
                filled.mixed.append(outcome.utterance.path)
            if outcome.staged is not None:
                filled.added += 1
                filled.digests[entry.place] += bytes.fromhex(entry.sha256)
                filled.folders.add(audio_path(folder, entry.sha256).parent)
    filled.skipped.sort(key=lambda skipped: skipped.recording.key)
    return filled


def _work(index: Index, recordings: Recordings) -> Iterator[tuple[Recording, Utterance | None]]:
    """The recordings part by part, each with what is cached of it."""
    for number, speakers in by_part(index, recordings).items():
        entries = index.part(number).entries
        for speaker in speakers:
            for recording in recordings.of_speaker(speaker):
                yield recording, entries.get(recording.key)


def check_present(recording: Recording) -> None:
    """Refuse to go on without the corpus: all of it would be skipped, and its entries deleted later.

    Raises:
        FileNotFoundError: the corpus has gone, or its folder is empty, as a mount point is without its disk.
    """
    try:
        empty = next(path_of(recording.place).iterdir(), None) is None
    except NotADirectoryError:  # a manifest
        return
    except OSError:
        empty = True
    if empty and is_gone(recording.path):
        raise FileNotFoundError(f"{recording.place} has gone while it was read; what was cached so far is kept")


def _appending(path: Path) -> AbstractContextManager["_Lines"]:
    """Open the index to add lines; a line that a killed run left unfinished is ended first."""
    if is_remote(path):
        return GrowingObject(path)
    index = open(path, "a+", encoding="ascii", newline="\n", buffering=1)  # noqa: SIM115, the caller closes it
    if index.tell():
        index.write("\n")
    return index


def _place(folder: Path, outcome: Entry | Skipped) -> Entry | Skipped:
    if isinstance(outcome, Entry) and outcome.staged is not None:
        path = audio_path(folder, outcome.utterance.sha256)
        if path != outcome.staged:
            path.parent.mkdir(exist_ok=True)
            publish(outcome.staged, path)
    return outcome
