"""How scores of one speaker and of two are distributed."""

import numpy as np
from matplotlib.figure import Figure

from evaluation.report.picture import Picture, Table
from evaluation.report.scores import equal_error_threshold, main_scores, score_norm
from evaluation.report.shown import shown
from evaluation.report.style import BLUE, INK, VERMILION, WIDE, figure_with_axes
from evaluation.results import SCORES
from evaluation.scored_set import ScoredSet

BINS = 40
QUANTILES = (0.05, 0.5, 0.95)


def histogram_picture(scored: ScoredSet) -> Picture:
    """Draw the distributions over each other, with the threshold of equal errors.

    Args:
        scored: with trials of both kinds.
    """
    scores, threshold = main_scores(scored), equal_error_threshold(scored)
    one, two = scores[scored.same], scores[~scored.same]
    edges = np.histogram_bin_edges(scores, BINS)
    counts = [np.histogram(kind, edges)[0] for kind in (one, two)]
    table = Table(
        ("trials of", "number", "5 % are below", "median", "5 % are above"),
        [_row("one speaker", one), _row("two speakers", two)],
    )
    return Picture(
        kind="scores",
        about=scored.source,
        title=f"Scores, {shown(scored.source)}",
        text="The less the two overlap, the better. Trials of one speaker have a median score of "
        f"{np.median(one):.3f}, those of two {np.median(two):.3f}; errors are equally frequent at {threshold:.3f}.",
        figure=_figure(counts, edges, threshold, f"score ({SCORES[score_norm(scored)]})"),
        table=table,
        numbers=Table(
            ("from", "to", "one_speaker", "two_speakers"),
            [(float(low), float(high), int(a), int(b)) for low, high, a, b in zip(edges, edges[1:], *counts)],
        ),
    )


def _figure(counts: list[np.ndarray], edges: np.ndarray, threshold: float, label: str) -> Figure:
    figure, axes = figure_with_axes(WIDE)
    one, two = (of_kind / of_kind.sum() for of_kind in counts)
    axes.stairs(two, edges, fill=True, label="two speakers", facecolor="none", edgecolor=VERMILION, hatch="////")
    axes.stairs(one, edges, fill=True, label="one speaker", facecolor=BLUE, edgecolor=BLUE, alpha=0.55)
    axes.axvline(threshold, color=INK, linestyle=":", label="equal errors")
    axes.set(xlabel=label, ylabel="share of the trials")
    axes.legend(loc="best")
    return figure


def _row(name: str, scores: np.ndarray) -> tuple[object, ...]:
    return name, len(scores), *(f"{value:.3f}" for value in np.quantile(scores, QUANTILES))
