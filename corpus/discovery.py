"""Find the recordings below a folder, and say who speaks in each: by a published layout, by folders, or by a rule."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from corpus import common_voice, folders
from corpus.layouts import LabelledFile, label_by_layout
from corpus.listing import Listing, corpus_name, describe, in_order
from corpus.microphones import of_microphone
from corpus.recording import CorpusError, NothingThereError, Recording
from corpus.recordings import Recordings
from corpus.speaker_rule import RuleReading, SpeakerRule, recordings_by_rule
from corpus.walk import Walk, absolute, describe_not_read
from storage.counting import counted
from storage.places import is_below, path_of

FolderOfNames = tuple[Path, list[str]]  # a folder, and the names of recordings in it


@dataclass
class Reading:
    """How it was found out who speaks in recordings."""

    counts: Counter[str] = field(default_factory=Counter)  # files, by the layout that says who speaks in them
    remarks: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "; ".join([", ".join(name for name, _ in self.counts.most_common()), *self.remarks])


def find_recordings(
    audio_dir: Path,
    microphone: str = "mic1",
    speaker_from: SpeakerRule | None = None,
    corpus: str | None = None,
    known: Iterable[str] = (),
) -> Listing:
    """List the recordings below a folder, each with its speaker.

    Args:
        audio_dir: the corpus, or a folder with several; a speaker's own folder works too.
        microphone: which of VCTK 0.92's two recordings of each utterance to take: mic1, mic2, or both.
        speaker_from: who speaks, instead of what layouts say: the number of a folder on the way from `audio_dir` to the
            file, 1 for the first, -1 for the one that holds it; or a pattern with a group `speaker`, and optionally
            `session` and `utterance`, to search for in the path relative to `audio_dir`.
        corpus: the name of the only corpus in it, instead of that of its folder.
        known: places of corpora that `audio_dir` may be a part of; a part is understood as the whole corpus is.

    Raises:
        NothingThereError: `audio_dir` is not a folder, or holds no recording.
        CorpusError: it holds no recording of the microphone, or none whose speaker `speaker_from` finds; or it holds
            several corpora, where `corpus` names one.
    """
    if not audio_dir.is_dir():
        problem = "is a file" if audio_dir.is_file() else "does not exist"
        raise NothingThereError(f"expected a folder of recordings. {audio_dir} {problem}; name one with --audio_dir")
    root = absolute(audio_dir)
    walk = Walk(root)
    chosen = _chosen(walk, microphone)
    reading: Reading | RuleReading
    if speaker_from is None:
        found, reading = _by_layouts_and_folders(root, chosen, microphone, known)
    else:
        found, reading = recordings_by_rule(root, chosen, speaker_from)
    recordings, how = in_order(found), str(reading)
    if not recordings:
        raise CorpusError(f"{how}: no recording in {root} is left")
    if corpus is not None:
        recordings = _of_corpus(recordings, corpus, root)
    return Listing(
        root,
        recordings,
        describe(root, recordings, how),
        is_named=corpus is not None,
        speakers_stated=speaker_from is not None,
        unreadable=tuple(walk.unreadable),
        not_read=walk.not_read,
    )


def _of_corpus(recordings: Recordings, corpus: str, root: Path) -> Recordings:
    if len(recordings.places) > 1:
        raise CorpusError(f"expected one corpus in {root}, as --corpus {corpus} names one; it holds several")
    return Recordings(recording._replace(corpus=corpus) for recording in recordings)


def _chosen(walk: Walk, microphone: str) -> Iterator[FolderOfNames]:
    """Find the folders with recordings, and in each the names of those that are of the microphone."""
    count, found = 0, False
    for folder, names in walk:
        count += len(names)
        chosen = of_microphone(folder, names, microphone)
        found = found or bool(chosen)
        yield folder, chosen
    if not count:
        not_read = describe_not_read(walk.not_read)
        raise NothingThereError(f"no recording in {walk.root}, at any depth" + (f"; {not_read}" if not_read else ""))
    if not found:
        recordings = counted(count, "recording")
        raise CorpusError(f"of {recordings} in {walk.root}, none is of {microphone}; see --microphone")


def _by_layouts_and_folders(
    root: Path, chosen: Iterable[FolderOfNames], microphone: str, known: Iterable[str]
) -> tuple[Iterable[Recording], Reading]:
    """Find out who speaks in recordings, as in the whole corpus if `root` is a part of a known one; and say how."""
    above = [path for path in map(path_of, known) if path in root.parents]
    reading = Reading()
    if not above:
        return _recognised(root, chosen, reading), reading
    for _ in chosen:  # what can't be seen, or is not there, is that of the part
        pass
    whole = min(above, key=lambda place: len(place.parts))
    recordings = _recognised(whole, _chosen(Walk(whole), microphone), reading)
    return (recording for recording in recordings if is_below(recording.path, root)), reading


def _recognised(root: Path, chosen: Iterable[FolderOfNames], reading: Reading) -> Iterator[Recording]:
    """Find out who speaks in recordings by layouts, or by folders where no layout fits; `reading` is told how."""
    others: dict[Path, list[str]] = {}
    corpora: dict[str, str] = {}
    for folder, names in chosen:
        if (table := common_voice.table_of(folder)) is not None:
            corpus = corpus_name(root, str(folder.parent))
            validated = common_voice.recordings(table, folder, set(names), corpus)
            left_out = counted(len(names) - len(validated), "clip")
            reading.counts[f"{common_voice.NAME} ({left_out} not validated)"] += len(validated)
            yield from validated
            continue
        by_layout, left = label_by_layout(folder, names)
        yield from _recordings(root, by_layout, corpora, reading)
        if left:
            others[folder] = left
    by_folders, reading.remarks = folders.label_by_folders(root, others)
    yield from _recordings(root, by_folders, corpora, reading)


def _recordings(
    root: Path, labelled: Iterable[LabelledFile], corpora: dict[str, str], reading: Reading
) -> Iterator[Recording]:
    folder, levels, place, inside, corpus = Path(), -1, "", "", ""
    for file in labelled:
        label = file.label
        reading.counts[label.layout] += 1
        if label.speaker is None:
            continue
        if file.folder is not folder or label.levels != levels:  # as for the one before, mostly
            folder, levels, place = file.folder, label.levels, file.place
            inside = file.source.removesuffix(file.name)
            if place not in corpora:
                corpora[place] = corpus_name(root, place)
            place, corpus = sys.intern(place), corpora[place]
        yield Recording(corpus, label.speaker, label.utterance, label.session, place, inside + file.name)
