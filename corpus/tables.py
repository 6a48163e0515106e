"""Rows of text files: tables with a header, JSON a line, fields between blanks. What is wrong is told with its line."""

import csv
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from corpus.recording import CorpusError

COMPRESSED = ".gz"
LONGEST_LINE = 1 << 20  # characters; a compressed file of a few bytes could hold gigabytes in one


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The numbers of the lines, from 1, and what they say; blank ones are left out.

    A name that is no UTF-8 is kept, as Python keeps such names of files.

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
    """The rows of a table with a header, between tabs or commas, as `{column: text}`.

    Raises:
        CorpusError: a `needed` column is missing, a row has more or fewer fields than the header, or it is no table.
    """
    numbered = lines(path)
    _, header = next(numbered, (1, ""))
    delimiter = "\t" if "\t" in header else ","
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL  # a quote in a TSV is a quote
    columns = _fields(header, delimiter, quoting, f"{path}, line 1")
    if len(set(columns)) < len(columns):
        raise CorpusError(f"{path}: its header has a column twice")
    if missing := [name for name in needed if name not in columns]:
        raise CorpusError(f"{path}: expected the columns {', '.join(needed)}. Its header has no {missing[0]}")
    for number, line in numbered:
        fields = _fields(line, delimiter, quoting, f"{path}, line {number}")
        if len(fields) != len(columns):
            raise CorpusError(f"{path}, line {number}: {len(fields)} fields under a header of {len(columns)}")
        yield number, dict(zip(columns, fields))


def _fields(line: str, delimiter: str, quoting: int, where: str) -> list[str]:
    try:
        return [
            field.strip() for field in next(csv.reader([line], delimiter=delimiter, quoting=quoting, strict=True), [])
        ]
    except csv.Error as error:
        raise CorpusError(f"{where}: {error}") from error


def objects(path: Path) -> Iterator[tuple[int, dict]]:
    """The JSON objects of a file with one a line.

    Raises:
        CorpusError: a line is another thing.
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
    how = {"encoding": "utf-8-sig", "errors": "surrogateescape", "newline": "\n"}  # Notepad puts a mark in front
    return gzip.open(path, "rt", **how) if path.suffix == COMPRESSED else open(path, **how)
