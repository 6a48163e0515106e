"""The results of an evaluation, as a table for people and as JSON for programs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.bootstrap import RESAMPLES
from evaluation.cuts import describe_cut
from evaluation.detection import PRIORS, minimum_cost_name
from evaluation.metrics import CONFIDENCE
from inference.estimate import Estimate

COLUMNS = {  # of the table: heading, factor, decimals; in the order of the columns
    "sap": ("SAP", 1, 4),
    "san": ("SAN", 1, 3),
    "eer": ("EER in %", 100, 2),
    **{minimum_cost_name(prior): (f"minDCF {prior:g}", 1, 2) for prior in PRIORS},
}
COUNT_COLUMNS = (1, 2)  # speakers and utterances, set to the right
NAMES_IN_JSON = {"estimates": "figures"}  # of the fields that have others there
ACROSS_SESSIONS = ", across sessions"
NOTES = (
    f"(in brackets the {100 * CONFIDENCE:.0f} % interval, bootstrap over speakers; minDCF by a target's prior)",
    "(a cut is an utterance's beginning; before the / stands how many are that long, the others are used whole)",
)


@dataclass(frozen=True)
class Result:
    """The estimates of one corpus or trial list, at one length."""

    source: str  # the corpus, "" for a cache without names of corpora; or the trial list's file
    cut: float | None  # s from the beginning of each utterance, None for all of it
    speakers: int
    utterances: int
    long_enough: int  # utterances that are at least as long as the cut; the others are used whole
    targets: int  # trials of one speaker
    nontargets: int  # trials of two
    estimates: dict[str, Estimate]  # by their names in `COLUMNS`; sap and san are of a corpus's whole result alone
    across_sessions: bool = False  # whether the trials of one speaker are those between two sessions only

    def as_json(self) -> dict[str, Any]:
        """The fields, fit for JSON; the estimates under the name that they have there since the first release."""
        figures = {name: estimate.as_json() for name, estimate in self.estimates.items()}
        return {NAMES_IN_JSON.get(name, name): value for name, value in {**vars(self), "estimates": figures}.items()}


def format_table(results: Sequence[Result], source: str = "corpus", scores: str = "cosines") -> str:
    """Write a line for each result, with the value and the interval of each estimate.

    Args:
        source: what the first column has: corpora, or trial lists.
        scores: what EER and minDCF are of, in words.
    """
    names = [name for name in COLUMNS if name in results[0].estimates]
    header = [source, "speakers", "utterances", "cut", *(COLUMNS[name][0] for name in names)]
    rows = [header, *(_row(result, names) for result in results)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join([*(_aligned(row, widths) for row in rows), *NOTES, f"(EER and minDCF are of {scores})"])


def as_json(results: Sequence[Result], **description: object) -> str:
    """Write the results as a JSON object, where a value or an end of an interval that does not exist is null.

    {**description, "confidence": 0.95, "resamples": 1000, "results": [
        {"source": "vctk", "cut": 2.0, "speakers": 4, "utterances": 40, "long_enough": 40, "targets": 180,
         "nontargets": 600, "across_sessions": false,
         "figures": {"eer": {"value": 0.08, "low": 0.0, "high": 0.18}, "sap": ..., ...}}, ...]}

    `cut` is in seconds, null for whole utterances; `eer` a fraction. `figures` has the estimates of `COLUMNS`, of a
    trial list without sap and san.

    Args:
        description: further fields, which stand first.

    Raises:
        ValueError: a number in the description is not finite.
    """
    rows = [result.as_json() for result in results]
    content = {**description, "confidence": CONFIDENCE, "resamples": RESAMPLES, "results": rows}
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def _row(result: Result, names: list[str]) -> list[str]:
    utterances = f"{result.utterances}" if result.cut is None else f"{result.long_enough}/{result.utterances}"
    counts = [str(result.speakers), utterances, describe_cut(result.cut)]
    source = (result.source or ".") + (ACROSS_SESSIONS if result.across_sessions else "")
    return [source, *counts, *(_cell(result.estimates.get(name), *COLUMNS[name][1:]) for name in names)]


def _cell(estimate: Estimate | None, scale: float, decimals: int) -> str:
    if estimate is None:
        return ""
    value, low, high = (f"{scale * number:.{decimals}f}" for number in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"


def _aligned(row: list[str], widths: list[int]) -> str:
    cells = (
        text.rjust(width) if column in COUNT_COLUMNS else text.ljust(width)
        for column, (text, width) in enumerate(zip(row, widths))
    )
    return "  ".join(cells).rstrip()
