"""A speaker, and a recording of a speaker."""

import os
from pathlib import Path
from typing import NamedTuple, Protocol

from storage.errors import UserError
from storage.places import SCHEME, joined, path_of

Key = tuple[str, str, str]  # corpus, speaker, utterance
Origin = tuple[str, float | None, float | None]  # path, start and end in s


class CorpusError(UserError):
    """The corpus can't be read; the message says why."""


class NothingThereError(CorpusError):
    """The folder is missing or holds no recording; one that held some may be on a disk that is not attached."""


class Speaker(NamedTuple):
    """A corpus and a name: people of two corpora who share a name are two speakers.

    As a text, `corpus/name`. A name holds no slash, so that the text tells which two it is made of.
    """

    corpus: str
    name: str

    def __str__(self) -> str:
        return f"{self.corpus}/{self.name}" if self.corpus else self.name


class RecordingFields(Protocol):
    """The fields that say which recording it is; those of `Recording` have the comments."""

    @property
    def corpus(self) -> str: ...
    @property
    def speaker(self) -> str: ...
    @property
    def utterance(self) -> str: ...
    @property
    def place(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def start(self) -> float | None: ...
    @property
    def end(self) -> float | None: ...


class Identity:
    """What follows from these fields, for recordings and for the cache's utterances alike."""

    __slots__ = ()

    @property
    def key(self: RecordingFields) -> Key:
        """(corpus, speaker, utterance): what identifies the cache's entry."""
        return self.corpus, self.speaker, self.utterance

    @property
    def origin(self: RecordingFields) -> Origin:
        """(path, start, end): what was recorded, whoever is said to speak in it."""
        is_url = SCHEME in self.place or SCHEME in self.source
        path = joined(self.place, self.source) if is_url else _joined_here(self.place, self.source)
        return path, self.start, self.end

    @property
    def path(self: RecordingFields) -> Path:
        """Where the file is."""
        return path_of(self.place, self.source)


def _joined_here(place: str, source: str) -> str:
    if os.sep == "/" and place[-1:] not in ("", "/") and source[:1] != "/":  # as mostly, and there are many
        return f"{place}/{source}"
    path = os.path.join(place, source)  # noqa: PTH118, a path is slower
    return path.replace("/", os.sep)  # one file has one path on Windows, too


class _Recording(NamedTuple):
    corpus: str
    speaker: str  # without a slash
    utterance: str  # unique within the speaker
    session: str  # "" where the corpus knows of none
    place: str  # the corpus's own folder, absolute
    source: str  # the file, relative to the place, or absolute where it is elsewhere
    start: float | None = None  # s; None for the file's beginning
    end: float | None = None  # s; None for its end


class Recording(Identity, _Recording):
    """One utterance of a corpus: an audio file, or the part of one from `start` to `end`."""

    __slots__ = ()
