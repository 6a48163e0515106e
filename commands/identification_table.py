"""Who speaks in several recordings, a line for each."""

from collections.abc import Sequence

from inference.decisions import NOT_CALIBRATED, Comparison, Identification

CALIBRATED = ("file", "verdict", "likeliest", "probability", "second", "probability", "unknown")
DISTANCES = ("file", "nearest", "distance", "second", "distance")  # all that a network without a calibration tells


def table(answers: Sequence[tuple[str, Identification]]) -> str:
    """Columns for people: the file, the verdict, the two likeliest speakers, and how probable nobody of them is.

    Args:
        answers: files and who speaks in them.
    """
    calibrated = all(identification.verdict is not None for _, identification in answers)
    header: tuple[str, ...] = CALIBRATED if calibrated else DISTANCES
    rows = [header, *(_row(file, identification, calibrated) for file, identification in answers)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join(lines if calibrated else [*lines, f"({NOT_CALIBRATED})"])


def _row(file: str, identification: Identification, calibrated: bool) -> tuple[str, ...]:
    cells = [cell for place in (0, 1) for cell in _speaker(identification.ranking[place : place + 1], calibrated)]
    if not calibrated:
        return file, *cells
    return file, str(identification.verdict), *cells, _percent(identification.unknown_probability)


def _speaker(ranked: Sequence[tuple[str, Comparison]], calibrated: bool) -> tuple[str, str]:
    """The name at a place of the ranking, and how probable it is or how far; empty cells where there is nobody."""
    for name, comparison in ranked:
        return name, _percent(comparison.probability) if calibrated else f"{comparison.cosine_distance:.4f}"
    return "", ""


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.2f} %"
