"""Who speaks, by the user's rule (--speaker_from): a folder on the way to the file, or a pattern for the path."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from corpus.folders import Folder
from corpus.listing import corpus_name
from corpus.recording import Recording
from storage.counting import counted

SpeakerRule = int | re.Pattern[str]  # see `discovery.find_recordings`


@dataclass
class RuleReading:
    """What the rule is, and how many files it leaves out."""

    rule: SpeakerRule
    left_out: int = 0

    def __str__(self) -> str:
        text = self.rule if isinstance(self.rule, int) else self.rule.pattern
        left_out = f" ({counted(self.left_out, 'file')} left out, as it names no speaker of theirs)"
        return f"--speaker_from {text} says" + (left_out if self.left_out else "")


def recordings_by_rule(
    root: Path, folders: Iterable[tuple[Path, list[str]]], rule: SpeakerRule
) -> tuple[Iterator[Recording], RuleReading]:
    """Label recordings by the user's rule.

    Args:
        root: what the paths are relative to.
        folders: folders, each with the names of the recordings in it.
        rule: the number of a folder, or a pattern, with which all of the root is one corpus.

    Returns:
        the recordings, and what says how they were read when all of them were taken.
    """
    reading = RuleReading(rule)
    return _labelled(root, folders, reading), reading


def _labelled(root: Path, folders: Iterable[tuple[Path, list[str]]], reading: RuleReading) -> Iterator[Recording]:
    label = _labeller(root, reading.rule)
    for folder, names in folders:
        within = folder.relative_to(root).parts
        for name in names:
            recording = label(within, name)
            if recording is None:
                reading.left_out += 1
            else:
                yield recording


def _labeller(root: Path, rule: SpeakerRule) -> Callable[[Folder, str], Recording | None]:
    return partial(_by_level, root, rule) if isinstance(rule, int) else partial(_by_pattern, root, rule)


def _by_level(root: Path, level: int, within: Folder, name: str) -> Recording | None:
    number = level - 1 if level > 0 else len(within) + level
    if not 0 <= number < len(within):
        return None
    place = str(root.joinpath(*within[:number]))
    session = "/".join(within[number + 1 :])
    stem = name.rpartition(".")[0]
    utterance = f"{session}/{stem}" if session else stem
    source = "/".join((*within[number:], name))
    return Recording(corpus_name(root, place), within[number], utterance, session, place, source)


def _by_pattern(root: Path, pattern: re.Pattern[str], within: Folder, name: str) -> Recording | None:
    source = "/".join((*within, name))
    match = pattern.search(source)
    groups = match.groupdict() if match is not None else {}
    part, _, speaker = (groups.get("speaker") or "").rpartition("/")
    if not speaker:
        return None
    utterance = groups.get("utterance") or source.rpartition(".")[0]
    session = groups.get("session") or ""
    corpus = corpus_name(root, str(root))
    if part:  # a speaker `a/b` is b of the part a, as in a manifest
        return Recording(f"{corpus}/{part}", speaker, utterance, session, str(root / part), str(root / source))
    return Recording(corpus, speaker, utterance, session, str(root), source)
