"""Find the recordings of a corpus, and say who speaks in each.

The speaker is the name of the folder that holds the file: VCTK 0.80 (`wav48/p225/p225_001.wav`), VCTK 0.92
(`wav48_silence_trimmed/p225/p225_001_mic1.flac`), or any tree with one folder per speaker. LibriSpeech puts a chapter
between them (`speaker/chapter/speaker-chapter-0000.flac`) and is recognised by its file names.
"""

import dataclasses
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True, order=True)
class Recording:
    """One audio file of a corpus."""

    speaker: str
    utterance: str  # unique within the speaker: the file's name without suffix
    corpus: str  # folder above the speakers, relative to the corpus root; "" where there is none
    source: str  # the path relative to the corpus root
    path: Path


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
    root = _absolute(audio_dir)
    paths = list(_audio_files(root))
    if not paths:
        raise CorpusError(f"no WAV or FLAC file in {audio_dir}, at any depth")
    chosen = _of_microphone(paths, microphone)
    if not chosen:
        raise CorpusError(f"none of the {len(paths)} recordings in {audio_dir} is of {microphone}; see --microphone")
    return _disambiguated(sorted(_recording(path, root) for path in chosen))


def _absolute(folder: Path) -> Path:
    """Keep a link's own name, which may be the speaker's; only "link/.." can't be understood without following it."""
    return folder.resolve() if ".." in folder.parts else folder.absolute()


def _audio_files(root: Path) -> Iterator[Path]:
    """Walk every folder once, though links lead in circles; hidden files are other programs' business."""
    seen = set()
    for folder, folders, names in os.walk(root, onerror=_warn, followlinks=True):
        identity = os.path.realpath(folder)
        if identity in seen:
            folders.clear()
            continue
        seen.add(identity)
        if {CACHE_MARK, CACHE_INDEX} <= set(names):  # a cache of ours: its audio is what was made of a corpus
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield Path(folder, name)


def _warn(error: OSError) -> None:
    logger.warning("left out a folder that can't be read: %s (%s)", error.filename, error.strerror)


def _of_microphone(paths: list[Path], microphone: str) -> list[Path]:
    """Leave out VCTK's other microphone; in other corpora, `_mic2` is a name like any other."""
    stems = {path.with_suffix("") for path in paths}
    return [path for path in paths if _wanted(path.with_suffix(""), microphone, stems)]


def _wanted(stem: Path, microphone: str, stems: set[Path]) -> bool:
    match = _MICROPHONE.search(stem.name)
    if match is None or microphone in (match[1], "both"):
        return True
    paired = stem.with_name(f"{stem.name[: match.start()]}_{microphone}") in stems
    return not paired and TWO_MICROPHONES_FOLDER not in stem.parts


def _recording(path: Path, root: Path) -> Recording:
    match = _LIBRISPEECH.match(path.stem)
    by_chapter = match and path.parts[-3:-1] == (match["speaker"], match["chapter"])
    speaker_folder = path.parent.parent if by_chapter else path.parent
    above = speaker_folder.parent.relative_to(root).parts if speaker_folder.parent.is_relative_to(root) else ()
    corpus = "/".join(part for part in above if part not in VCTK_INNER_FOLDERS)
    return Recording(speaker_folder.name, path.stem, corpus, path.relative_to(root).as_posix(), path)


def _disambiguated(recordings: list[Recording]) -> list[Recording]:
    """Give files of one speaker that share a stem (`a.wav` and `a.flac`, two corpora) their whole path as name."""
    taken: set[tuple[str, str]] = set()
    result = []
    for recording in recordings:
        utterance = recording.utterance
        if (recording.speaker, utterance) in taken:
            utterance = recording.source
        taken.add((recording.speaker, utterance))
        result.append(dataclasses.replace(recording, utterance=utterance))
    return result
