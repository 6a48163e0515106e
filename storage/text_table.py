"""Tables as text, for terminals and files."""

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], to_the_right: set[str] | frozenset[str] = frozenset()) -> str:
    """Write rows of texts below each other, the headings first.

    Args:
        to_the_right: headings of the columns that are set so.
    """
    widths = [max(map(len, column)) for column in zip(*rows)]
    right = [heading in to_the_right for heading in rows[0]]
    lines = (
        "  ".join(text.rjust(width) if flush else text.ljust(width) for text, width, flush in zip(row, widths, right))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
