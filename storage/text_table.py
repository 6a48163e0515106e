"""Tables as text, for terminals and files."""

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], to_the_right: set[str] | frozenset[str] = frozenset()) -> str:
    """Write rows of texts below each other, the headings first, so that no terminal is steered by them.

    Args:
        to_the_right: headings of the columns that are set so.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows)]
    right = [heading in to_the_right for heading in rows[0]]
    lines = (
        "  ".join(text.rjust(width) if flush else text.ljust(width) for text, width, flush in zip(row, widths, right))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def printable(text: str) -> str:
    """The text without what steers a terminal, as names of files may hold it: such characters are spelt out."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
