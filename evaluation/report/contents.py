"""What goes into a report: the pictures of each source and each stage, and the worst trials."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.cuts import long_enough
from evaluation.report.clusters import clusters_picture
from evaluation.report.confusion import confusion_picture
from evaluation.report.det import det_picture
from evaluation.report.embedding_map import FEWEST_POINTS, map_picture
from evaluation.report.histogram import histogram_picture
from evaluation.report.picture import Picture
from evaluation.report.reliability import reliability_picture
from evaluation.report.scores import has_both_kinds, ratios_of
from evaluation.report.training_curves import curve_pictures
from evaluation.report.worst_trials import WorstTrial, worst_trials
from evaluation.scored_set import ScoredSet
from storage.progress import tracked

MOST_POINTS = 300  # of a map


@dataclass(frozen=True)
class Contents:
    """Pictures and trials, in the order of a report."""

    sets: tuple[ScoredSet, ...]  # the longest of each source
    sources: dict[str, list[Picture]]  # by corpus or trial list
    left_out: list[str]  # sources without pictures: there are too many, or they lack trials of one kind
    worst: list[WorstTrial]
    stages: list[Picture]


def contents_of(
    sets: Sequence[ScoredSet],
    histories: Sequence[Path],
    most_sources: int | None = None,
    most_points: int = MOST_POINTS,
) -> Contents:
    """Draw everything.

    Args:
        sets: each source at each length.
        histories: history.csv of each stage.
        most_sources: how many sources get pictures, those with the most trials; None for all.
        most_points: of each map.
    """
    by_source: dict[str, list[ScoredSet]] = {}
    for scored in sets:
        if long_enough(scored.utterances, scored.cut):  # else it is the whole utterances once more
            by_source.setdefault(scored.source, []).append(scored)
    longest_first = {source: sorted(of_source, key=_shortness) for source, of_source in by_source.items()}
    complete = {
        source: kept for source, of_source in longest_first.items() if (kept := [*filter(has_both_kinds, of_source)])
    }
    by_trials = sorted(complete, key=lambda source: -len(complete[source][0].first))[:most_sources]
    drawn = [source for source in complete if source in by_trials]
    return Contents(
        sets=tuple(of_source[0] for of_source in longest_first.values()),
        sources={
            source: list(_pictures(complete[source], most_points))
            for source in tracked(drawn, "draw", len(drawn), "corpus")
        },
        left_out=[source for source in by_source if source not in drawn],
        worst=worst_trials([of_source[0] for of_source in complete.values()]),
        stages=[picture for history in histories for picture in curve_pictures(history)],
    )


def _pictures(sets: list[ScoredSet], most_points: int) -> Iterator[Picture]:
    whole = sets[0]
    yield det_picture(sets)
    yield histogram_picture(whole)
    if (ratios := ratios_of(whole)) is not None:
        yield reliability_picture(whole, ratios)
    if len(whole.utterances) >= FEWEST_POINTS:
        yield map_picture(whole, most_points)
    if len(np.unique(whole.owners)) > 1:
        yield confusion_picture(whole)
    if ratios is not None and (clusters := clusters_picture(whole, ratios)) is not None:
        yield clusters


def _shortness(scored: ScoredSet) -> float:
    return -np.inf if scored.cut is None else -scored.cut
