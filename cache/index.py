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

from audio.channels import MIX, Wanted
from corpus.recording import Identity, Key, Speaker
from storage.atomic import atomic_file

INDEX = "index.jsonl"

_DIGEST = re.compile("[0-9a-f]{64}")


class _Utterance(NamedTuple):
    corpus: str  # from here on the fields of `corpus.recording.Recording`, in their order
    speaker: str
    utterance: str
    session: str
    place: str
    source: str
    start: float | None
    end: float | None  # up to here
    size: int  # bytes of the recording
    mtime_ns: int  # its modification time
    made_with: str  # digest of the settings that shaped the entry, see `mark`
    sha256: str  # of the speech: what the recording says, whatever its format
    samples: int  # of the speech
    leading_blank_ms: float
    trailing_blank_ms: float
    channel: Wanted = None  # that was asked for, see `audio.channels`; None where the tool chose


class Utterance(Identity, _Utterance):
    """One line of the index: a recording, and what was cached of it."""

    __slots__ = ()

    @property
    def whose(self) -> Speaker:
        """The speaker."""
        return Speaker(self.corpus, self.speaker)


_TYPES = tuple(_Utterance.__annotations__.values())[:-1]  # of all fields but the channel
_REPEATED = ("corpus", "speaker", "session", "place", "made_with")  # in many lines: kept in memory once


def read_index(folder: Path) -> dict[Key, Utterance]:
    """Read all entries; the last line counts where there are several. Without an index there are none."""
    return read_lines(folder)[0]


def read_lines(folder: Path) -> tuple[dict[Key, Utterance], int]:
    """Read all entries, as `read_index` does, and count the lines that are none."""
    index = folder / INDEX
    if not index.is_file():
        return {}, 0
    entries, damaged = {}, 0
    with open(index, encoding="utf-8", errors="replace", newline="\n") as lines:  # names may hold other separators
        for line in lines:
            entry = _parse(line)
            if entry is None:
                damaged += 1
            else:
                entries[entry.key] = entry
    return entries, damaged


def write_index(folder: Path, utterances: Iterable[Utterance]) -> None:
    """Replace the index, in order of corpus, speaker and utterance."""
    with atomic_file(folder / INDEX) as file:
        for utterance in sorted(utterances, key=lambda utterance: utterance.key):
            file.write(index_line(utterance).encode())


def index_line(utterance: Utterance) -> str:
    """Write an utterance as a line: ASCII, as names of files may be no text that UTF-8 could hold."""
    return json.dumps(utterance._asdict()) + "\n"


def _parse(line: str) -> Utterance | None:
    try:
        fields = json.loads(line)
        fields.update({name: sys.intern(fields[name]) for name in _REPEATED})
        utterance = Utterance(**fields)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return utterance if _is_valid(utterance) else None


def _is_valid(utterance: Utterance) -> bool:
    has_channel = utterance.channel is None or utterance.channel == MIX or isinstance(utterance.channel, int)
    return has_channel and all(map(isinstance, utterance, _TYPES)) and _DIGEST.fullmatch(utterance.sha256) is not None
