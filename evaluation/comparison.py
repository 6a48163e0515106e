"""Compare networks on the same speakers and trials: which is better, and is that more than noise?

A speaker who is hard for one network is hard for another, so a difference varies less from speaker to speaker than
either figure: the same speaker is left out for both (paired jackknife). Its interval is made of those of the two
figures, which hold near 0, and of how far the two vary together (MOVER: Zou & Donner, "Construction of confidence
limits about effect measures: a general approach", Statistics in Medicine 27, 2008; Newcombe, "Improved confidence
intervals for the difference between binomial proportions based on paired data", Statistics in Medicine 17, 1998).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from evaluation.cuts import describe_cut
from evaluation.detection import (
    DETECTION_MEASURES,
    EER,
    ScoredTrials,
    detection_statistic,
    largest_cost,
    measures_of,
)
from evaluation.jackknife import Kind, interval, leave_one_out
from evaluation.metrics import CONFIDENCE
from evaluation.results import COLUMNS
from evaluation.scored_set import ScoredSet
from inference.estimate import Estimate
from storage.counting import counted
from storage.text_table import aligned

MEAN = "mean of corpora"

Estimates = tuple[Estimate, ...]


@dataclass(frozen=True)
class Comparison:
    """A measure of every network on the same trials, and how far each is from the first."""

    source: str  # corpus or list, or `MEAN`
    cut: float | None
    measure: str
    speakers: int
    values: Estimates  # of each network
    differences: Estimates  # of each but the first: its value less the first's

    def as_json(self) -> dict[str, Any]:
        """The fields, fit for JSON."""
        estimates = {name: [one.as_json() for one in getattr(self, name)] for name in ("values", "differences")}
        return {**vars(self), **estimates}


@dataclass(frozen=True)
class _Jackknifed:
    """A measure with its values without each speaker."""

    value: float
    without: np.ndarray
    kind: Kind
    largest: float  # that it can be

    def estimate(self, confidence: float = CONFIDENCE) -> Estimate:
        low, high = interval(self.value, self.without, self.kind, confidence)
        return Estimate(self.value, low, min(high, self.largest))


def compare(sets: Sequence[Sequence[ScoredSet]]) -> list[Comparison]:
    """Compare networks, each by the same trials in the same order, scored in its own way.

    Args:
        sets: of each network, scored by one norm.

    Returns:
        the measures of each corpus and length; then where there are several corpora, of their means.
    """
    rows = []
    for of_networks in zip(*sets):
        one = of_networks[0]
        trials = [each.trials(next(iter(each.scores))) for each in of_networks]
        for measure, (values, differences) in paired(trials, len(one.speakers)).items():
            rows.append(Comparison(one.source, one.cut, measure, len(one.speakers), values, differences))
    if len({row.source for row in rows}) > 1:
        rows += _means(rows)
    return rows


def paired(trials: Sequence[ScoredTrials], speakers: int) -> dict[str, tuple[Estimates, Estimates]]:
    """Measure the same trials by the scores of several systems.

    Args:
        speakers: how many there are, by whose numbers the trials name them.

    Returns:
        by the names of the measures that all have: each system's value, and by how much each but the first differs from
        the first; the intervals of all differences together hold with the usual confidence (Bonferroni's correction).
    """
    confidence = 1 - (1 - CONFIDENCE) / max(len(trials) - 1, 1)
    of_each = [leave_one_out(detection_statistic(one, speakers), speakers) for one in trials]
    found = {}
    for at, (name, kind) in enumerate(DETECTION_MEASURES.items()):
        if all(name in measures_of(one) for one in trials):
            largest = largest_cost(name)
            jackknifed = [_Jackknifed(float(values[at]), without[:, at], kind, largest) for values, without in of_each]
            differences = tuple(_difference(one, jackknifed[0], confidence) for one in jackknifed[1:])
            found[name] = tuple(one.estimate() for one in jackknifed), differences
    return found


def _difference(one: _Jackknifed, other: _Jackknifed, confidence: float) -> Estimate:
    mine, others = one.estimate(confidence), other.estimate(confidence)
    deviations = [each.without - each.without.mean() for each in (one, other)]
    scale = float(np.sqrt(np.prod([deviation @ deviation for deviation in deviations])))
    if scale > 0 and one.value == other.value and np.array_equal(one.without, other.without):
        return Estimate(0.0, 0.0, 0.0)  # they err alike
    together = float(deviations[0] @ deviations[1]) / scale if scale > 0 else 0.0
    low = _root(mine.value - mine.low, others.high - others.value, together)
    high = _root(mine.high - mine.value, others.value - others.low, together)
    value = mine.value - others.value
    return Estimate(value, value - low, value + high)


def _root(a: float, b: float, together: float) -> float:
    """How far a difference's interval reaches, by how far those of both sides do, and their correlation."""
    return float(np.sqrt(max(a**2 + b**2 - 2 * together * a * b, 0)))


def _means(rows: Sequence[Comparison]) -> list[Comparison]:
    """The means over corpora, whose speakers are others: their deviations add up by squares."""

    def key(row: Comparison) -> tuple[bool, float, str]:
        return row.cut is not None, -(row.cut or 0), row.measure

    means = []
    for _, group in groupby(sorted(rows, key=key), key=key):
        of_corpora = list(group)
        values = tuple(_mean(each) for each in zip(*(row.values for row in of_corpora)))
        differences = tuple(_mean(each) for each in zip(*(row.differences for row in of_corpora)))
        speakers, first = sum(row.speakers for row in of_corpora), of_corpora[0]
        means.append(Comparison(MEAN, first.cut, first.measure, speakers, values, differences))
    return sorted(means, key=lambda row: (row.cut is not None, -(row.cut or 0), list(COLUMNS).index(row.measure)))


def _mean(estimates: Sequence[Estimate]) -> Estimate:
    value = float(np.mean([one.value for one in estimates]))
    low = np.sqrt(np.sum([(one.value - one.low) ** 2 for one in estimates])) / len(estimates)
    high = np.sqrt(np.sum([(one.high - one.value) ** 2 for one in estimates])) / len(estimates)
    return Estimate(value, value - float(low), value + float(high))


def format_comparison(rows: Sequence[Comparison], names: Sequence[str]) -> str:
    """Write a table with a line for each measure, and the sentence that says which network is better.

    Args:
        names: of the networks.
    """
    header = ["corpus", "cut", "speakers", "measure", *names, *(f"{name} less {names[0]}" for name in names[1:])]
    lines = [
        [row.source or ".", describe_cut(row.cut), str(row.speakers), COLUMNS[row.measure][0]]
        + [one.as_text(*COLUMNS[row.measure][1:]) for one in row.values]
        + [one.as_text(*COLUMNS[row.measure][1:], sign="+") for one in row.differences]
        for row in rows
    ]
    return "\n".join([aligned([header, *lines], {"speakers"}), "", verdict(rows, names)])


def verdict(rows: Sequence[Comparison], names: Sequence[str]) -> str:
    """Say in a sentence which network is better by the EER of whole utterances, and whether that is noise."""
    row = [row for row in rows if row.measure == EER and row.cut is None][-1]  # the mean, where there is one
    lowest = names[int(np.argmin([one.value for one in row.values]))]
    sentences = [_sentence(row, names[0], name, one) for name, one in zip(names[1:], row.differences)]
    return f"EER of whole utterances, {row.source or 'all'}: lowest with {lowest}; {'; '.join(sentences)}."


def _sentence(row: Comparison, first: str, other: str, difference: Estimate) -> str:
    ends = [100 * end for end in (difference.low, difference.high)]
    if not np.isfinite(difference.low):
        return f"{counted(row.speakers, 'speaker')} can't tell {other} and {first} apart"
    if ends[0] <= 0 <= ends[1]:
        span = difference.as_text(100, sign="+")
        return f"{other} differs from {first} by {span} points, which may be noise: other speakers could turn it around"
    better, worse = (other, first) if difference.value < 0 else (first, other)
    least, most = sorted(map(abs, ends))
    return f"{better} is better than {worse} by {100 * abs(difference.value):.2f} points [{least:.2f}, {most:.2f}]"
