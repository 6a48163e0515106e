"""The results of an evaluation, as tables for people and as JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.cuts import describe_cut
from evaluation.detection import CLLR, EER, MIN_CLLR, PRIORS, actual_cost_name, minimum_cost_name
from evaluation.jackknife import FEWEST_SPEAKERS
from evaluation.metrics import CONFIDENCE
from inference.cohort import AS_NORM, NEAREST, NO_NORM
from inference.estimate import Estimate
from storage.text_table import aligned

ERRORS = {  # columns of the first table: heading, factor, decimals
    "sap": ("SAP", 1, 3),
    "san": ("SAN", 1, 3),
    EER: ("EER in %", 100, 2),
    **{minimum_cost_name(prior): (f"minDCF {prior:g}", 1, 2) for prior in PRIORS},
}
RATIOS = {  # of the second
    **{actual_cost_name(prior): (f"actDCF {prior:g}", 1, 2) for prior in PRIORS},
    CLLR: ("Cllr", 1, 3),
    MIN_CLLR: ("minCllr", 1, 3),
}
COLUMNS = {**ERRORS, **RATIOS}
SCORES = {NO_NORM: "cosine", AS_NORM: "AS-norm"}
NUMERIC = {"speakers", "utterances"}  # columns that are set to the right
NAMES_IN_JSON = {"estimates": "figures"}  # of the fields that have others there
NOTES = (
    f"(in brackets the {100 * CONFIDENCE:.0f} % interval over speakers, by the jackknife; none below "
    f"{FEWEST_SPEAKERS} speakers. DCF and",
    "actDCF by a target's prior. A cut is an utterance's beginning; before the / stands how many are that long, the",
    f"others are used whole. AS-norm: cosines beside the nearest {NEAREST} of the network's cohort)",
)


@dataclass(frozen=True)
class Result:
    """The estimates of one corpus or trial list, or of a subset of its trials, at one length and by one score."""

    source: str  # the corpus, "" for a cache without names of corpora; or the trial list's file
    cut: float | None  # s from the beginning of each utterance, None for all of it
    subset: str  # of the trials, see `evaluation.subsets`; "" for all of them
    score_norm: str  # one of `inference.cohort.SCORE_NORMS`
    speakers: int
    utterances: int
    long_enough: int  # utterances that are at least as long as the cut; the others are used whole
    targets: int  # trials of one speaker
    nontargets: int  # trials of two
    estimates: dict[str, Estimate]  # by their names in `COLUMNS`; sap and san are of a corpus's whole result alone

    def as_json(self) -> dict[str, Any]:
        """The fields, fit for JSON; the estimates under the name that they have there since the first release."""
        figures = {name: estimate.as_json() for name, estimate in self.estimates.items()}
        return {NAMES_IN_JSON.get(name, name): value for name, value in {**vars(self), "estimates": figures}.items()}


def format_tables(results: Sequence[Result], source: str = "corpus") -> str:
    """Write a line for each result, with the value and the interval of each estimate: of scores, and of their ratios.

    Args:
        source: what the first column has: corpora, or trial lists.
    """
    counted = {
        source: lambda one: (one.source or ".") + (one.subset and f", {one.subset}"),
        "speakers": lambda one: str(one.speakers),
        "utterances": lambda one: f"{one.utterances}" if one.cut is None else f"{one.long_enough}/{one.utterances}",
        "cut": lambda one: describe_cut(one.cut),
        "scores": lambda one: SCORES[one.score_norm],
    }
    shown = [one for one in results if one.long_enough]  # else the cut is the whole utterances once more
    brief = {name: counted[name] for name in (source, "cut", "scores")}
    with_ratios = [one for one in shown if RATIOS.keys() & one.estimates.keys()]
    tables = [_table(shown, counted, ERRORS), *([_table(with_ratios, brief, RATIOS)] if with_ratios else [])]
    return "\n\n".join([*tables, "\n".join(NOTES)])


def as_json(results: Sequence[Result], **description: object) -> str:
    """Write the results as a JSON object, where a value or an end of an interval that does not exist is null.

    {**description, "confidence": 0.95, "interval": "jackknife over speakers", "results": [
        {"source": "vctk", "cut": 2.0, "subset": "", "score_norm": "as", "speakers": 4, "utterances": 40,
         "long_enough": 40, "targets": 180, "nontargets": 600,
         "figures": {"eer": {"value": 0.08, "low": 0.0, "high": 0.18}, "sap": ..., ...}}, ...]}

    `cut` is in seconds, null for whole utterances; `eer` a fraction. `figures` has the estimates of `COLUMNS`, of a
    trial list without sap and san, and without those of ratios where there are none.

    Args:
        description: further fields, which stand first.

    Raises:
        ValueError: a number in the description is not finite.
    """
    rows = [result.as_json() for result in results]
    content = {**description, "confidence": CONFIDENCE, "interval": "jackknife over speakers", "results": rows}
    return json.dumps(content, indent=2, allow_nan=False)


def _table(results: Sequence[Result], labels: Mapping[str, Any], columns: Mapping[str, tuple[str, int, int]]) -> str:
    names = [name for name in columns if any(name in one.estimates for one in results)]
    header = [*labels, *(columns[name][0] for name in names)]
    rows = [
        [
            *(label(one) for label in labels.values()),
            *(one.estimates[name].as_text(*columns[name][1:]) if name in one.estimates else "" for name in names),
        ]
        for one in results
    ]
    return aligned([header, *rows], NUMERIC)
