"""The index of a cache, whole or in parts: small ones are one file, large ones are read and written part by part.

    index.jsonl         the whole index of a cache of few utterances
    index/00.jsonl …    the parts of a large one, each with the utterances of some speakers; sorted
    index.jsonl         beside parts: lines that were added since the parts were written, and count for more

Which part a speaker is in follows from the names of corpus and speaker, and whether there are parts from the number of
utterances: the same entries make the same bytes. That there are parts is said by the mark, whose format is then
`SHARDED`; it is written when all parts are on the disk, and only then are the lines beside them deleted. An index
without parts that has grown long is read part by part all the same, by the places of its lines.
"""

import hashlib
import json
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Set
from copy import copy
from functools import lru_cache
from itertools import islice
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from cache.index import (
    INDEX,
    Utterance,
    forgotten_line,
    index_line,
    lines_of,
    parse_forgotten,
    parse_lines,
    write_index,
    write_lines,
)
from cache.mark import FORMAT, SETTINGS_DIGEST, SHARDED, read_mark, write_mark
from corpus.recording import Key, Speaker
from storage.atomic import atomic_file, remove_if_empty, write_atomically
from storage.places import fetched, is_remote, local_copy

LARGE = 60_000  # utterances: an index of more has parts
PARTS = 256
PARTS_FOLDER = "index"
BLOCK = 1 << 20  # bytes read at once

_BEFORE_PLACE = b'"place": '
_PLACE = re.compile(rb'("(?:[^"\\\x00-\x1f\x80-\xff]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*")')

_key = attrgetter("corpus", "speaker", "utterance")  # as the property, and faster
_whose = attrgetter("corpus", "speaker")
_place_and_corpus = attrgetter("place", "corpus")

Changes = dict[Key, Utterance | None]  # what entries are to be; None for none


class Part(NamedTuple):
    """A part of the index."""

    entries: dict[Key, Utterance]  # in order
    damaged: int  # lines that can't be read
    is_settled: bool  # whether its file holds just that, in order


class Summary:
    """What is to be known of all entries together."""

    def __init__(self) -> None:
        self.count = 0
        self.damaged = 0  # lines
        self.speakers: set[Speaker] = set()
        self.places: Counter[tuple[str, str]] = Counter()  # entries, by the place and the name of their corpus
        self.outdated: Counter[str] = Counter()  # entries that were made with other settings, by place
        self.unsettled: list[int] = []  # parts whose files do not hold just what they are, in order

    def add(self, number: int, part: Part) -> None:
        """Take account of a part."""
        entries = part.entries.values()
        self.count += len(entries)
        self.damaged += part.damaged
        if not part.is_settled:
            self.unsettled.append(number)
        self.speakers.update(Speaker(*names) for names in set(map(_whose, entries)))
        self.places.update(map(_place_and_corpus, entries))
        if not {SETTINGS_DIGEST}.issuperset(map(attrgetter("made_with"), entries)):
            self.outdated.update(entry.place for entry in entries if entry.made_with != SETTINGS_DIGEST)


class Index:
    """The index in a cache folder, as it is when this is made."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._whole: Part | None = None
        self._summary: Summary | None = None
        self._changes: dict[int, Changes] = {}  # by part, and not on the disk yet
        mark = read_mark(folder)
        self.is_sharded = mark is not None and mark.format == SHARDED
        self._journal = folder / INDEX
        if is_remote(folder):  # from which lines are taken here and there
            self._fetched = TemporaryDirectory(prefix="deep-speaker-")  # deleted with this object
            self._journal = fetched(folder / INDEX, Path(self._fetched.name))
        self.has_parts = self.is_sharded or _is_long(self._journal)
        self._added = _places_of_lines(self._journal) if self.has_parts else {}
        self._damaged = self._added.pop(None, array("q"))  # places of lines that belong to no part

    @property
    def numbers(self) -> range:
        """The numbers of the parts; an index that is small is one."""
        return range(PARTS if self.has_parts else 1)

    def number_of(self, speaker: tuple[str, str]) -> int:
        """The part that a speaker, (corpus, name), is in."""
        return _number_of(*speaker) if self.has_parts else 0

    def part(self, number: int) -> Part:
        """Read a part."""
        part = self._read_part(number) if self.has_parts else self._read_whole()
        if not (changes := self._changes.get(number)):
            return part
        entries = {**part.entries, **changes}
        kept = {key: entry for key, entry in sorted(entries.items()) if entry is not None}
        return Part(kept, part.damaged, is_settled=False)

    def _read_whole(self) -> Part:
        if self._whole is None:
            entries, damaged, _ = _entries(parse_lines(lines_of(_content(self._journal))))
            self._whole = Part(entries, damaged, is_settled=False)
        return self._whole

    def parts(self) -> Iterator[Part]:
        """Read all parts in order of their numbers; whoever goes through all of them has made the summary, too."""
        summary = Summary()
        for number in self.numbers:
            part = self.part(number)
            summary.add(number, part)
            yield part
        summary.damaged += len(self._damaged)
        self._summary = summary

    @property
    def summary(self) -> Summary:
        """What is to be known of all entries together; to know it, all parts are read once."""
        if self._summary is None:
            for _ in self.parts():
                pass
        assert self._summary is not None
        return self._summary

    def _read_part(self, number: int) -> Part:
        lines = lines_of(_content(_part_path(self._folder, number))) if self.is_sharded else []
        parsed = parse_lines(lines)
        own = [one for one in parsed if one is None or _number_of(*_whose(one)) == number]
        entries, damaged, in_order = _entries(own)
        is_settled = self.is_sharded and in_order and not damaged and len(own) == len(parsed)
        is_settled = is_settled and number not in self._added
        if number in self._added:
            self._add(entries, self._added[number])
            entries = dict(sorted(entries.items()))
        return Part(entries, damaged, is_settled)

    def _add(self, entries: dict[Key, Utterance], places: array) -> None:
        """Add to entries what lines at these places in the file say."""
        lines = []
        with open(self._journal, "rb") as file:
            for place in places:
                file.seek(place)
                lines.append(file.readline().decode("utf-8", errors="replace").rstrip("\n"))
        for line, utterance in zip(lines, parse_lines(lines)):
            if utterance is not None:
                entries[utterance.key] = utterance
            elif (key := parse_forgotten(line)) is not None:
                entries.pop(key, None)

    def changed(self, changes: Changes) -> "Index":
        """The index as these changes make it; nothing is written."""
        if not changes:
            return self
        index = copy(self)
        index._summary, index._changes = None, {number: dict(of_part) for number, of_part in self._changes.items()}
        for key, entry in changes.items():
            index._changes.setdefault(self.number_of(key[:2]), {})[key] = entry
        return index

    @property
    def changes(self) -> Changes:
        """What is not on the disk yet."""
        return {key: entry for of_part in self._changes.values() for key, entry in of_part.items()}

    def written(self) -> "Index":
        """Write the changes, all of them or none, whenever this is killed; returns the index as it is then."""
        if self.is_sharded:
            before = _content(self._folder / INDEX)
            with atomic_file(self._folder / INDEX) as file:
                file.write(before + b"\n" if before else before)
                for key, entry in self.changes.items():
                    file.write((forgotten_line(key) if entry is None else index_line(entry)).encode())
            return Index(self._folder).settled()
        write_index(self._folder, (entry for part in self.parts() for entry in part.entries.values()))
        return Index(self._folder)

    def settled(self) -> "Index":
        """Write what was added into the parts of a large index; returns the index as it is then."""
        return self.without(frozenset()) if self.has_parts and not self._is_settled() else self

    def without(self, gone: Set[Key]) -> "Index":
        """Write the index, without the entries of some keys; returns the index as it is then.

        Until all parts are on the disk, nothing that was added is taken away.
        """
        if not self.has_parts:
            entries = self.part(0).entries
            write_index(self._folder, [entry for key, entry in entries.items() if key not in gone])
            return Index(self._folder)
        if self._is_settled() and not self.summary.unsettled and not gone:
            return self
        touched = {self.number_of(key[:2]) for key in gone}
        for number, part in self._parts_but_settled(touched):
            kept = [entry for key, entry in part.entries.items() if key not in gone]
            if kept:
                write_lines(_part_path(self._folder, number), kept)
            else:
                _part_path(self._folder, number).unlink(missing_ok=True)
        summary = copy(self.summary)
        write_mark(self._folder, SHARDED)
        if self._added or self._damaged:
            write_atomically(self._folder / INDEX, b"")
        index = Index(self._folder)
        if not gone:  # else they count no more
            summary.unsettled, summary.damaged = [], 0
            index._summary = summary
        return index if summary.count - len(gone) > LARGE else index._made_whole()

    def _parts_but_settled(self, touched: Set[int]) -> Iterator[tuple[int, Part]]:
        """The parts that were touched, or whose files do not hold just what they are, with their numbers."""
        if self._summary is None:
            yield from ((n, part) for n, part in enumerate(self.parts()) if n in touched or not part.is_settled)
        else:
            yield from ((n, self.part(n)) for n in sorted({*touched, *self._summary.unsettled}))

    def _is_settled(self) -> bool:
        """Whether the parts are all that there is."""
        return self.is_sharded and not self._added and not self._damaged

    def _made_whole(self) -> "Index":
        """Write all parts into one file, as there are few entries left."""
        write_index(self._folder, (entry for part in self.parts() for entry in part.entries.values()))
        write_mark(self._folder, FORMAT)
        delete_parts(self._folder)
        return Index(self._folder)

    def places_mentioned(self) -> set[str]:
        """The places of corpora that stand in it, found without reading it whole; perhaps more than count."""
        files = [self._folder / INDEX]
        if self.is_sharded:
            files += [_part_path(self._folder, number) for number in range(PARTS)]
        return {json.loads(place) for path in files for place in _mentioned(path)}


def read_index(folder: Path) -> dict[Key, Utterance]:
    """Read all entries at once; without an index there are none."""
    return {key: entry for part in Index(folder).parts() for key, entry in part.entries.items()}


def delete_parts(folder: Path) -> None:
    """Delete the files of parts, which are none of an index without parts, as a killed run leaves them."""
    place = folder / PARTS_FOLDER
    if not place.is_dir():
        return
    for number in range(PARTS):
        _part_path(folder, number).unlink(missing_ok=True)
    remove_if_empty(place)


def _entries(parsed: list[Utterance | None]) -> tuple[dict[Key, Utterance], int, bool]:
    """Entries by key, in order; how many lines were none; and whether the others were in order, each key once."""
    utterances = [utterance for utterance in parsed if utterance is not None]
    keys = list(map(_key, utterances))
    entries = dict(zip(keys, utterances))
    in_order = all(map(tuple.__lt__, keys, islice(keys, 1, None)))
    return entries if in_order else dict(sorted(entries.items())), len(parsed) - len(utterances), in_order


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _part_path(folder: Path, number: int) -> Path:
    return folder / PARTS_FOLDER / f"{number:02x}.jsonl"


@lru_cache(1 << 14)
def _number_of(corpus: str, speaker: str) -> int:
    return hashlib.sha256(json.dumps([corpus, speaker]).encode()).digest()[0] % PARTS


def _mentioned(path: Path) -> set[bytes]:
    """The places in the lines of a file, as they stand there."""
    places: set[bytes] = set()
    if path.is_file():
        with local_copy(path) as here, open(here, "rb") as file:
            last = b" "  # no value begins so
            while block := file.read(BLOCK) + file.readline():
                for rest in block.split(_BEFORE_PLACE)[1:]:
                    if not rest.startswith(last) and (place := _PLACE.match(rest)) is not None:
                        last = place[1]
                        places.add(last)
    return places


def _is_long(path: Path) -> bool:
    """Whether a file has more than `LARGE` lines."""
    if not path.is_file():
        return False
    lines = 0
    with open(path, "rb") as file:
        while lines <= LARGE and (block := file.read(BLOCK)):
            lines += block.count(b"\n")
    return lines > LARGE


def _places_of_lines(path: Path) -> dict[int | None, array]:
    """Where the lines of each part begin in a file, in bytes; those that can't be read stand under None."""
    places: dict[int | None, array] = {}
    if not path.is_file():
        return places
    place = 0
    with open(path, "rb") as file:
        while lines := file.readlines(BLOCK):
            texts = [line.decode("utf-8", errors="replace").rstrip("\n") for line in lines]
            for line, text, utterance in zip(lines, texts, _parsed(texts)):
                key = parse_forgotten(text) if utterance is None else utterance.key
                if text:
                    places.setdefault(None if key is None else _number_of(*key[:2]), array("q")).append(place)
                place += len(line)
    return places


def _parsed(texts: list[str]) -> Iterator[Utterance | None]:
    """The utterances of lines, None for those that are none, among them blank ones."""
    parsed = iter(parse_lines([text for text in texts if text]))
    return (next(parsed) if text else None for text in texts)
