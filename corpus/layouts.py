"""The layouts of published corpora: how their folders and files are named, by which they are recognised.

Each is a pattern for the end of a file's path without its suffix, `folder/.../file`. Its groups are `inside`, the part
of the path that belongs to the corpus (the folder above it is the corpus's place); `speaker`; `session` where there are
sessions; and `utterance`, unless that is `session/file`. A file that matches without a `speaker` holds no speech.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from storage.places import is_remote

GROUPS = "inside", "speaker", "session", "utterance", "file"  # of every pattern, also of one that can't match them
DEPTH = 5  # folders, the most that a pattern looks at


class Layout(NamedTuple):
    """How a corpus names its folders and files."""

    name: str
    pattern: re.Pattern[str]


class Label(NamedTuple):
    """What a layout says of one file."""

    layout: str
    speaker: str | None  # None: not speech
    session: str
    utterance: str
    levels: int  # folders between the corpus's place and the file


class LabelledFile(NamedTuple):
    """A file, and what its layout says of it."""

    folder: Path
    name: str
    label: Label

    @property
    def place(self) -> str:
        """The corpus's folder."""
        folder, levels = self.folder, self.label.levels
        if not is_remote(folder) and len(folder.parts) > levels + 1:  # no drive or root, and there are many
            return str(folder).rsplit(os.sep, levels)[0]
        return str(folder.parents[levels - 1] if levels else folder)

    @property
    def source(self) -> str:
        """The file's path from there."""
        parts = self.folder.parts
        return "/".join((*parts[len(parts) - self.label.levels :], self.name))


def _layout(name: str, inside: str) -> Layout:
    pattern = rf"(?:[^/\n]*/)*?(?P<inside>{inside})"
    missing = (group for group in GROUPS if f"(?P<{group}>" not in pattern)
    return Layout(name, re.compile(pattern + "".join(f"(?P<{group}>(?!))?" for group in missing)))


LAYOUTS = (
    # Two microphones in 0.92; see `microphones`.
    _layout("VCTK", r"wav(?:48|48_silence_trimmed|16)/(?P<speaker>[^/]+)/(?P<utterance>(?P=speaker)_[^/]+)"),
    # LibriTTS has the same folders, and underscores in the names of its files.
    _layout(
        "LibriSpeech", r"(?P<speaker>\d+)/(?P<session>\d+)/(?P<utterance>(?P=speaker)[-_](?P=session)[-_]\d+(?:_\d+)?)"
    ),
    _layout("VoxCeleb", r"(?:(?:wav|aac|m4a|mp4)/)?(?P<speaker>id\d{5})/(?P<utterance>(?P<session>[^/]+)/\d{5})"),
    _layout("CN-Celeb", r"(?:data/)?(?P<speaker>id\d{5})/(?P<utterance>(?P<session>[a-z_]+-\d+)-\d+)"),
    _layout("CN-Celeb", r"eval/enroll/(?P<utterance>(?P<speaker>id\d{5})(?P<session>)-enroll)"),
    _layout("CN-Celeb", r"eval/test/(?P<utterance>(?P<speaker>id\d{5})-(?P<session>[a-z_]+-\d+)-\d+)"),
    # Whoever uploads without a name is "anonymous", and each of these uploads may be somebody else.
    _layout("VoxForge", r"(?P<speaker>anonymous-(?P<session>\d{8}-[^/-]+))/(?:wav|flac)/(?P<utterance>[^/]+)"),
    _layout("VoxForge", r"(?P<speaker>[^/]+)-(?P<session>\d{8}-[^/-]+)/(?:wav|flac)/(?P<file>[^/]+)"),
    _layout(
        "AISHELL", r"(?:wav/)?(?:(?:train|dev|test)/)?(?P<speaker>S\d{4})/(?P<utterance>BAC\d{3}(?P=speaker)W\d{4})"
    ),
    _layout(
        "a folder per speaker, sessions in the files' names",
        r"(?P<speaker>[^/]+)/(?P<utterance>(?P=speaker)_(?P<session>s\d\d)_\d{3})",
    ),
    _layout("Speech Commands", r"(?P<utterance>[^/]+/(?P<speaker>[0-9a-f]{8})_nohash_\d+)"),
    _layout("Speech Commands", r"_background_noise_/[^/]+"),
)


def label_by_layout(folder: Path, names: Iterable[str]) -> tuple[list[LabelledFile], list[str]]:
    """Label the files of a folder that follow a layout; the names of the others come second."""
    tail = "/".join(folder.parts[-DEPTH:])
    labelled: list[LabelledFile] = []
    others: list[str] = []
    layouts: tuple[Layout, ...] = LAYOUTS
    for name in names:
        recognised = _recognise(f"{tail}/{name.rpartition('.')[0]}", layouts)
        if recognised is None:
            others.append(name)
        else:
            label, layout = recognised
            if layouts[0] is not layout:
                layouts = (layout, *LAYOUTS)
            labelled.append(LabelledFile(folder, name, label))
    return labelled, others


def _recognise(tail: str, layouts: Iterable[Layout]) -> tuple[Label, Layout] | None:
    """What the first layout that fits says of a file, and the layout.

    Args:
        tail: the last `DEPTH` folders of the path and the file's name without its suffix, with slashes between.
        layouts: those to try; first the one that fitted the file before, as the files of a folder are alike.
    """
    for layout in layouts:
        match = layout.pattern.fullmatch(tail)
        if match is not None:
            inside, speaker, session, utterance, file = match.group(*GROUPS)
            session = session or ""
            return Label(layout.name, speaker, session, utterance or f"{session}/{file}", inside.count("/")), layout
    return None
