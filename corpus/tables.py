"""Rows of text files: tables with a header, and files with a JSON object a line. Errors name the line."""

import csv
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Literal

from corpus.recording import CorpusError

COMPRESSED = ".gz"
ENCODING = "utf-8-sig"  # Windows' Notepad writes a byte order mark in front
INVALID = "surrogateescape"  # a name that is no UTF-8 is kept as Python keeps such names of files
LONGEST_LINE = 1 << 20  # characters; a compressed file of a few bytes could hold gigabytes in one


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the number of each line, from 1, and its text; blank lines are left out.

    Raises:
        CorpusError: the file is not readable, or a line is longer than any of a table.
    """
    try:
        with _opened(path) as file:
            number = 0
            while line := file.readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE:
                    raise CorpusError(f"{path}, line {number}: longer than {LONGEST_LINE} characters")
                if line.strip():
                    yield number, line.rstrip("\r\n")
    except (OSError, EOFError, zlib.error) as error:  # EOFError: a compressed file that was cut short
        raise CorpusError(f"expected a table of recordings. {path} is not readable ({error})") from error


def rows(path: Path, needed: Iterable[str] = ()) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of each row of a table with a header, and its fields as `{column: text}`.

    Tabs separate the fields if there is one in the header, else commas.

    Raises:
        CorpusError: a `needed` column is missing, a row has more or fewer fields than the header, or it is no table.
    """
    numbered = lines(path)
    _, header = next(numbered, (1, ""))
    delimiter = "\t" if "\t" in header else ","
    columns = _fields(header, delimiter, f"{path}, line 1")
    if len(set(columns)) < len(columns):
        raise CorpusError(f"{path}: its header has a column twice")
    if missing := [name for name in needed if name not in columns]:
        raise CorpusError(f"{path}: expected the columns {', '.join(needed)}. Its header has no {missing[0]}")
    for number, line in numbered:
        fields = _fields(line, delimiter, f"{path}, line {number}")
        if len(fields) != len(columns):
            raise CorpusError(f"{path}, line {number}: {len(fields)} fields under a header of {len(columns)}")
        yield number, dict(zip(columns, fields))


def _fields(line: str, delimiter: str, where: str) -> list[str]:
    quoting: Literal[0, 3] = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL  # a quote in a TSV is a quote
    try:
        reader = csv.reader([line], delimiter=delimiter, quoting=quoting, strict=True)
        return [field.strip() for field in next(reader, [])]
    except csv.Error as error:
        raise CorpusError(f"{where}: {error}") from error


def objects(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield the number of each line of a file with a JSON object a line, and the object.

    Raises:
        CorpusError: a line holds something else.
    """
    for number, line in lines(path):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise CorpusError(f"{path}, line {number}: not JSON ({error})") from error
        if not isinstance(value, dict):
            raise CorpusError(f"{path}, line {number}: expected a JSON object. Received {line[:40]}")
        yield number, value


def _opened(path: Path) -> IO[str]:
    if path.suffix == COMPRESSED:
        return gzip.open(path, "rt", encoding=ENCODING, errors=INVALID, newline="\n")
    return open(path, encoding=ENCODING, errors=INVALID, newline="\n")
