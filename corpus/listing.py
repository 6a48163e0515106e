"""What there is to cache: the recordings that a folder or a manifest holds, and what could not be seen."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath

from corpus.recording import CorpusError, Key, Recording, Speaker
from corpus.recordings import Recordings
from storage.counting import counted
from storage.places import is_below, path_of

ROOT_NAME = "root"  # of a corpus in the file system's root


@dataclass(frozen=True)
class Listing:
    """The recordings below a folder, or those that a manifest names, each with its speaker.

    The names of corpora are suggestions: the cache may know a corpus by another name.
    """

    root: Path  # the folder, or the manifest; absolute
    recordings: Sequence[Recording]  # in order of corpus, speaker and utterance
    description: str  # how many there are, and how it was understood who speaks
    is_manifest: bool = False
    is_named: bool = False  # whether the user named the corpus
    speakers_stated: bool = False  # whether the user says who speaks, which counts for more than what is cached
    unreadable: tuple[Path, ...] = ()  # folders that could not be listed
    not_read: Counter[str] = field(default_factory=Counter)  # files of sound formats that are not read, by suffix

    @cached_property
    def places(self) -> dict[str, str]:
        """The folders of the corpora, and the names of these."""
        return Recordings.of(self.recordings).places

    def could_see(self, path: Path) -> bool:
        """Whether a recording at `path` would have been found, had it been there."""
        below = self.is_manifest or is_below(path, self.root)
        return below and not any(is_below(path, folder) for folder in self.unreadable)


def corpus_name(root: Path, place: str) -> str:
    """Name a corpus by the path from the root to its folder; by the folder's name if that is the root or above it."""
    folder = path_of(place)
    below = folder.relative_to(root).as_posix() if is_below(folder, root) else "."
    return folder_name(folder) if below == "." else below


def folder_name(folder: PurePath) -> str:
    """The name of an absolute folder; of a drive's root that of the drive, and of the only root `ROOT_NAME`."""
    drive = folder.drive.replace("\\", "/").rpartition("/")[2].removesuffix(":")
    return folder.name or drive or ROOT_NAME


def describe(root: Path, recordings: Recordings, how: str) -> str:
    """Say how many recordings and speakers there are below the root, and how it was understood who speaks."""
    speakers = counted(len(recordings.speakers), "speaker")
    return f"{root}: {counted(len(recordings), 'recording')} of {speakers}, read as {how}"


def in_order(recordings: Iterable[Recording]) -> Recordings:
    """Sort recordings by corpus, speaker and utterance.

    Files of one speaker that share a name (`a.wav` and `a.flac`) are named with their suffix, or if that is the same,
    by their path.

    Raises:
        CorpusError: two still have one name.
    """
    shared: Counter[Key] = Counter()  # names that several recordings have for all that
    ordered = Recordings(recordings, lambda of_speaker: _named_apart(of_speaker, shared))
    if shared:
        (corpus, speaker, utterance), count = shared.most_common(1)[0]
        raise CorpusError(
            f"{count} utterances of {Speaker(corpus, speaker)} are called {utterance!r}; expected a name for each"
        )
    return ordered


def _named_apart(recordings: list[Recording], shared: Counter[Key]) -> list[Recording]:
    """A speaker's recordings, with another name for each of those that share one; counts the names still shared."""
    for rename in (_with_suffix, _with_path):
        recordings = _clashing(recordings, rename)
    shared.update(
        {key: count for key, count in Counter(recording.key for recording in recordings).items() if count > 1}
    )
    return recordings


def _clashing(recordings: list[Recording], rename: Callable[[Recording], Recording]) -> list[Recording]:
    """The recordings, with another name for each of those that share one."""
    names = Counter(recording.key for recording in recordings)
    if len(names) == len(recordings):
        return recordings
    return [rename(recording) if names[recording.key] > 1 else recording for recording in recordings]


def _with_suffix(recording: Recording) -> Recording:
    return recording._replace(utterance=recording.utterance + Path(recording.source).suffix)


def _with_path(recording: Recording) -> Recording:
    return recording._replace(utterance=Path(recording.source).as_posix())
