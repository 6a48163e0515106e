"""Speakers by the names that people give them: a name alone, or with its corpus in front (`libri/19`)."""

import difflib
import logging
from collections.abc import Collection, Iterable
from pathlib import Path

from corpus.recording import Speaker
from storage.errors import UserError, first_few

NAMES_SHOWN = 5

logger = logging.getLogger(__name__)


def parse_speakers(text: str) -> tuple[str, ...]:
    """Names from a comma-separated list."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def read_speakers_file(path: Path, known: Iterable[Speaker] = ()) -> tuple[str, ...]:
    """Names from a file with one a line; `#` starts a comment, and a corpus may stand before the name (`vctk/p226`).

    Args:
        known: speakers; a line that is the name of one is that, whatever blanks and signs are in it.

    Raises:
        UserError: it is missing, is not text, or names no one.
    """
    spelt = {name for speaker in known for name in (str(speaker), speaker.name)}
    lines = text_lines(path, "speaker names")
    names = tuple(filter(None, (line if line in spelt else _without_comment(line) for line in lines)))
    if not names:
        raise UserError(f"{path} names no speaker; expected one a line")
    return names


def text_lines(path: Path, what: str) -> list[str]:
    """The lines of a text file; a name that is no UTF-8 is kept, as Python keeps such names of files.

    Raises:
        UserError: it is not readable as text; the message says what it should hold.
    """
    try:  # utf-8-sig: Notepad puts a byte order mark first, which would become part of a name
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
        if "\0" in text:
            raise ValueError("it holds null characters")
    except (OSError, ValueError) as error:
        raise UserError(f"expected a text file of {what}. {path} is not readable as one") from error
    return [line.removesuffix("\r") for line in text.split("\n")]  # names may hold other separators


def _without_comment(line: str) -> str:
    """A `#` within a name is part of it; one at the beginning or after a blank starts a comment."""
    return "" if line.lstrip().startswith("#") else line.replace("\t#", " #").split(" #")[0].strip()


def matching(name: str, known: Iterable[Speaker]) -> set[Speaker]:
    """Whom of the known speakers a name means.

    A corpus may be known by more or by less of its path than it is named by (`libri/train/19` and `train/19`): then the
    ends must agree, unless somebody is known by just that name. Whoever holds speakers out is on the safe side: one too
    many is a lesser mistake than one too few.
    """
    known = [speaker for speaker in known if speaker.name == name.rpartition("/")[2]]
    exact = {speaker for speaker in known if str(speaker) == name}
    return exact or {speaker for speaker in known if _ends_agree(str(speaker), name)}


def listed(names: Iterable[str], known: Iterable[Speaker]) -> set[Speaker]:
    """Whom of the known speakers a list means."""
    return set().union(*_whom(names, known).values())


def trained_on(names: Iterable[str], known: Collection[Speaker]) -> tuple[set[Speaker], set[Speaker]]:
    """Whom of the known speakers a network has heard, and whom perhaps.

    Args:
        names: of its training.

    Returns:
        those whose corpus agrees with that of the training, as far as both are known; and those who share their name
        with somebody of a corpus that is not among the known: it may be theirs, under another name.
    """
    by_name = _by_name(known)
    corpora = {speaker.corpus for speaker in known}
    heard, perhaps = set(), set()
    for name in names:
        corpus, _, own = name.rpartition("/")
        same = by_name.get(own, ())
        heard.update(speaker for speaker in same if _ends_agree(str(speaker), name))
        if same and not any(_ends_agree(one, corpus) for one in corpora):
            perhaps.update(same)
    return heard, perhaps - heard


def tell_perhaps_heard(speakers: Collection[Speaker]) -> None:
    """Warn of speakers who may be the training's, see `trained_on`."""
    if speakers:
        shown = first_few(map(str, sorted(speakers)), NAMES_SHOWN)
        logger.warning(
            "%d speakers share their names with speakers of the training, whose corpus is not in this cache, or under "
            "another name: if they are the same, what follows is no figure for unseen voices: %s", len(speakers), shown
        )  # fmt: skip


def check_listed(names: Collection[str], known: Collection[Speaker]) -> None:
    """Refuse a list with a name that no known speaker answers to: a misspelt one would train. Tell who shares a name.

    Raises:
        UserError: as said; the message has the nearest names.
    """
    found = _whom(names, known)
    for name, several in found.items():
        if len(several) > 1:
            logger.info("%s is the name of %d speakers: %s", name, len(several), ", ".join(sorted(map(str, several))))
    missing = [name for name in names if not found[name]]
    if missing:
        raise UserError(
            f"{len(missing)} of the {len(names)} speakers named are not in the cache: "
            f"{first_few(missing, NAMES_SHOWN)}{_nearest(missing[0], known)}"
        )


def the_one(name: str, known: Collection[Speaker], where: str) -> Speaker:
    """The speaker that a name means.

    Args:
        where: what holds the known speakers, for the message.

    Raises:
        UserError: nobody answers to it, or several do; the message lists them.
    """
    found = matching(name, known)
    if len(found) > 1:
        candidates = ", ".join(sorted(map(str, found)))
        raise UserError(f"{name!r} is the name of {len(found)} speakers; say which: {candidates}")
    if not found:
        raise UserError(
            f"speaker {name!r} is not in {where}; it holds {len(known)} speakers{_nearest(name, known)}. "
            "To add recordings: --update_cache --audio_dir FOLDER"
        )
    return found.pop()


def _whom(names: Iterable[str], known: Iterable[Speaker]) -> dict[str, set[Speaker]]:
    """Whom of the known speakers each name means."""
    by_name = _by_name(known)
    return {name: matching(name, by_name.get(name.rpartition("/")[2], ())) for name in names}


def _by_name(known: Iterable[Speaker]) -> dict[str, list[Speaker]]:
    found: dict[str, list[Speaker]] = {}
    for speaker in known:
        found.setdefault(speaker.name, []).append(speaker)
    return found


def _ends_agree(one: str, other: str) -> bool:
    return f"/{one}".endswith(f"/{other}") or f"/{other}".endswith(f"/{one}")


def _nearest(name: str, known: Collection[Speaker]) -> str:
    """The names most like it, with their corpora where the name has one."""
    spelt = {str(speaker) if "/" in name else speaker.name for speaker in known}
    near = difflib.get_close_matches(name, sorted(spelt), NAMES_SHOWN, cutoff=0) if name else []
    return f"; nearest: {', '.join(near)}" if near else ""
