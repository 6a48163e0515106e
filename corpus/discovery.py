"""Find the recordings below a folder, and say who speaks in each: by a published layout, by folders, or by a rule."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from corpus import common_voice, folders
from corpus.layouts import LabelledFile, label_by_layout
from corpus.listing import Listing, corpus_name, describe, in_order
from corpus.microphones import of_microphone
from corpus.recording import CorpusError, NothingThereError, Recording
from corpus.speaker_rule import SpeakerRule, recordings_by_rule
from corpus.walk import Walk, absolute, describe_not_read
from storage.counting import counted

FolderOfNames = tuple[Path, list[str]]  # a folder, and the names of recordings in it


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
    if speaker_from is None:
        recordings, how = _by_layouts_and_folders(root, chosen, microphone, known)
    else:
        recordings, how = recordings_by_rule(root, chosen, speaker_from)
    if not recordings:
        raise CorpusError(f"{how}: no recording in {root} is left")
    if corpus is not None:
        recordings = _of_corpus(recordings, corpus, root)
    recordings = in_order(recordings)
    return Listing(
        root,
        recordings,
        describe(root, recordings, how),
        is_named=corpus is not None,
        speakers_stated=speaker_from is not None,
        unreadable=tuple(walk.unreadable),
        not_read=walk.not_read,
    )


def _of_corpus(recordings: list[Recording], corpus: str, root: Path) -> list[Recording]:
    if len({recording.place for recording in recordings}) > 1:
        raise CorpusError(f"expected one corpus in {root}, as --corpus {corpus} names one; it holds several")
    return [recording._replace(corpus=corpus) for recording in recordings]


def _chosen(walk: Walk, microphone: str) -> list[FolderOfNames]:
    """Find the folders with recordings, and in each the names of those that are of the microphone."""
    everything = list(walk)
    if not everything:
        not_read = describe_not_read(walk.not_read)
        raise NothingThereError(f"no recording in {walk.root}, at any depth" + (f"; {not_read}" if not_read else ""))
    chosen = [(folder, of_microphone(folder, names, microphone)) for folder, names in everything]
    if not any(names for _, names in chosen):
        count = counted(sum(len(names) for _, names in everything), "recording")
        raise CorpusError(f"of {count} in {walk.root}, none is of {microphone}; see --microphone")
    return chosen


def _by_layouts_and_folders(
    root: Path, chosen: list[FolderOfNames], microphone: str, known: Iterable[str]
) -> tuple[list[Recording], str]:
    """Find out who speaks in recordings, as in the whole corpus if `root` is a part of a known one; and say how."""
    above = [Path(place) for place in known if Path(place) in root.parents]
    if not above:
        return _recognised(root, chosen)
    whole = min(above, key=lambda place: len(place.parts))
    recordings, how = _recognised(whole, _chosen(Walk(whole), microphone))
    return [recording for recording in recordings if recording.path.is_relative_to(root)], how


def _recognised(root: Path, chosen: Iterable[FolderOfNames]) -> tuple[list[Recording], str]:
    """Find out who speaks in recordings by layouts, or by folders where no layout fits; and say how.

    Returns:
        the recordings, and in words how it was found out who speaks in them.
    """
    labelled: list[LabelledFile] = []
    others: dict[Path, list[str]] = {}
    recordings: list[Recording] = []
    counts: Counter[str] = Counter()  # files, by the layout that says who speaks in them
    for folder, names in chosen:
        if (table := common_voice.table_of(folder)) is not None:
            corpus = corpus_name(root, str(folder.parent))
            validated = common_voice.recordings(table, folder, set(names), corpus)
            recordings += validated
            left_out = counted(len(names) - len(validated), "clip")
            counts[f"{common_voice.NAME} ({left_out} not validated)"] += len(validated)
            continue
        by_layout, left = label_by_layout(folder, names)
        labelled += by_layout
        if left:
            others[folder] = left
    by_folders, remarks = folders.label_by_folders(root, others)
    counts.update(file.label.layout for file in (*labelled, *by_folders))
    recordings += _recordings(root, (*labelled, *by_folders))
    how = ", ".join(name for name, _ in counts.most_common())
    return recordings, "; ".join([how, *remarks])


def _recordings(root: Path, labelled: Iterable[LabelledFile]) -> Iterator[Recording]:
    corpora: dict[str, str] = {}
    for file in labelled:
        layout_label, place = file.label, file.place
        if layout_label.speaker is None:
            continue
        if place not in corpora:
            corpora[place] = corpus_name(root, place)
        yield Recording(
            corpora[place], layout_label.speaker, layout_label.utterance, layout_label.session, place, file.source
        )
