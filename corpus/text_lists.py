"""Text files that users write, with one item a line and comments: lists of speakers and of trials."""

from collections.abc import Callable, Iterator
from pathlib import Path

from storage.errors import UserError


def list_lines(
    path: Path, content: str, is_literal: Callable[[str], bool] = lambda line: False
) -> Iterator[tuple[int, str]]:
    """Yield the number of each line, from 1, and its text; lines without any are left out.

    A `#` at the beginning of a line, or after a blank or a tab, starts a comment; within a name it is part of it. A
    byte order mark, as Windows' Notepad writes it, and carriage returns are ignored. A name that is no UTF-8 is kept as
    Python keeps such names of files.

    Args:
        content: what the file should hold, for the message.
        is_literal: whether a line, which may have blanks around it, has no comment in it whatever its signs. Such a
            line is handed on as it is, and others without blanks at their ends.

    Raises:
        UserError: the file is not readable as text.
    """
    for number, line in enumerate(text_lines(path, content), start=1):
        if text := line if is_literal(line) else _without_comment(line):
            yield number, text


def check_text(path: Path, content: str) -> None:
    """Refuse a file that `list_lines` could not read.

    Raises:
        UserError: as said there.
    """
    text_lines(path, content)


def text_lines(path: Path, content: str) -> list[str]:
    """Read all lines of a text file as they are, without carriage returns; arguments and errors as for `list_lines`."""
    try:
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
        if "\0" in text:
            raise ValueError("it holds null characters")
    except (OSError, ValueError) as error:
        raise UserError(f"expected a text file of {content}. {path} is not readable as one") from error
    return [line.removesuffix("\r") for line in text.split("\n")]  # names may hold Unicode's other line separators


def _without_comment(line: str) -> str:
    return "" if line.lstrip().startswith("#") else line.replace("\t#", " #").split(" #")[0].strip()
