"""The cache's index: a JSON object a line, one for each utterance.

It grows by a line as each utterance is finished, and is sorted when the run ends; the last line of an utterance counts.
A line torn by a crash is ignored, so that its utterance is done again.
"""

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from corpus.recording import Recording, Speaker
from storage.atomic import atomic_file

INDEX = "index.jsonl"

Key = tuple[str, str, str]  # corpus, speaker, utterance

_DIGEST = re.compile("[0-9a-f]{64}")


class Utterance(NamedTuple):
    """One line of the index."""

    corpus: str
    speaker: str
    utterance: str
    session: str  # "" where the corpus knows of none
    place: str  # the corpus's own folder, absolute
    source: str  # the recording, relative to the place, or absolute where it is elsewhere
    start: float | None  # s, of the part of the recording that the utterance is; None for its beginning
    end: float | None
    size: int  # bytes of the recording
    mtime_ns: int  # its modification time
    made_with: str  # digest of the settings that shaped the entry, see `mark`
    sha256: str  # of the voiced part: what the recording says, whatever its format
    samples: int  # of the voiced part
    leading_blank_ms: float
    trailing_blank_ms: float
    channel: int | str | None = None  # that was asked for, see `audio.channels`; None where that was left to the tool

    key, origin, path = Recording.key, Recording.origin, Recording.path  # of the same first fields

    @property
    def whose(self) -> Speaker:
        """The speaker."""
        return Speaker(self.corpus, self.speaker)


_TYPES = tuple(Utterance.__annotations__.values())
_REPEATED = ("corpus", "speaker", "session", "place", "made_with")  # in many lines: kept in memory once


def read_index(folder: Path) -> dict[Key, Utterance]:
    """All entries; the last line counts where there are several. Empty without an index."""
    index = folder / INDEX
    if not index.is_file():
        return {}
    with open(index, encoding="utf-8", errors="replace", newline="\n") as lines:  # names may hold other separators
        entries = (entry for line in lines if (entry := _parse(line)) is not None)
        return {entry.key: entry for entry in entries}


def write_index(folder: Path, utterances: Iterable[Utterance]) -> None:
    """Replace the index, in order of corpus, speaker and utterance."""
    with atomic_file(folder / INDEX) as file:
        for utterance in sorted(utterances, key=lambda one: one.key):
            file.write(index_line(utterance).encode())


def index_line(utterance: Utterance) -> str:
    """What is written for an utterance: ASCII, as names of files may be no text that UTF-8 could hold."""
    return json.dumps(utterance._asdict()) + "\n"


def _parse(line: str) -> Utterance | None:
    try:
        fields = json.loads(line)
        fields.update({name: sys.intern(fields[name]) for name in _REPEATED})
        utterance = Utterance(**fields)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if not all(map(isinstance, utterance, _TYPES)) or _DIGEST.fullmatch(utterance.sha256) is None:
        return None
    return utterance
