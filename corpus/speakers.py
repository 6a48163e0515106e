"""Speakers by the names that people give them: a name alone, or with its corpus in front (`libri/19`)."""

import logging
from collections.abc import Collection, Iterable
from pathlib import Path

from corpus.recording import Speaker
from corpus.text_lists import list_lines
from storage.counting import counted
from storage.errors import UserError, first_few
from storage.nearest_names import nearest

NAMES_SHOWN = 5

logger = logging.getLogger(__name__)


def parse_speakers(text: str) -> tuple[str, ...]:
    """Split a comma-separated list into names."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def read_speakers_file(path: Path, known: Iterable[Speaker] = ()) -> tuple[str, ...]:
    """Read names from a file with one a line; a corpus may stand before the name (`vctk/p226`).

    Comments are as in every list, see `corpus.text_lists`.

    Args:
        known: speakers; a line that is the name of one of them is that name, whatever blanks and signs are in it.

    Raises:
        UserError: the file is missing, is not text, or names no speaker.
    """
    spelt = {name for speaker in known for name in (str(speaker), speaker.name)}
    names = tuple(text for _, text in list_lines(path, "speaker names", spelt.__contains__))
    if not names:
        raise UserError(f"{path} names no speaker; expected one a line")
    return names


def matching(name: str, known: Iterable[Speaker]) -> set[Speaker]:
    """Find whom of the known speakers a name means.

    A corpus may be known by more or by less of its path than it is named by (`libri/train/19` and `train/19`): then the
    ends must agree, unless a speaker is known by just that name. Where speakers are held out, this is on the safe side:
    to hold out one too many is a lesser mistake than to train on one too many.
    """
    namesakes = [speaker for speaker in known if speaker.name == name.rpartition("/")[2]]
    exact = {speaker for speaker in namesakes if str(speaker) == name}
    return exact or {speaker for speaker in namesakes if _ends_agree(str(speaker), name)}


def speakers_named(names: Iterable[str], known: Iterable[Speaker]) -> set[Speaker]:
    """Find all of the known speakers that any of the names means."""
    return set().union(*_meanings(names, known).values())


def trained_on(names: Iterable[str], known: Collection[Speaker]) -> tuple[set[Speaker], set[Speaker]]:
    """Find which of the known speakers a network was trained on, and which perhaps.

    Args:
        names: the speakers of its training.

    Returns:
        those whose corpus agrees with that of the training, as far as both are known; and their namesakes: those who
        share a name with a training speaker whose corpus is not among the known ones. It may be theirs, renamed.
    """
    by_name = _by_name(known)
    corpora = {speaker.corpus for speaker in known}
    trained: set[Speaker] = set()
    namesakes: set[Speaker] = set()
    for name in names:
        corpus, _, speaker_name = name.rpartition("/")
        same = by_name.get(speaker_name, ())
        trained.update(speaker for speaker in same if _ends_agree(str(speaker), name))
        if same and not any(_ends_agree(known_corpus, corpus) for known_corpus in corpora):
            namesakes.update(same)
    return trained, namesakes - trained


def warn_of_namesakes(speakers: Collection[Speaker]) -> None:
    """Warn of speakers on whom the network was perhaps trained, see `trained_on`."""
    if speakers:
        shown = first_few(map(str, sorted(speakers)), NAMES_SHOWN)
        which = "speaker shares its name" if len(speakers) == 1 else "speakers share their names"
        logger.warning(
            "%d %s with speakers of the training, whose corpus is not in this cache, or is under another name: "
            "if they are the same people, what follows is no measure for held-out speakers: %s",
            len(speakers), which, shown,
        )  # fmt: skip


def check_speakers(names: Collection[str], known: Collection[Speaker]) -> None:
    """Refuse names that no known speaker has, as a misspelt speaker would train; log the names that several have.

    Raises:
        UserError: some of the names are unknown; the message has the nearest names.
    """
    meanings = _meanings(names, known)
    for name, speakers in meanings.items():
        if len(speakers) > 1:
            logger.info("%s is the name of %d speakers: %s", name, len(speakers), ", ".join(sorted(map(str, speakers))))
    missing = [name for name in names if not meanings[name]]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        raise UserError(
            f"{counted(len(missing), 'speaker')} of the {len(names)} named {are} not in the cache: "
            f"{first_few(missing, NAMES_SHOWN)}{_nearest(missing[0], known)}"
        )


def find_speaker(name: str, known: Collection[Speaker], where: str) -> Speaker:
    """Find the one speaker that a name means.

    Args:
        where: what holds the known speakers, for the message.

    Raises:
        UserError: no speaker has the name, or several have; the message lists them.
    """
    speakers = matching(name, known)
    if len(speakers) > 1:
        candidates = ", ".join(sorted(map(str, speakers)))
        raise UserError(f"{name!r} is the name of {len(speakers)} speakers; say which: {candidates}")
    if not speakers:
        raise UserError(
            f"speaker {name!r} is not in {where}; it holds {counted(len(known), 'speaker')}{_nearest(name, known)}. "
            "To add recordings: --update_cache --audio_dir FOLDER"
        )
    return speakers.pop()


def _meanings(names: Iterable[str], known: Iterable[Speaker]) -> dict[str, set[Speaker]]:
    """The known speakers that each name means."""
    by_name = _by_name(known)
    return {name: matching(name, by_name.get(name.rpartition("/")[2], ())) for name in names}


def _by_name(known: Iterable[Speaker]) -> dict[str, list[Speaker]]:
    speakers: dict[str, list[Speaker]] = {}
    for speaker in known:
        speakers.setdefault(speaker.name, []).append(speaker)
    return speakers


def _ends_agree(a: str, b: str) -> bool:
    return f"/{a}".endswith(f"/{b}") or f"/{b}".endswith(f"/{a}")


def _nearest(name: str, known: Collection[Speaker]) -> str:
    """The names that are most like it, with their corpora where the name has one."""
    near = nearest(name, (str(speaker) if "/" in name else speaker.name for speaker in known), NAMES_SHOWN)
    return f"; {near}" if near else ""
