"""Find the recordings below a folder, and say who speaks in each: by a published layout, by folders, or as told."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from corpus import common_voice
from corpus.folders import IN_PARTS, SESSIONS, SPEAKERS, Folder, looks_like_session, read_pairs
from corpus.layouts import DEPTH, Label, Layout, label
from corpus.listing import Listing, corpus_name, in_order
from corpus.recording import CorpusError, NothingThereError, Recording
from corpus.told import recordings_as_told
from corpus.walk import Walk, absolute
from storage.counts import counted

TWO_MICROPHONES_FOLDER = "wav48_silence_trimmed"  # VCTK 0.92's
FOLDERS = "a folder per speaker"
SHOWN = 3  # names or suffixes in a message

_MICROPHONE = re.compile(r"_(mic[12])$")


class Named(NamedTuple):
    """A file, and what is understood of it."""

    folder: Path
    name: str
    label: Label

    @property
    def place(self) -> str:
        """The corpus's folder."""
        return str(self.folder.parents[self.label.levels - 1] if self.label.levels else self.folder)


def find_recordings(
    audio_dir: Path,
    microphone: str = "mic1",
    speaker_from: int | re.Pattern | None = None,
    corpus: str | None = None,
    known: Iterable[str] = (),
) -> Listing:
    """List the recordings below a folder, each with its speaker.

    Args:
        audio_dir: the corpus, or a folder with several; a speaker's own folder works too.
        microphone: which of VCTK 0.92's two recordings of each utterance to take: mic1, mic2, or both.
        speaker_from: who speaks, instead of what layouts say: the number of a folder on the way from `audio_dir` to the
            file, 1 for the first, -1 for the one that holds it; or a pattern with a group `speaker`, and if one
            likes `session` and `utterance`, to search for in the path relative to `audio_dir`.
        corpus: the name of the only corpus in it, instead of that of its folder.
        known: places of corpora that `audio_dir` may be a part of; then it is understood as the whole is.

    Raises:
        CorpusError: `audio_dir` is not a folder, or holds no recording, or none of the microphone, or none whose
            speaker `speaker_from` tells; or two corpora where `corpus` names one.
    """
    if not audio_dir.is_dir():
        found = "is a file" if audio_dir.is_file() else "does not exist"
        raise NothingThereError(f"expected a folder of recordings. {audio_dir} {found}; name one with --audio_dir")
    root = absolute(audio_dir)
    walk = Walk(root)
    folders = _chosen(walk, audio_dir, microphone)
    if speaker_from is None:
        recordings, how = _understood(root, folders, microphone, known)
    else:
        recordings, how = recordings_as_told(root, folders, speaker_from)
    if not recordings:
        raise CorpusError(f"{how}: no recording in {audio_dir} is left")
    if corpus is not None and len({recording.place for recording in recordings}) > 1:
        raise CorpusError(f"expected one corpus in {audio_dir}, as --corpus {corpus} names one; it holds several")
    recordings = in_order(one._replace(corpus=corpus) if corpus is not None else one for one in recordings)
    speakers = len({recording[:2] for recording in recordings})
    how = f"{audio_dir}: {counted(len(recordings), 'recording')} of {counted(speakers, 'speaker')}, read as {how}"
    return Listing(
        root,
        recordings,
        how,
        is_named=corpus is not None,
        is_told=speaker_from is not None,
        unreadable=tuple(walk.unreadable),
        not_read=walk.not_read,
    )


def _chosen(walk: Walk, audio_dir: Path, microphone: str) -> list[tuple[Path, list[str]]]:
    """Folders, and the names of their recordings that are of the microphone."""
    folders = list(walk)
    if not folders:
        raise NothingThereError(f"no recording in {audio_dir}, at any depth{_described(walk.not_read)}")
    chosen = [(folder, _of_microphone(folder, names, microphone)) for folder, names in folders]
    if not any(names for _, names in chosen):
        count = sum(len(names) for _, names in folders)
        raise CorpusError(f"none of the {count} recordings in {audio_dir} is of {microphone}; see --microphone")
    return chosen


def _described(not_read: Counter[str]) -> str:
    if not not_read:
        return ""
    return "; formats that are not read: " + ", ".join(f"{count} {suffix}" for suffix, count in not_read.most_common())


def _of_microphone(folder: Path, names: list[str], microphone: str) -> list[str]:
    """Without VCTK's other microphone; outside VCTK, a lone `_mic2` is a name like any other."""
    if not any("_mic" in name for name in names):
        return names
    stems = {name.rpartition(".")[0] for name in names}
    two_microphones = TWO_MICROPHONES_FOLDER in folder.parts

    def is_wanted(stem: str) -> bool:
        match = _MICROPHONE.search(stem)
        if match is None or microphone in (match[1], "both"):
            return True
        return not two_microphones and f"{stem[: match.start()]}_{microphone}" not in stems

    return [name for name in names if is_wanted(name.rpartition(".")[0])]


def _understood(
    root: Path, folders: list[tuple[Path, list[str]]], microphone: str, known: Iterable[str]
) -> tuple[list[Recording], str]:
    """By layouts and folders; a part of a known corpus as that is."""
    above = [Path(place) for place in known if Path(place) in root.parents]
    if not above:
        return _recognised(root, folders)
    whole = min(above, key=lambda place: len(place.parts))
    recordings, how = _recognised(whole, _chosen(Walk(whole), whole, microphone))
    return [one for one in recordings if one.path.is_relative_to(root)], how


def _recognised(root: Path, folders: Iterable[tuple[Path, list[str]]]) -> tuple[list[Recording], str]:
    """By the layouts' marks, and what fits none of them by its folders."""
    named: list[Named] = []
    others: dict[Path, list[str]] = {}
    recordings, counts = [], Counter()
    for folder, names in folders:
        if (table := common_voice.table_of(folder)) is not None:
            listed = common_voice.recordings(table, folder, set(names), corpus_name(root, str(folder.parent)))
            recordings += listed
            counts[f"{common_voice.NAME} ({len(names) - len(listed)} clips not validated)"] += len(listed)
            continue
        known, left = _by_layout(folder, names)
        named += known
        if left:
            others[folder] = left
    counts.update(one.label.layout for one in named)
    by_folders, remarks = _by_folders(root, others)
    recordings += _recordings(root, [one for one in (*named, *by_folders) if one.label.speaker is not None])
    if by_folders:
        counts[FOLDERS] += len(by_folders)
    how = ", ".join(name for name, _ in counts.most_common())
    return recordings, "; ".join([how, *remarks])


def _by_layout(folder: Path, names: list[str]) -> tuple[list[Named], list[str]]:
    """The files that follow a layout, and the names of the others."""
    tail = "/".join(folder.parts[-DEPTH:])
    named, left = [], []
    layout: Layout | None = None
    for name in names:
        known = label(f"{tail}/{name.rpartition('.')[0]}", layout)
        if known is None:
            left.append(name)
        else:
            found, layout = known
            named.append(Named(folder, name, found))
    return named, left


def _by_folders(root: Path, others: dict[Path, list[str]]) -> tuple[list[Named], list[str]]:
    """One folder per speaker; remarks tell where a tree could have been read in another way."""
    stems: dict[Folder, list[str]] = {
        folder.parts: [name.rpartition(".")[0] for name in names] for folder, names in others.items()
    }
    kinds: dict[Folder, str] = {}
    remarks = []
    for place, inner in _two_levels_below(root, stems).items():
        reading = read_pairs(inner, stems)
        kinds.update(dict.fromkeys(inner, reading.kind))
        if not reading.certain:
            remarks.append(_remark(place, inner, reading.kind))
    named = [
        Named(folder, name, _label_of(folder, name, kinds.get(folder.parts, SPEAKERS)))
        for folder, names in others.items()
        for name in names
    ]
    more = [f"{len(remarks) - SHOWN} more folders are as ambiguous"] if len(remarks) > SHOWN else []
    return named, remarks[:SHOWN] + more


def _two_levels_below(root: Path, stems: Iterable[Folder]) -> dict[Folder, dict[Folder, str]]:
    """Folders with files by the place two levels above, and the outer one's name.

    Both are below the root, unless all of its folders are named like sessions: then it is a speaker's own.
    """
    found: dict[Folder, dict[Folder, str]] = {}
    first = [folder for folder in stems if len(folder) == len(root.parts) + 1]
    own = root.parts[1:] and all(looks_like_session(folder[-1]) for folder in first)
    for folder in stems:
        if len(folder) > len(root.parts) + (0 if own else 1):
            found.setdefault(folder[:-2], {})[folder] = folder[-2]
    return found


def _label_of(folder: Path, name: str, kind: str) -> Label:
    stem = name.rpartition(".")[0]
    if not folder.name:  # the file system's root is nobody
        return Label(FOLDERS, None, "", stem, 0)
    if kind == SESSIONS:
        return Label(FOLDERS, folder.parent.name, folder.name, f"{folder.name}/{stem}", 2)
    if kind == IN_PARTS:
        return Label(FOLDERS, folder.name, "", f"{folder.parent.name}/{stem}", 2)
    return Label(FOLDERS, folder.name, "", stem, 1)


def _remark(place: Folder, inner: dict[Folder, str], kind: str) -> str:
    """How an ambiguous tree was read, and what to say if that is wrong."""
    example = "/".join(next(iter(inner))[-2:])
    outer, folders, names = len(set(inner.values())), len(inner), len({folder[-1] for folder in inner})
    what, speakers, other = {
        SESSIONS: ("a speaker and a session", outer, f"-1 makes it {folders}, one for each inner folder"),
        SPEAKERS: ("a corpus and a speaker", folders, f"-2 makes it {outer}, with sessions inside"),
        IN_PARTS: ("a part of the corpus and a speaker", names, f"-2 makes it {outer}, one for each outer folder"),
    }[kind]
    taken = f"{example} in {Path(*place)} is taken for {what}, which makes {speakers} speakers"
    return f"{taken}; --speaker_from {other}"


def _recordings(root: Path, named: Iterable[Named]) -> Iterator[Recording]:
    names: dict[str, str] = {}
    for one in named:
        place = one.place
        if place not in names:
            names[place] = corpus_name(root, place)
        source = "/".join((*one.folder.parts[len(one.folder.parts) - one.label.levels :], one.name))
        yield Recording(names[place], one.label.speaker, one.label.utterance, one.label.session, place, source)
