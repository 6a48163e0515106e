"""How well recordings without names would be sorted by who speaks, at several priors, see `evaluation.clustering`."""

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import adjusted_rand_score

from evaluation.clustering import Thresholds, cluster, purity
from evaluation.report.picture import Picture, Table
from evaluation.report.shown import shown
from evaluation.report.style import WIDE, figure_with_axes
from evaluation.scored_set import ScoredSet
from inference.likelihood_ratio import log_odds
from storage.counting import counted

PRIORS = (0.5, 0.2, 0.1, 0.05, 0.02)  # that two recordings are of one speaker
TOLD = 0.1  # the prior whose figures the text has


def clusters_picture(scored: ScoredSet, ratios: np.ndarray) -> Picture | None:
    """Draw the adjusted Rand index and the purity of groups (Hubert & Arabie, "Comparing partitions", 1985).

    Args:
        scored: with trials of both kinds.
        ratios: log-likelihood ratios of these, natural logarithms, (trials,).

    Returns:
        None where some two of the utterances are in no trial.
    """
    rows = np.union1d(scored.first, scored.second)
    if len(scored.first) != len(rows) * (len(rows) - 1) // 2:
        return None
    sides = (np.searchsorted(rows, side) for side in (scored.first, scored.second))
    matrix = np.zeros((len(rows), len(rows)), np.float32)
    first, second = sides
    matrix[first, second] = matrix[second, first] = ratios
    owners, seconds = scored.owners[rows], scored.seconds[rows]
    found = [_figures(prior, cluster(matrix, seconds, _threshold(prior)), owners) for prior in PRIORS]
    _, rand, pure, people = found[PRIORS.index(TOLD)]
    return Picture(
        kind="clusters",
        about=scored.source,
        title=f"Sorted by who speaks, {shown(scored.source)}",
        text=f"Without their names, {counted(len(rows), 'utterance')} of {len(np.unique(owners))} speakers fall into "
        f"{counted(people, 'group')} at a prior of {TOLD:g}: adjusted Rand index {rand:.2f} (1 is perfect, 0 "
        f"chance), purity {pure:.2f} (the share that is of its group's most frequent speaker).",
        figure=_figure(found),
        table=Table(
            ("prior", "adjusted Rand index", "purity", "groups"),
            [(f"{prior:g}", f"{rand:.3f}", f"{pure:.3f}", people) for prior, rand, pure, people in found],
        ),
        numbers=Table(("prior", "adjusted_rand_index", "purity", "groups"), found),
    )


def _threshold(prior: float) -> Thresholds:
    return Thresholds((), np.array([-log_odds(prior)]))


def _figures(prior: float, labels: np.ndarray, owners: np.ndarray) -> tuple[float, float, float, int]:
    return prior, float(adjusted_rand_score(owners, labels)), purity(labels, owners), len(np.unique(labels))


def _figure(found: list[tuple[float, float, float, int]]) -> Figure:
    figure, axes = figure_with_axes(WIDE)
    priors, rand, pure, _ = zip(*found)
    axes.plot(priors, rand, marker="o", label="adjusted Rand index")
    axes.plot(priors, pure, marker="^", label="purity")
    axes.set(xscale="log", xlabel="prior of one speaker", ylim=(0, 1.05))
    axes.set_xticks(priors, [f"{prior:g}" for prior in priors])
    axes.minorticks_off()
    axes.grid(alpha=0.6)
    axes.legend(loc="lower left")
    return figure
