"""Who trains, who is held out, and which utterances test."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from storage.errors import UserError

VCTK_TEST_SPEAKERS = ("p362", "p363", "p364", "p374", "p376")  # v1's, never in training
TRAIN_SHARE = 0.8  # of a speaker's utterances, the first in order of name, as in v1
FEWEST_TO_SPLIT = 5  # utterances; a speaker with fewer trains with all of them
NAMES_SHOWN = 5

logger = logging.getLogger(__name__)


def train_count(utterances: int) -> int:
    """How many of a speaker's utterances train, rounded to the nearest; the others, which come last, test."""
    return utterances if utterances < FEWEST_TO_SPLIT else round(TRAIN_SHARE * utterances)


def parse_speakers(text: str) -> tuple[str, ...]:
    """Names from a comma-separated list."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def read_speakers_file(path: Path) -> tuple[str, ...]:
    """Names from a file with one a line; `#` starts a comment, and a corpus may stand before the name (`vctk/p226`).

    Raises:
        UserError: it is missing, is not text, or names no one.
    """
    try:  # utf-8-sig: Notepad puts a byte order mark first, which would become part of a name
        lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8-sig").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"expected a text file of speaker names. {path} is not readable as one") from error
    names = tuple(line for line in lines if line)
    if not names:
        raise UserError(f"{path} names no speaker; expected one a line")
    return names


def is_listed(speaker: str, corpus: str, listed: Iterable[str]) -> bool:
    """Whether `listed` holds the speaker, by name or as `corpus/name`.

    A cache filled from a part of the corpus root knows only the end of the corpus's name (`train` of `libri/train`), or
    nothing of it; then the end must agree. A speaker too many held out is a lesser mistake than one too few.
    """
    for name in listed:
        where, _, who = name.rpartition("/")
        if who == speaker and (not where or not corpus or f"/{where}".endswith(f"/{corpus}")):
            return True
    return False


def check_listed(listed: Sequence[str], known: Iterable[tuple[str, str]]) -> None:
    """Warn of names that no (speaker, corpus) pair of `known` answers to: a misspelt one would train.

    Raises:
        UserError: there are names, and none is known.
    """
    known = list(known)
    missing = [name for name in listed if not any(is_listed(speaker, corpus, [name]) for speaker, corpus in known)]
    if missing and len(missing) == len(listed):
        raise UserError(f"none of the {len(listed)} test speakers is in the cache: {_shortened(missing)}")
    if missing:
        logger.warning("%d test speakers are not in the cache: %s", len(missing), _shortened(missing))


def _shortened(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMES_SHOWN]) + (", ..." if len(names) > NAMES_SHOWN else "")
