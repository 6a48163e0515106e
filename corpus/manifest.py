"""A corpus by description: a table, JSON lines as NeMo and Lhotse write them, or a Kaldi data folder.

    table      CSV or TSV with a header: path, speaker, and if one likes utterance, session, start, end
    NeMo       {"audio_filepath": ..., "speaker" or "label": ..., "offset": ..., "duration": ...}
    Lhotse     supervisions, beside the file of their recordings (its name has "recordings" for "supervisions")
    Kaldi      wav.scp, utt2spk, and if one likes segments and utt2sess

Paths are relative to the description's folder, or where none of the files is there, to the working folder. An
utterance is named after its file unless it has a name: `file`, `session/file`, and of parts, `file@start`.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from corpus.kaldi import kaldi_rows
from corpus.listing import Listing, in_order
from corpus.recording import CorpusError, Recording
from corpus.tables import objects, rows
from corpus.walk import absolute
from storage.counts import counted
from storage.presence import is_gone

JSON_LINES = (".jsonl", ".json", ".jsonl.gz", ".json.gz")
NEMO_PATH = "audio_filepath"
LONGEST = 1e6  # s, twelve days; what is said to be later is a mistake
SUPERVISIONS, RECORDINGS = "supervisions", "recordings"  # in the names of Lhotse's files


class Row(NamedTuple):
    """What a description says of one utterance."""

    where: str  # file and line, for messages
    path: str
    speaker: str
    utterance: str = ""
    session: str = ""
    start: float | None = None  # s
    end: float | None = None


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
    name = corpus or place.name.partition(".")[0] or place.name
    found = [row for row in read(manifest) if _checked(row)]
    if not found:
        raise CorpusError(f"{manifest} names no recording")
    base = _base(place if place.is_dir() else place.parent, found)
    names = Counter((row.speaker, _default_name(row)) for row in found)
    recordings = [
        _recording(row, _default_name(row, names[row.speaker, _default_name(row)] > 1), name, place, base)
        for row in found
    ]
    _refuse_repeated(found, recordings)
    recordings = in_order(recordings)
    speakers = len({recording[:2] for recording in recordings})
    how = f"{manifest}: {counted(len(recordings), 'recording')} of {counted(speakers, 'speaker')}, read as {how}"
    if base == Path.cwd() != place.parent:
        how += "; its paths are taken from the working folder"
    return Listing(place, recordings, how, is_manifest=True, is_named=corpus is not None, is_told=True)


def _reader(manifest: Path) -> tuple[Callable[[Path], Iterator[Row]], str]:
    """How to read it, and what to call that."""
    if manifest.is_dir():
        return _kaldi, "a Kaldi data folder"
    if not manifest.is_file():
        raise CorpusError(f"expected a manifest or a Kaldi data folder. {manifest} does not exist")
    if not manifest.name.lower().endswith(JSON_LINES):
        return _table, "a table"
    _, first = next(objects(manifest), (1, {}))
    return (_nemo, "JSON lines") if NEMO_PATH in first else (_lhotse, "Lhotse's supervisions")


def _table(path: Path) -> Iterator[Row]:
    for number, row in rows(path, ("path", "speaker")):
        where = f"{path}, line {number}"
        span = (_seconds(row.get(name), where) for name in ("start", "end"))
        yield Row(where, row["path"], row["speaker"], row.get("utterance", ""), row.get("session", ""), *span)


def _nemo(path: Path) -> Iterator[Row]:
    for number, row in objects(path):
        where = f"{path}, line {number}"
        start, duration = (_seconds(row.get(name), where) for name in ("offset", "duration"))
        speaker = row.get("speaker", row.get("label"))
        end = None if start is None or duration is None else _seconds(start + duration, where)
        texts = (_text(value) for value in (row.get(NEMO_PATH), speaker, row.get("utterance"), row.get("session")))
        yield Row(where, *texts, start, end)


def _lhotse(path: Path) -> Iterator[Row]:
    sources = _lhotse_sources(path)
    for number, row in objects(path):
        where = f"{path}, line {number}"
        recording = _text(row.get("recording_id"))
        if recording not in sources:
            raise CorpusError(f"{where}: no recording {recording!r} beside it")
        start, duration = (_seconds(row.get(name), where) for name in ("start", "duration"))
        end = None if duration is None else _seconds((start or 0) + duration, where)
        yield Row(where, sources[recording], _text(row.get("speaker")), _text(row.get("id")), "", start, end)


def _lhotse_sources(supervisions: Path) -> dict[str, str]:
    """The files of the recordings that supervisions speak of."""
    beside = supervisions.with_name(supervisions.name.replace(SUPERVISIONS, RECORDINGS))
    if beside == supervisions or not beside.is_file():
        raise CorpusError(
            f"{supervisions}: expected {NEMO_PATH} in each line, or Lhotse's supervisions with their recordings beside "
            f"them. There is no {beside.name if beside != supervisions else RECORDINGS}"
        )
    sources = {}
    for number, row in objects(beside):
        where, own = f"{beside}, line {number}", row.get("sources")
        source = own[0] if isinstance(own, list) and len(own) == 1 and isinstance(own[0], dict) else {}
        if source.get("type") != "file":
            raise CorpusError(f"{where}: expected one source of the type 'file'; commands are never run")
        if source.get("channels", [0]) != [0]:
            raise CorpusError(f"{where}: it has several channels, of which supervisions choose one; split them first")
        sources[_text(row.get("id"))] = _text(source.get("source"))
    return sources


def _kaldi(folder: Path) -> Iterator[Row]:
    for where, path, speaker, utterance, session, *span in kaldi_rows(folder):
        yield Row(where, path, speaker, utterance, session, *(_seconds(value, where) for value in span))


def _checked(row: Row) -> bool:
    """Whether a row is one; raises where it lacks something."""
    if not row.path or not row.speaker.rpartition("/")[2]:
        raise CorpusError(f"{row.where}: it names no {'speaker' if row.path else 'file'}")
    if not {"", ".", ".."}.isdisjoint(row.speaker.split("/")):
        raise CorpusError(f"{row.where}: expected a speaker, or a part of the corpus and one. Received {row.speaker!r}")
    if "\0" in row.path:
        raise CorpusError(f"{row.where}: no file has a null character in its name")
    try:
        "".join(row[1:5]).encode(errors="surrogateescape")
    except UnicodeEncodeError as error:
        raise CorpusError(f"{row.where}: it holds half a character") from error
    if row.end is not None and row.end <= (row.start or 0):
        raise CorpusError(f"{row.where}: it ends at {row.end:g} s and starts at {row.start or 0:g} s")
    return True


def _base(place: Path, found: list[Row]) -> Path:
    """What relative paths are relative to: the description's folder, unless only the working folder has such files."""
    relative = [row.path for row in found if not Path(row.path).is_absolute()]
    if not relative or not all(is_gone(Path(place, path)) for path in relative):
        return place
    return place if is_gone(Path(relative[0])) else Path.cwd()


def _default_name(row: Row, is_shared: bool = False) -> str:
    """What an utterance without a name is called: after its file, and if others are called so, after its path."""
    path = Path(row.path)
    stem = str(path.with_suffix("")) if is_shared else path.stem
    return "/".join(filter(None, (row.session, stem if row.start is None else f"{stem}@{row.start:g}")))


def _recording(row: Row, utterance: str, name: str, place: Path, base: Path) -> Recording:
    """A speaker `a/b` is b of the corpus a, which is part of the description's and has a place of its own."""
    part, _, speaker = row.speaker.rpartition("/")
    path = os.path.normpath(os.path.join(base, row.path))  # noqa: PTH118, so that one file has one name
    corpus = "/".join(filter(None, (name, part)))
    return Recording(
        corpus, speaker, row.utterance or utterance, row.session, str(Path(place, part)), path, row.start, row.end
    )


def _refuse_repeated(found: list[Row], recordings: list[Recording]) -> None:
    """One recording is one utterance, of one speaker, and so is one name."""
    first: dict[tuple, Recording] = {}
    named: set[tuple] = set()
    for row, recording in zip(found, recordings):
        if row.utterance and recording.key in named:
            raise CorpusError(f"{row.where}: the utterance {row.utterance!r} stands in an earlier line, too")
        named.add(recording.key)
        earlier = first.setdefault(recording.origin, recording)
        if earlier is not recording:
            what = "the same speaker" if earlier[:2] == recording[:2] else "another speaker"
            raise CorpusError(f"{row.where}: {row.path} stands in an earlier line, too, with {what}")


def _seconds(value: object, where: str) -> float | None:
    """A time; None for an empty field, 0, and Kaldi's -1."""
    if value is None or value == "":
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError) as error:
        raise CorpusError(f"{where}: expected seconds. Received {value!r}") from error
    if seconds in (-1, 0):  # what starts at 0 starts at the beginning
        return None
    if not 0 < seconds <= LONGEST:
        raise CorpusError(f"{where}: expected seconds from 0 to {LONGEST:g}. Received {value!r}")
    return seconds


def _text(value: object) -> str:
    """Names may be numbers in JSON."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
