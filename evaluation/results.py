"""What an evaluation found, as a table for people and as JSON for programs."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.bootstrap import RESAMPLES, Estimate
from evaluation.cuts import describe_cut
from evaluation.detection import PRIORS, minimum_cost_name
from evaluation.metrics import CONFIDENCE

COLUMNS = {  # of the table: heading, factor, decimals; in the order of the columns
    "sap": ("SAP", 1, 4),
    "san": ("SAN", 1, 3),
    "eer": ("EER in %", 100, 2),
    **{minimum_cost_name(prior): (f"minDCF {prior:g}", 1, 2) for prior in PRIORS},
}
COUNT_COLUMNS = (1, 2)  # speakers and utterances, set to the right
ACROSS_SESSIONS = ", across sessions"
NOTES = (
    f"(in brackets the {100 * CONFIDENCE:.0f} % interval, bootstrap over speakers; minDCF by a target's prior)",
    "(a cut is an utterance's beginning; before the / stands how many are that long, the others are used whole)",
)


@dataclass(frozen=True)
class Result:
    """The figures of one corpus or trial list, at one length."""

    source: str  # the corpus, "" for a cache without names of corpora; or the trial list's file
    cut: float | None  # s from the beginning of each utterance, None for all of it
    speakers: int
    utterances: int
    long_enough: int  # utterances that are at least as long as the cut; the others are used whole
    targets: int  # trials of one speaker
    nontargets: int  # trials of two
    figures: dict[str, Estimate]  # by their names in `COLUMNS`; sap and san are of a corpus's whole result alone
    across_sessions: bool = False  # whether the trials of one speaker are those between two sessions only


def format_table(results: Sequence[Result], source: str = "corpus", scores: str = "cosines") -> str:
    """A line for each result, value and interval of each figure.

    Args:
        source: what the results are told apart by.
        scores: what EER and minDCF are of, in words.
    """
    names = [name for name in COLUMNS if name in results[0].figures]
    header = [source, "speakers", "utterances", "cut", *(COLUMNS[name][0] for name in names)]
    rows = [header, *(_row(result, names) for result in results)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join([*(_aligned(row, widths) for row in rows), *NOTES, f"(EER and minDCF are of {scores})"])


def as_json(results: Sequence[Result], **about) -> str:
    """The results as a JSON object; a figure's end that does not exist is null.

    {**about, "confidence": 0.95, "resamples": 1000, "results": [
        {"source": "vctk", "cut": 2.0, "speakers": 4, "utterances": 40, "long_enough": 40, "targets": 180,
         "nontargets": 600, "across_sessions": false,
         "figures": {"eer": {"value": 0.08, "low": 0.0, "high": 0.18}, "sap": ..., ...}}, ...]}

    `cut` is in seconds, null for whole utterances; `eer` a fraction. The figures: `COLUMNS`, of a trial list without
    sap and san.
    """
    content = {**about, "confidence": CONFIDENCE, "resamples": RESAMPLES, "results": [_fields(one) for one in results]}
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def _row(result: Result, names: list[str]) -> list[str]:
    utterances = f"{result.utterances}" if result.cut is None else f"{result.long_enough}/{result.utterances}"
    counts = [str(result.speakers), utterances, describe_cut(result.cut)]
    source = (result.source or ".") + (ACROSS_SESSIONS if result.across_sessions else "")
    return [source, *counts, *(_cell(result.figures.get(name), *COLUMNS[name][1:]) for name in names)]


def _cell(figure: Estimate | None, scale: float, decimals: int) -> str:
    if figure is None:
        return ""
    value, low, high = (f"{scale * number:.{decimals}f}" for number in (figure.value, figure.low, figure.high))
    return f"{value} [{low}, {high}]"


def _aligned(row: list[str], widths: list[int]) -> str:
    cells = (
        text.rjust(width) if column in COUNT_COLUMNS else text.ljust(width)
        for column, (text, width) in enumerate(zip(row, widths))
    )
    return "  ".join(cells).rstrip()


def _fields(result: Result) -> dict:
    figures = {
        name: {end: number if math.isfinite(number) else None for end, number in vars(figure).items()}
        for name, figure in result.figures.items()
    }
    return {**vars(result), "figures": figures}
