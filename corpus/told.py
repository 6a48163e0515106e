"""Who speaks, as the user says: by a folder on the way to the file, or by a pattern for the path."""

import re
from collections.abc import Iterable
from pathlib import Path

from corpus.folders import Folder
from corpus.listing import corpus_name
from corpus.recording import Recording


def recordings_as_told(
    root: Path, folders: Iterable[tuple[Path, list[str]]], speaker_from: int | re.Pattern
) -> tuple[list[Recording], str]:
    """The recordings of whom --speaker_from tells, and in words how many it leaves out.

    Args:
        root: what the paths are relative to.
        folders: with the names of the recordings in them.
        speaker_from: see `reading.find_recordings`. With a pattern, all of the root is one corpus.
    """
    tell = _by_level if isinstance(speaker_from, int) else _by_pattern
    recordings, left_out = [], 0
    for folder, names in folders:
        within = folder.relative_to(root).parts
        for name in names:
            recording = tell(root, within, name, speaker_from)
            left_out += recording is None
            recordings += [] if recording is None else [recording]
    text = speaker_from if isinstance(speaker_from, int) else speaker_from.pattern
    left = f" ({left_out} files left out, as it tells no speaker of theirs)" if left_out else ""
    return recordings, f"--speaker_from {text} says{left}"


def _by_level(root: Path, within: Folder, name: str, level: int) -> Recording | None:
    number = level - 1 if level > 0 else len(within) + level
    if not 0 <= number < len(within):
        return None
    place = str(Path(root, *within[:number]))
    session = "/".join(within[number + 1 :])
    stem = name.rpartition(".")[0]
    utterance = f"{session}/{stem}" if session else stem
    source = "/".join((*within[number:], name))
    return Recording(corpus_name(root, place), within[number], utterance, session, place, source)


def _by_pattern(root: Path, within: Folder, name: str, pattern: re.Pattern) -> Recording | None:
    source = "/".join((*within, name))
    match = pattern.search(source)
    groups = match.groupdict() if match is not None else {}
    part, _, speaker = (groups.get("speaker") or "").rpartition("/")
    if not speaker:
        return None
    utterance = groups.get("utterance") or source.rpartition(".")[0]
    label = (speaker, utterance, groups.get("session") or "")
    if part:  # whose speaker it is, as in a manifest
        return Recording(f"{root.name}/{part}", *label, str(root / part), str(root / source))
    return Recording(root.name, *label, str(root), source)
