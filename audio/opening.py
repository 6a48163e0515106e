"""Open a recording with what reads all of it: libsndfile, or FFmpeg where that can't."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import soundfile

from audio.ffmpeg import FfmpegFile, demuxer
from audio.header import mp3_states_length
from audio.ogg import ChainedOgg, links
from audio.unfinished import completed

_NO_UTF_8 = re.compile("[\udc80-\udcff]")  # how Python keeps such bytes in names, which soundfile can't encode


class SoundStream(soundfile.SoundFile):
    """A file that libsndfile reads from first to last.

    It is not seekable for soundfile, whose seek after each block fails in a FLAC that does not state its length.
    """

    def seekable(self) -> bool:
        return False


class _OwningStream(SoundStream):
    """A stream that closes the file which was opened for it."""

    def __init__(self, source: BinaryIO | io.RawIOBase, opened: BinaryIO | None):
        self.opened = opened
        super().__init__(source)

    def close(self) -> None:
        super().close()
        if self.opened is not None:
            self.opened.close()


Opened = SoundStream | ChainedOgg | FfmpegFile


def open_recording(source: Path | BinaryIO) -> Opened:
    """Open a recording.

    One that seems to be empty or broken may have a header that was never completed, which is done here.

    Raises:
        soundfile.LibsndfileError, OSError, TypeError: it is not audio, or not readable.
        UnusableAudioError: likewise, of what FFmpeg reads.
    """
    try:
        file = _opened(source)
    except soundfile.LibsndfileError:
        if isinstance(source, Path) and not source.is_file():
            raise
        if name := demuxer(source):
            return FfmpegFile(source, name)
        if stream := _completed(source):
            return stream
        raise
    if not file.frames:
        return _completed(source) or file
    return _whole(file, source)


def _whole(file: SoundStream, source: Path | BinaryIO) -> Opened:
    """Open a file of which libsndfile may read only the first part with what reads all of it."""
    if file.format == "OGG":
        return _chained(file, source)
    if file.format == "MP3" and not mp3_states_length(source):  # where libsndfile stops at the length that it guesses
        file.close()
        return FfmpegFile(source, "mp3")
    return file


def _chained(file: SoundStream, source: Path | BinaryIO) -> SoundStream | ChainedOgg:
    with _as_file(source) as raw:
        places = links(raw)
    if len(places) <= 1:
        return file
    file.close()
    return ChainedOgg(source, places)


def _opened(source: Path | BinaryIO) -> SoundStream:
    if not isinstance(source, Path) or _NO_UTF_8.search(str(source)) is None:
        return SoundStream(source)
    raw = source.open("rb")
    try:
        return _OwningStream(raw, raw)
    except soundfile.LibsndfileError:
        raw.close()
        raise


@contextmanager
def _as_file(source: Path | BinaryIO) -> Iterator[BinaryIO]:
    """Open a file; one that is open already is left at the position at which it was."""
    if isinstance(source, Path):
        with open(source, "rb") as file:
            yield file
        return
    before = source.tell()
    yield source
    source.seek(before)


def _completed(source: Path | BinaryIO) -> SoundStream | None:
    raw = source.open("rb") if isinstance(source, Path) else source
    opened = None if raw is source else raw
    if patched := completed(raw):
        return _OwningStream(patched, opened)
    if opened:
        opened.close()
    return None
