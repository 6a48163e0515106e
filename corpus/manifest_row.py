"""What a description of a corpus says of one utterance, whatever its format."""

from typing import NamedTuple

from corpus.recording import CorpusError

LONGEST = 1e6  # s, twelve days; a later time is a mistake
NO_TIMES = (-1, 0)  # Kaldi's for "to the end"; and what starts at 0 starts at the beginning


class Row(NamedTuple):
    """A line of a description."""

    where: str  # file and line, for messages
    path: str
    speaker: str
    utterance: str = ""
    session: str = ""
    start: float | None = None  # s
    end: float | None = None


def check_row(row: Row) -> None:
    """Refuse a row that describes no utterance.

    Raises:
        CorpusError: it lacks a file or a speaker, has names that can't be used, or ends before it starts.
    """
    if not row.path or not row.speaker.rpartition("/")[2]:
        raise CorpusError(f"{row.where}: it names no {'speaker' if row.path else 'file'}")
    if not {"", ".", ".."}.isdisjoint(row.speaker.split("/")):
        raise CorpusError(f"{row.where}: expected a speaker, or a part of the corpus and one. Received {row.speaker!r}")
    if "\0" in row.path:
        raise CorpusError(f"{row.where}: no file has a null character in its name")
    try:
        "".join((row.path, row.speaker, row.utterance, row.session)).encode(errors="surrogateescape")
    except UnicodeEncodeError as error:
        raise CorpusError(f"{row.where}: it holds half a character") from error
    if row.end is not None and row.end <= (row.start or 0):
        raise CorpusError(f"{row.where}: it ends at {row.end:g} s and starts at {row.start or 0:g} s")


def seconds_in(value: object, where: str) -> float | None:
    """Read a time, in s; an empty field, 0, and Kaldi's -1 are none.

    Raises:
        CorpusError: it is no number, or out of range.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str | int | float):
        raise CorpusError(f"{where}: expected seconds. Received {value!r}")
    try:
        seconds = float(value)
    except (ValueError, OverflowError) as error:
        raise CorpusError(f"{where}: expected seconds. Received {value!r}") from error
    if seconds in NO_TIMES:
        return None
    if not 0 < seconds <= LONGEST:
        raise CorpusError(f"{where}: expected seconds from 0 to {LONGEST:g}. Received {value!r}")
    return seconds


def text_in(value: object) -> str:
    """Read a name, which may be a whole number in JSON; whatever else stands there is none."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
