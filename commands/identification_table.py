"""Write who speaks in several recordings as a table, with a line for each recording."""

from collections.abc import Sequence

from inference.decisions import NOT_CALIBRATED, Comparison, Identification

CALIBRATED = ("file", "verdict", "likeliest", "probability", "second", "probability", "unknown")
DISTANCES = ("file", "nearest", "distance", "second", "distance")  # all that a network without a calibration tells


def table(answers: Sequence[tuple[str, Identification]]) -> str:
    """Write a table of the file, the verdict, the two likeliest speakers, and the probability of an unknown speaker.

    Args:
        answers: each file with the identification of its speaker.
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
    """The cells of a place in the ranking: the name, and its probability or distance; empty if nobody is at that place.

    Args:
        ranked: the part of the ranking at that place, with one entry or none.
    """
    for name, comparison in ranked:
        return name, _percent(comparison.probability) if calibrated else f"{comparison.cosine_distance:.4f}"
    return "", ""


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.2f} %"
