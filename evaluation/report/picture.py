"""A picture with all that belongs to it: what it shows in words, and its numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.figure import Figure


@dataclass(frozen=True)
class Table:
    """Rows of cells below a header; a cell is a text or a number."""

    header: tuple[str, ...]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class Picture:
    """A figure, with what it shows for those who can't see it."""

    kind: str  # a word for names of files: "det"
    about: str  # corpus, trial list or stage; "" where there is one of its kind
    title: str
    text: str  # what is to be seen in it
    figure: Figure
    table: Table  # its main numbers, for readers
    numbers: Table  # all that is drawn, for programs
    points: Mapping[str, Sequence[str]] = field(default_factory=dict)  # names of a line's markers, by the line's gid
