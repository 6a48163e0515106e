"""What there is to cache: the recordings that a folder or a manifest holds, and what could not be seen."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from corpus.recording import CorpusError, Recording, Speaker


@dataclass(frozen=True)
class Listing:
    """The recordings below a folder, or those that a manifest names, each with its speaker.

    Corpora are named as this look at them suggests.
    """

    root: Path  # the folder, or the manifest
    recordings: list[Recording]  # in order of corpus, speaker and utterance
    how: str  # it was understood, in words
    is_manifest: bool = False
    is_named: bool = False  # the user named the corpus
    is_told: bool = False  # the user says who speaks, so that what was understood before does not count
    unreadable: tuple[Path, ...] = ()  # folders whose content nobody could list
    not_read: Counter[str] = field(default_factory=Counter)  # files of sound formats that are not read, by suffix

    @cached_property
    def places(self) -> dict[str, str]:
        """The corpora's folders, and their names."""
        return {recording.place: recording.corpus for recording in self.recordings}

    def could_see(self, path: Path) -> bool:
        """Whether a recording at `path` would have been found, had it been there."""
        below = self.is_manifest or path.is_relative_to(self.root)
        return below and not any(path.is_relative_to(folder) for folder in self.unreadable)


def corpus_name(root: Path, place: str) -> str:
    """What a corpus is called: the way from the root to its folder, or if it is the root or above it, its own name."""
    folder = Path(place)
    below = folder.relative_to(root).as_posix() if folder.is_relative_to(root) else "."
    return folder.name if below == "." else below


def in_order(recordings: Iterable[Recording]) -> list[Recording]:
    """Sort, and give files of one speaker that share a name (`a.wav` and `a.flac`) their suffix, or all of their path.

    Raises:
        CorpusError: two are still of one name.
    """
    recordings = list(recordings)
    for rename in (_with_suffix, _with_path):
        recordings = _clashing(recordings, rename)
    names = Counter(recording.key for recording in recordings)
    if len(names) < len(recordings):
        (*speaker, utterance), count = names.most_common(1)[0]
        raise CorpusError(
            f"{count} utterances of {Speaker(*speaker)} are called {utterance!r}; expected a name of its own for each"
        )
    return sorted(recordings, key=lambda one: one.key)


def _clashing(recordings: list[Recording], rename: Callable[[Recording], Recording]) -> list[Recording]:
    """With another name for each of those that share one."""
    names = Counter(recording.key for recording in recordings)
    if len(names) == len(recordings):
        return recordings
    return [rename(one) if names[one.key] > 1 else one for one in recordings]


def _with_suffix(recording: Recording) -> Recording:
    return recording._replace(utterance=recording.utterance + Path(recording.source).suffix)


def _with_path(recording: Recording) -> Recording:
    return recording._replace(utterance=recording.source)
