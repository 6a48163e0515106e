"""A speaker, and one recording of theirs."""

import os
from pathlib import Path
from typing import NamedTuple

from storage.errors import UserError


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


class Recording(NamedTuple):
    """One utterance of a corpus: an audio file, or the part of one from `start` to `end`."""

    corpus: str
    speaker: str  # without a slash
    utterance: str  # unique within the speaker
    session: str  # "" where the corpus knows of none
    place: str  # the corpus's own folder, absolute
    source: str  # the file, relative to the place, or absolute where it is elsewhere
    start: float | None = None  # s; None for the file's beginning
    end: float | None = None  # s; None for its end

    @property
    def key(self) -> tuple[str, str, str]:
        """(corpus, speaker, utterance): what identifies the cache's entry."""
        return self[:3]

    @property
    def origin(self) -> tuple[str, float | None, float | None]:
        """(path, start, end): what was recorded, whoever is said to speak in it."""
        path = os.path.join(self.place, self.source)  # noqa: PTH118, a path is slower, and there are many
        return path, self.start, self.end

    @property
    def path(self) -> Path:
        """Where the file is."""
        return Path(self.place, self.source)
