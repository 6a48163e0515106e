"""Recordings to entries.

Worker processes decode, and write into the staging folder. The parent process alone flushes each file to the disk,
gives it its name, and only then adds a line to the index: whenever a run is killed, the index names whole files only.
"""

import os
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TextIO

from audio.channels import Wanted
from cache.entries import AUDIO_FOLDER, USUAL, Entry, Intake, Skipped, audio_path, make_entry, wav_size
from cache.index import INDEX, Utterance, index_line
from cache.mark import MARK, SETTINGS_DIGEST
from cache.staging import staging
from corpus.recording import Key, Recording
from storage.atomic import publish
from storage.existence import is_gone
from storage.parallel import Workers, check_shared, overlapped_map, parallel_map
from storage.progress import tracked

FLUSHES_AT_ONCE = 8  # batches of files under way to the disk, which writes several as fast as one


@dataclass
class Filling:
    """The state of a run: the entries, the files that are stored, and what was done."""

    entries: dict[Key, Utterance]
    stored: dict[str, int]  # bytes by digest
    outdated: list[Path] = field(default_factory=list)  # files of an earlier version
    added: list[Key] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    mixed: list[Path] = field(default_factory=list)  # recordings of channels with different speech

    def is_current(self, recording: Recording, channel: Wanted) -> bool:
        """Whether a recording, of which this channel was asked for, is cached as it is now."""
        entry = self.entries.get(recording.key)
        if entry is None or entry[: len(recording)] != recording or entry.made_with != SETTINGS_DIGEST:
            return False
        if channel is not None and channel != entry.channel:
            return False
        try:
            stat = os.stat(recording.origin[0])  # noqa: PTH116, a path is slower, and there are many
        except OSError:
            return False
        return (entry.size, entry.mtime_ns) == (stat.st_size, stat.st_mtime_ns) and self.is_stored(entry)

    def is_stored(self, entry: Utterance) -> bool:
        """Whether an entry's file is there in its full length."""
        return self.stored.get(entry.sha256) == wav_size(entry.samples)


def fill(
    folder: Path,
    filling: Filling,
    recordings: list[Recording],
    workers: Workers,
    anew: bool = False,
    intake: Intake = USUAL,
) -> None:
    """Make the entries of recordings, in the cache in `folder`.

    Args:
        anew: whether to write the files again even if the cached ones have the same samples.
        intake: what is taken of them.

    Raises:
        FileNotFoundError: the corpus has gone.
        OSError: the folder can't be written to, or the disk is full.
    """
    check_shared(folder / MARK, workers)
    (folder / AUDIO_FOLDER).mkdir(exist_ok=True)
    work = ((recording, filling.entries.get(recording.key)) for recording in recordings)
    with (
        _appending(folder / INDEX) as index,
        staging(folder),  # ends last, when nothing is written there any more
        closing(parallel_map(partial(make_entry, folder, anew=anew, intake=intake), work, workers)) as entries,
        closing(overlapped_map(partial(_place, folder), entries, FLUSHES_AT_ONCE)) as placed,
    ):
        for outcome in tracked(placed, "cache", len(recordings), "file"):
            if isinstance(outcome, Skipped):
                if outcome.is_missing:
                    check_present(outcome.recording)
                filling.skipped.append(outcome)
                continue
            entry = outcome.utterance
            index.write(index_line(entry))
            filling.entries[entry.key] = entry
            if outcome.is_mixed:
                filling.mixed.append(outcome.utterance.path)
            if outcome.staged is not None:
                filling.stored[entry.sha256] = wav_size(entry.samples)
                filling.added.append(entry.key)


def check_present(recording: Recording) -> None:
    """Refuse to go on without the corpus: all of it would be skipped, and its entries deleted later.

    Raises:
        FileNotFoundError: the corpus has gone, or its folder is empty, as a mount point is without its disk.
    """
    try:
        with os.scandir(recording.place) as inside:
            empty = next(inside, None) is None
    except NotADirectoryError:  # a manifest
        return
    except OSError:
        empty = True
    if empty and is_gone(recording.path):
        raise FileNotFoundError(f"{recording.place} has gone while it was read; what was cached so far is kept")


def _appending(path: Path) -> TextIO:
    """Open the index to add lines; a line that a killed run left unfinished is ended first."""
    index = open(path, "a+", encoding="ascii", newline="\n", buffering=1)  # noqa: SIM115, the caller closes it
    if index.tell():
        index.write("\n")
    return index


def _place(folder: Path, outcome: Entry | Skipped) -> Entry | Skipped:
    if isinstance(outcome, Entry) and outcome.staged is not None:
        path = audio_path(folder, outcome.utterance.sha256)
        path.parent.mkdir(exist_ok=True)
        publish(outcome.staged, path)
    return outcome
