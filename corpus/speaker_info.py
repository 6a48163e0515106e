"""What is known of speakers beside their names: tables such as VCTK's speaker-info.txt."""

import csv
from collections.abc import Iterable
from pathlib import Path

from corpus.recording import Speaker
from corpus.text_lists import text_lines
from storage.errors import UserError
from storage.nearest_names import nearest

SEPARATORS = "\t|,;"  # the first that the heading has; without one, blanks separate the columns
COMMENT = ";"  # before lines of LibriSpeech's SPEAKERS.TXT, the last of which is the heading
ABSENT = {"", "-", "na", "n/a", "none", "unknown", "()"}  # in small letters: nothing is known
VCTK_PREFIX = "p"  # that VCTK 0.80's table leaves out


class SpeakerInfo:
    """A table with a line for each speaker, whose name is in the first column.

    Tabs, bars, commas or semicolons separate the columns, or blanks, as in VCTK's `speaker-info.txt`, LibriSpeech's
    `SPEAKERS.TXT` and VoxCeleb's `vox1_meta.csv`.

    Raises:
        UserError: the file is missing or no text, or has no heading with two columns or more.
    """

    def __init__(self, path: Path):
        lines = [line for line in text_lines(path, "properties of speakers") if line.strip()]
        comments = [line for line in lines if line.startswith(COMMENT)]
        rest = [line for line in lines if not line.startswith(COMMENT)]
        heading = comments[-1].lstrip(COMMENT) if comments else (rest.pop(0) if rest else "")
        separator = next((one for one in SEPARATORS if one in heading), None)
        self.path = path
        self.columns = [name.lower() for name in _split(heading, separator)]
        if len(self.columns) < 2:
            raise UserError(f"expected a heading with columns in {path}, a table of speakers. Received {heading!r}")
        rows = [_split(line, separator, len(self.columns)) for line in rest]
        self._rows = {row[0]: row for row in rows if row}
        # Where blanks separate, a text with blanks in the last column but one moves into the last.
        self._torn = separator is None and any(len(line.split()) != len(self.columns) for line in rest)

    def of(self, column: str, speakers: Iterable[Speaker]) -> dict[Speaker, str]:
        """Return what a column says of speakers, as far as it says something.

        Raises:
            UserError: there is no such column, or it says nothing of any of them; or blanks within it can't be told
                from those between columns, or one line is of several of them.
        """
        if column.lower() not in self.columns[1:]:
            raise UserError(f"{self.path} has no column {column!r}, {nearest(column.lower(), self.columns[1:])}")
        number = self.columns.index(column.lower())
        if self._torn and number == len(self.columns) - 2:
            raise UserError(
                f"the blanks in {column!r} and those between columns of {self.path} can't be told apart: use tabs"
            )
        rows = self._of_each(list(speakers))
        values = {speaker: row[number] for speaker, row in rows.items() if row is not None and number < len(row)}
        known = {speaker: value for speaker, value in values.items() if value.lower() not in ABSENT}
        if not known:
            raise UserError(f"{self.path} says nothing of the column {column!r} of any of these speakers")
        return known

    def _of_each(self, speakers: list[Speaker]) -> dict[Speaker, list[str] | None]:
        """Find each speaker's line: by corpus and name, by name, or by that without the `p` of VCTK's."""
        names = {speaker.name for speaker in speakers}
        found: dict[Speaker, list[str] | None] = {}
        owners: dict[str, Speaker] = {}
        for speaker in speakers:
            bare = speaker.name.removeprefix(VCTK_PREFIX)
            known = [name for name in (str(speaker), speaker.name, bare) if name in self._rows]
            name = known[0] if known and (known[0] != bare or bare == speaker.name or bare not in names) else None
            found[speaker] = None if name is None else self._rows[name]
            other = owners.setdefault(name, speaker) if name is not None else speaker
            if other != speaker:
                raise UserError(
                    f"the line {name!r} of {self.path} could be of {other} or of {speaker}; write the corpus before "
                    "the name, as they are written here"
                )
        return found


def _split(line: str, separator: str | None, columns: int | None = None) -> list[str]:
    if separator is None:
        return line.split(None, -1 if columns is None else columns - 1)
    try:
        return [text.strip() for text in next(csv.reader([line], delimiter=separator))]
    except csv.Error as error:
        raise UserError(f"expected columns between {separator!r}. Received a line that is none ({error})") from error
