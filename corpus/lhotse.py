"""Lhotse's supervisions (lhotse.readthedocs.io), beside the file of the recordings that they are about."""

from collections.abc import Iterator
from pathlib import Path

from corpus.manifest_row import Row, seconds_in, text_in
from corpus.recording import CorpusError
from corpus.tables import objects

SUPERVISIONS, RECORDINGS = "supervisions", "recordings"  # in the names of the files


def lhotse_rows(supervisions: Path) -> Iterator[Row]:
    """Yield what each supervision says.

    Raises:
        CorpusError: a line is malformed; there is no file of recordings beside it, or a recording is not in it, is a
            command, or has several channels.
    """
    sources = _sources(supervisions)
    for number, fields in objects(supervisions):
        where = f"{supervisions}, line {number}"
        recording = text_in(fields.get("recording_id"))
        if recording not in sources:
            raise CorpusError(f"{where}: no recording {recording!r} beside it")
        start, duration = (seconds_in(fields.get(name), where) for name in ("start", "duration"))
        end = None if duration is None else seconds_in((start or 0) + duration, where)
        speaker, utterance = text_in(fields.get("speaker")), text_in(fields.get("id"))
        yield Row(where, sources[recording], speaker, utterance, "", start, end)


def _sources(supervisions: Path) -> dict[str, str]:
    """The files of the recordings that supervisions speak of."""
    recordings = supervisions.with_name(supervisions.name.replace(SUPERVISIONS, RECORDINGS))
    if recordings == supervisions or not recordings.is_file():
        missing = recordings.name if recordings != supervisions else RECORDINGS
        raise CorpusError(
            f"{supervisions}: expected audio_filepath in each line, or Lhotse's supervisions with their recordings "
            f"beside them. There is no {missing}"
        )
    return dict(_source(f"{recordings}, line {number}", fields) for number, fields in objects(recordings))


def _source(where: str, fields: dict[str, object]) -> tuple[str, str]:
    """A recording's name and file."""
    sources = fields.get("sources")
    source = sources[0] if isinstance(sources, list) and len(sources) == 1 else None
    if not isinstance(source, dict) or source.get("type") != "file":
        raise CorpusError(f"{where}: expected one source of the type 'file'; commands are never run")
    if source.get("channels", [0]) != [0]:
        raise CorpusError(f"{where}: it has several channels, of which supervisions choose one; split them first")
    return text_in(fields.get("id")), text_in(source.get("source"))
