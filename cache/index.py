"""The cache's index: a JSON object a line, one for each utterance.

It grows by a line as each utterance is finished, and is sorted when the run ends; the last line of an utterance counts.
A line torn by a crash is ignored, so that its utterance is done again. `cache.parts` reads and writes whole indexes.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from pathlib import Path
from sys import intern
from typing import NamedTuple

from audio.channels import MIX, Wanted
from corpus.recording import Identity, Key, Speaker
from storage.atomic import atomic_file

INDEX = "index.jsonl"

_DIGEST = re.compile("[0-9a-f]{64}")
_ALL_DIGITS = re.compile("[0-9a-f]*")


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


_FIELDS = Utterance._fields
_TYPES = tuple(_Utterance.__annotations__.values())[:-1]  # of all fields but the channel
_SHARED = {_FIELDS.index(name) for name in ("corpus", "speaker", "session", "place", "made_with")}  # by many entries
_SHA256, _CHANNEL = _FIELDS.index("sha256"), _FIELDS.index("channel")
_DIGITS = 64  # of a digest
_VALUES = [itemgetter(name) for name in _FIELDS]
_values = itemgetter(*_FIELDS)
_utterance = partial(tuple.__new__, Utterance)  # of a tuple of as many values as there are fields


def write_index(folder: Path, utterances: Iterable[Utterance]) -> None:
    """Replace the index of a cache without parts, in order of corpus, speaker and utterance."""
    write_lines(folder / INDEX, utterances)


def write_lines(path: Path, utterances: Iterable[Utterance]) -> None:
    """Replace the file at `path` by the lines of utterances, in order of corpus, speaker and utterance."""
    with atomic_file(path) as file:
        for utterance in sorted(utterances, key=lambda utterance: utterance.key):
            file.write(index_line(utterance).encode())


def index_line(utterance: Utterance) -> str:
    """Write an utterance as a line: ASCII, as names of files may be no text that UTF-8 could hold."""
    return json.dumps(utterance._asdict()) + "\n"


def forgotten_line(key: Key) -> str:
    """Write a line that takes back those before it of an utterance; it stands only where an index has parts."""
    return json.dumps({"forgotten": key}) + "\n"


def lines_of(content: bytes) -> list[str]:
    """The lines of an index, without blank ones. (Names may hold what else separates lines.)"""
    return [line for line in content.decode("utf-8", errors="replace").split("\n") if line]


def parse_lines(lines: Sequence[str]) -> list[Utterance | None]:
    """Read lines as utterances; None stands for those that are none."""
    if (utterances := _all_at_once(lines)) is not None:
        return list(utterances)
    return [parse_line(line) for line in lines]


def parse_line(line: str) -> Utterance | None:
    """Read a line as an utterance; None if it is none."""
    try:
        fields = json.loads(line)
        row = _values({"channel": None, **fields}) if fields.keys() <= set(_FIELDS) else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return next(_utterances([[value] for value in row])) if row is not None and _is_valid(row) else None


def parse_forgotten(line: str) -> Key | None:
    """Read a line of `forgotten_line`; None if it is none."""
    try:
        corpus, speaker, utterance = json.loads(line)["forgotten"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    key = corpus, speaker, utterance
    return key if all(isinstance(name, str) for name in key) else None


def _all_at_once(lines: Sequence[str]) -> list[Utterance] | None:
    """Read lines that are all sound, in a fraction of the time; None if one is not."""
    try:
        objects = json.loads(f"[{','.join(lines)}]")
        if len(objects) != len(lines) or not {len(_FIELDS)}.issuperset(map(len, objects)):
            return None
        columns = [list(map(value, objects)) for value in _VALUES]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return list(_utterances(columns)) if _are_valid(columns) else None


def _utterances(columns: Sequence[Sequence]) -> Iterator[Utterance]:
    """The utterances of valid columns, one for each field; texts that many of them share stand in memory once."""
    shared = [map(intern, column) if number in _SHARED else column for number, column in enumerate(columns)]
    return map(_utterance, zip(*shared))


def _is_valid(row: tuple) -> bool:
    channel = row[_CHANNEL]
    has_channel = channel is None or channel == MIX or isinstance(channel, int)
    return has_channel and all(map(isinstance, row, _TYPES)) and _DIGEST.fullmatch(row[_SHA256]) is not None


def _are_valid(columns: Sequence[Sequence]) -> bool:
    """The same of many rows, by columns: each has few types, and all digests are one text to look at."""
    are_typed = all(
        issubclass(kind, expected) for column, expected in zip(columns, _TYPES) for kind in set(map(type, column))
    )
    if not are_typed or not {_DIGITS}.issuperset(map(len, columns[_SHA256])):
        return False
    has_channels = all(channel is None or channel == MIX or isinstance(channel, int) for channel in columns[_CHANNEL])
    return has_channels and _ALL_DIGITS.fullmatch("".join(columns[_SHA256])) is not None
