"""Find the recordings of a corpus, and say who speaks in each.

The speaker is the name of the folder that holds the file: VCTK 0.80 (`wav48/p225/p225_001.wav`), VCTK 0.92
(`wav48_silence_trimmed/p225/p225_001_mic1.flac`), or any tree with one folder per speaker. LibriSpeech puts a chapter
between them (`speaker/chapter/speaker-chapter-0000.flac`) and is recognised by its file names.
"""

import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from storage.errors import UserError

CACHE_MARK, CACHE_INDEX = "cache.json", "index.jsonl"  # see `cache`
SUFFIXES = (".wav", ".flac")
MICROPHONES = ("mic1", "mic2", "both")
VCTK_INNER_FOLDERS = {"wav48", "wav48_silence_trimmed", "wav16"}  # part of VCTK's layout, not a corpus's name
TWO_MICROPHONES_FOLDER = "wav48_silence_trimmed"  # VCTK 0.92's

_MICROPHONE = re.compile(r"_(mic[12])$")
_LIBRISPEECH = re.compile(r"(?P<speaker>\d+)-(?P<chapter>\d+)-\d+$")

logger = logging.getLogger(__name__)


class CorpusError(UserError):
    """The corpus can't be read; the message says why."""


class Recording(NamedTuple):
    """One audio file of a corpus."""

    speaker: str
    utterance: str  # unique within the speaker: the file's name without suffix
    corpus: str  # folder above the speakers, relative to the corpus root; "" where there is none
    source: str  # the path relative to the corpus root
    root: Path  # the corpus root

    @property
    def key(self) -> tuple[str, str]:
        """(speaker, utterance): what identifies the cache's entry."""
        return self.speaker, self.utterance

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.root / self.source


def find_recordings(audio_dir: Path, microphone: str = "mic1") -> list[Recording]:
    """List the WAV and FLAC files below `audio_dir`, ordered by speaker and utterance.

    Args:
        audio_dir: the corpus root; a speaker's own folder works too.
        microphone: which of VCTK 0.92's two recordings of each utterance to take, one of `MICROPHONES`.

    Raises:
        CorpusError: `audio_dir` is not a folder, or holds no recording, or none of the microphone.
    """
    if not audio_dir.is_dir():
        found = "is a file" if audio_dir.is_file() else "does not exist"
        raise CorpusError(f"expected a folder of recordings. {audio_dir} {found}; name one with --audio_dir")
    root = absolute(audio_dir)
    folders = list(_audio_folders(root, SUFFIXES))
    if not folders:
        raise CorpusError(f"no WAV or FLAC file in {audio_dir}, at any depth")
    recordings = [one for folder, names in folders for one in _of_folder(root, folder, names, microphone)]
    if not recordings:
        count = sum(len(names) for _, names in folders)
        raise CorpusError(f"none of the {count} recordings in {audio_dir} is of {microphone}; see --microphone")
    return _disambiguated(sorted(recordings))


def absolute(folder: Path) -> Path:
    """A corpus root as it is noted.

    A link keeps its own name, which may be the speaker's; only "link/.." can't be understood without following it.
    """
    return folder.resolve() if ".." in folder.parts else folder.absolute()


def audio_files(folder: Path, suffixes: tuple[str, ...] = SUFFIXES) -> list[Path]:
    """The recordings in a folder, at any depth, in order, whoever speaks in them.

    Args:
        suffixes: what their names end in, in lower case.
    """
    return sorted(Path(place, name) for place, names in _audio_folders(folder, suffixes) for name in names)


def _audio_folders(root: Path, suffixes: tuple[str, ...]) -> Iterator[tuple[Path, list[str]]]:
    """Yield folders and the names of their recordings.

    Every folder is walked once, though links lead in circles, and if possible under its own name and not a link's.
    Hidden files are other programs' business.
    """
    seen = set()
    for folder, folders, names in os.walk(root, onerror=_warn, followlinks=True):
        identity = os.path.realpath(folder)
        is_cache = {CACHE_MARK, CACHE_INDEX} <= set(names)  # of ours: what was made of a corpus
        if identity in seen or is_cache:
            folders.clear()
            continue
        seen.add(identity)
        visible = (Path(folder, name) for name in folders if not name.startswith("."))
        folders[:] = [path.name for path in sorted(visible, key=lambda path: (path.is_symlink(), path.name))]
        recordings = [name for name in names if name.lower().endswith(suffixes) and not name.startswith(".")]
        if recordings:
            yield Path(folder), recordings


def _warn(error: OSError) -> None:
    logger.warning("left out a folder that can't be read: %s (%s)", error.filename, error.strerror)


def _of_folder(root: Path, folder: Path, names: list[str], microphone: str) -> Iterator[Recording]:
    """The recordings of a folder, without VCTK's other microphone.

    (What is the same for all of them is worked out once: a corpus has tens of thousands.)
    """
    own, above = _speaker(folder, root), _speaker(folder.parent, root)
    place = folder.relative_to(root).as_posix()
    two_microphones = TWO_MICROPHONES_FOLDER in folder.parts
    stems = {name.rpartition(".")[0] for name in names}
    for name in names:
        stem = name.rpartition(".")[0]
        if not _is_wanted(stem, microphone, stems, two_microphones):
            continue
        match = _LIBRISPEECH.match(stem)
        by_chapter = match and folder.parts[-2:] == (match["speaker"], match["chapter"])
        speaker, corpus = above if by_chapter else own
        yield Recording(speaker, stem, corpus, name if place == "." else f"{place}/{name}", root)


def _speaker(folder: Path, root: Path) -> tuple[str, str]:
    """The speaker whose folder that is, and the corpus."""
    above = folder.parent.relative_to(root).parts if folder.parent.is_relative_to(root) else ()
    return folder.name, "/".join(part for part in above if part not in VCTK_INNER_FOLDERS)


def _is_wanted(stem: str, microphone: str, stems: set[str], two_microphones: bool) -> bool:
    """Whether a file is of the microphone asked for; outside VCTK, a lone `_mic2` is a name like any other."""
    match = _MICROPHONE.search(stem)
    if match is None or microphone in (match[1], "both"):
        return True
    return not two_microphones and f"{stem[: match.start()]}_{microphone}" not in stems


def _disambiguated(recordings: list[Recording]) -> list[Recording]:
    """Give files of one speaker that share a stem (`a.wav` and `a.flac`, two corpora) their whole path as name."""
    taken: set[tuple[str, str]] = set()
    result = []
    for recording in recordings:
        if recording.key in taken:
            recording = recording._replace(utterance=recording.source)
        taken.add(recording.key)
        result.append(recording)
    return result
