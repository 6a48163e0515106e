"""A corpus by description: a table, JSON lines as NeMo and Lhotse write them, or a Kaldi data folder.

    table      CSV or TSV with a header: path, speaker, and optionally utterance, session, start, end
    NeMo       {"audio_filepath": ..., "speaker" or "label": ..., "offset": ..., "duration": ...}
    Lhotse     supervisions, beside the file of their recordings (its name has "recordings" for "supervisions")
    Kaldi      wav.scp, utt2spk, and optionally segments and utt2sess

Paths are relative to the description's folder, or where none of the files is there, to the working folder. An
utterance is named after its file unless it has a name: `file`, `session/file`, and of parts, `file@start`.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from corpus.kaldi import kaldi_rows
from corpus.lhotse import lhotse_rows
from corpus.listing import Listing, describe, folder_name, in_order
from corpus.manifest_row import Row, check_row, seconds_in, text_in
from corpus.recording import CorpusError, Key, Origin, Recording
from corpus.tables import objects, rows
from corpus.walk import absolute
from storage.existence import is_gone
from storage.places import SCHEME

JSON_LINES = (".jsonl", ".json", ".jsonl.gz", ".json.gz")
NEMO_PATH = "audio_filepath"


def read_manifest(manifest: Path, corpus: str | None = None) -> Listing:
    """List the recordings that a description names.

    Args:
        corpus: the corpus's name, instead of the description's own (`libri` of libri.csv, or of a folder libri).

    Raises:
        CorpusError: it is missing or malformed, names a command instead of a file, or gives one recording two speakers;
            the message has file and line.
    """
    read, how = _reader(manifest)
    place = absolute(manifest)
    rows_read = list(read(manifest))
    for row in rows_read:
        check_row(row)
    if not rows_read:
        raise CorpusError(f"{manifest} names no recording")
    base = _base(place if place.is_dir() else place.parent, rows_read)
    named = _recordings(rows_read, corpus or place.name.partition(".")[0] or folder_name(place), place, base)
    _refuse_repeated(rows_read, named)
    recordings = in_order(named)
    if base == Path.cwd() != place.parent:
        how += "; its paths are taken from the working folder"
    return Listing(
        place,
        recordings,
        describe(place, recordings, how),
        is_manifest=True,
        is_named=corpus is not None,
        speakers_stated=True,
    )


def _reader(manifest: Path) -> tuple[Callable[[Path], Iterator[Row]], str]:
    """How to read it, and what to call that."""
    if manifest.is_dir():
        return kaldi_rows, "a Kaldi data folder"
    if not manifest.is_file():
        raise CorpusError(f"expected a manifest or a Kaldi data folder. {manifest} does not exist")
    if not manifest.name.lower().endswith(JSON_LINES):
        return _table, "a table"
    _, first = next(objects(manifest), (1, {}))
    return (_nemo, "JSON lines") if NEMO_PATH in first else (lhotse_rows, "Lhotse's supervisions")


def _table(path: Path) -> Iterator[Row]:
    for number, fields in rows(path, ("path", "speaker")):
        where = f"{path}, line {number}"
        start, end = (seconds_in(fields.get(name), where) for name in ("start", "end"))
        names = fields["path"], fields["speaker"], fields.get("utterance", ""), fields.get("session", "")
        yield Row(where, *names, start, end)


def _nemo(path: Path) -> Iterator[Row]:
    for number, fields in objects(path):
        where = f"{path}, line {number}"
        start, duration = (seconds_in(fields.get(name), where) for name in ("offset", "duration"))
        end = None if start is None or duration is None else seconds_in(start + duration, where)
        speaker = text_in(fields.get("speaker", fields.get("label")))
        utterance, session = text_in(fields.get("utterance")), text_in(fields.get("session"))
        yield Row(where, text_in(fields.get(NEMO_PATH)), speaker, utterance, session, start, end)


def _base(place: Path, rows_read: list[Row]) -> Path:
    """What relative paths are relative to: the description's folder, unless only the working folder has such files."""
    relative = [row.path for row in rows_read if SCHEME not in row.path and not Path(row.path).is_absolute()]
    if not relative or not all(is_gone(Path(place, path)) for path in relative):
        return place
    return place if is_gone(Path(relative[0])) else Path.cwd()


def _recordings(rows_read: list[Row], name: str, place: Path, base: Path) -> list[Recording]:
    sharing = Counter((row.speaker, _default_name(row)) for row in rows_read)
    return [
        _recording(row, _default_name(row, sharing[row.speaker, _default_name(row)] > 1), name, place, base)
        for row in rows_read
    ]


def _default_name(row: Row, is_shared: bool = False) -> str:
    """What an utterance without a name is called: after its file, and if others are called so, after its path."""
    path = Path(row.path)
    stem = path.with_suffix("").as_posix() if is_shared else path.stem
    return "/".join(filter(None, (row.session, stem if row.start is None else f"{stem}@{row.start:g}")))


def _recording(row: Row, utterance: str, name: str, place: Path, base: Path) -> Recording:
    """A speaker `a/b` is b of the corpus a, which is part of the description's and has a place of its own."""
    part, _, speaker = row.speaker.rpartition("/")
    path = row.path if SCHEME in row.path else os.path.normpath(Path(base, row.path))  # so that one file has one name
    corpus = "/".join(filter(None, (name, part)))
    return Recording(
        corpus, speaker, row.utterance or utterance, row.session, str(Path(place, part)), path, row.start, row.end
    )


def _refuse_repeated(rows_read: list[Row], recordings: list[Recording]) -> None:
    """One recording is one utterance, of one speaker, and so is one name."""
    first: dict[Origin, Recording] = {}
    named: set[Key] = set()
    for row, recording in zip(rows_read, recordings):
        if row.utterance and recording.key in named:
            raise CorpusError(f"{row.where}: the utterance {row.utterance!r} stands in an earlier line, too")
        named.add(recording.key)
        earlier = first.setdefault(recording.origin, recording)
        if earlier is not recording:
            is_same = (earlier.corpus, earlier.speaker) == (recording.corpus, recording.speaker)
            speaker = "the same speaker" if is_same else "another speaker"
            raise CorpusError(f"{row.where}: {row.path} stands in an earlier line, too, with {speaker}")
