"""The cache's index: a JSON object a line, one for each utterance.

It grows by a line as each utterance is finished, and is sorted when the run ends. A line torn by a crash is ignored, so
that its utterance is done again.
"""

import json
from collections.abc import Iterable
from operator import attrgetter
from pathlib import Path

from audio.entries import Utterance
from audio.scan import CACHE_INDEX
from storage.atomic import atomic_file

_TYPES = tuple(Utterance.__annotations__.values())


def read_index(folder: Path) -> dict[tuple[str, str], Utterance]:
    """All entries by (speaker, utterance); the last line counts where there are several. Empty without an index."""
    index = folder / CACHE_INDEX
    if not index.is_file():
        return {}
    with open(index, encoding="utf-8", errors="replace", newline="\n") as lines:  # names may hold other separators
        entries = (entry for line in lines if (entry := _parse(line)) is not None)
        return {entry.key: entry for entry in entries}


def write_index(folder: Path, utterances: Iterable[Utterance]) -> None:
    """Replace the index, in order of speaker and utterance."""
    with atomic_file(folder / CACHE_INDEX) as file:
        for utterance in sorted(utterances, key=attrgetter("key")):
            file.write(index_line(utterance).encode())


def index_line(utterance: Utterance) -> str:
    """What is written for an utterance."""
    return json.dumps(utterance._asdict(), ensure_ascii=False) + "\n"


def _parse(line: str) -> Utterance | None:
    try:
        utterance = Utterance(**json.loads(line))
    except (ValueError, TypeError, RecursionError):
        return None
    return utterance if all(map(isinstance, utterance, _TYPES)) else None
