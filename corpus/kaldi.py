"""Kaldi data folders (kaldi-asr.org/doc/data_prep.html): wav.scp, utt2spk, segments, utt2sess."""

from collections.abc import Iterator
from pathlib import Path

from corpus.manifest_row import Row, seconds_in
from corpus.recording import CorpusError
from corpus.tables import lines
from storage.counting import counted

FILES, SPEAKERS, SEGMENTS, SESSIONS = "wav.scp", "utt2spk", "segments", "utt2sess"
NAMES_SHOWN = 3


def kaldi_rows(folder: Path) -> Iterator[Row]:
    """Yield what the folder says of each utterance in utt2spk.

    Raises:
        CorpusError: a file is missing or malformed, a recording is a command, or an utterance has no recording.
    """
    files = {name: _file(path, where) for name, path, where in _pairs(folder / FILES)}
    segments = dict(_segments(folder, files)) if (folder / SEGMENTS).is_file() else None
    sessions = (
        {name: session for name, session, _ in _pairs(folder / SESSIONS)} if (folder / SESSIONS).is_file() else {}
    )
    known = files if segments is None else segments
    speakers = list(_pairs(folder / SPEAKERS))
    if missing := [name for name, _, _ in speakers if name not in known]:
        where = FILES if segments is None else SEGMENTS
        lacking = counted(len(missing), "utterance")
        raise CorpusError(f"{folder / where} lacks {lacking} of {SPEAKERS}: {', '.join(missing[:NAMES_SHOWN])}")
    for utterance, speaker, where in speakers:
        path, start, end = (files[utterance], None, None) if segments is None else segments[utterance]
        times = seconds_in(start, where), seconds_in(end, where)
        yield Row(where, path, speaker, utterance, sessions.get(utterance, ""), *times)


def _segments(folder: Path, files: dict[str, str]) -> Iterator[tuple[str, tuple[str, str, str]]]:
    for utterance, rest, where in _pairs(folder / SEGMENTS):
        fields = rest.split()
        if len(fields) != 3:
            raise CorpusError(f"{where}: expected an utterance, a recording, start and end. Received {rest!r}")
        if fields[0] not in files:
            raise CorpusError(f"{where}: no recording {fields[0]!r} in {FILES}")
        recording, start, end = fields
        yield utterance, (files[recording], start, end)


def _pairs(path: Path) -> Iterator[tuple[str, str, str]]:
    """The first field of each line, the rest of the line, and where it stands.

    Raises:
        CorpusError: there is no such file, or a first field stands in two lines, or alone.
    """
    if not path.is_file():
        raise CorpusError(f"expected a Kaldi data folder with {FILES} and {SPEAKERS}. There is no {path}")
    seen: set[str] = set()
    for number, line in lines(path):
        name, *rest = line.split(maxsplit=1)
        where = f"{path}, line {number}"
        if not rest or name in seen:
            reason = "stands twice" if name in seen else "stands alone"
            raise CorpusError(f"{where}: {name!r} {reason}")
        seen.add(name)
        yield name, rest[0].rstrip(), where


def _file(path: str, where: str) -> str:
    if path.endswith("|") or path.startswith("|") or path == "-":
        raise CorpusError(f"{where}: {path[:60]!r} is a command, which is never run; write its output to a file first")
    return path
