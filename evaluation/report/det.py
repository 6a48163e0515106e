"""DET curves: misses against false alarms at every threshold, for each length.

(Martin et al., "The DET curve in assessment of detection task performance", Eurospeech 1997.)
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import DetCurveDisplay, det_curve

from evaluation.cuts import describe_cut
from evaluation.report.picture import Picture, Table
from evaluation.report.scores import score_norm
from evaluation.report.shown import shown
from evaluation.report.style import SQUARE, figure_with_axes
from evaluation.scored_set import ScoredSet
from inference.cohort import NO_NORM

TOLD = (0.001, 0.01, 0.05, 0.1, 0.2)  # rates of false alarms at which misses are told
SHOWN = -3.2, 0.4  # of both rates, in deviations of a normal distribution: 0.07 to 66 %
MOST_POINTS = 2000  # of a curve among the numbers; more would lie on each other


class Curve(NamedTuple):
    """Rates of errors at each threshold, (thresholds,) each."""

    name: str
    false_alarms: np.ndarray
    misses: np.ndarray
    thresholds: np.ndarray

    def misses_at(self, rate: float) -> float:
        """Return the fewest misses with at most so many false alarms, in percent."""
        return 100 * float(self.misses[self.false_alarms <= rate].min(initial=1.0))

    def told(self) -> str:
        """Say how it runs."""
        return f"{self.misses_at(0.01):.1f} % are missed at 1 % false alarms, {self.misses_at(0.1):.1f} % at 10 %"


def det_picture(sets: Sequence[ScoredSet]) -> Picture:
    """Draw a curve for each length of a source, the longest first, and one of plain cosines where another norm is used.

    Args:
        sets: of one source, each with trials of both kinds.
    """
    curves = [_curve(describe_cut(scored.cut), scored, score_norm(scored)) for scored in sets]
    ends = dict.fromkeys((0, len(curves) - 1))
    told = "; ".join(f"{curves[at].name}: {curves[at].told()}" for at in ends)
    if score_norm(sets[0]) != NO_NORM and NO_NORM in sets[0].scores:
        curves.append(_curve(f"{curves[0].name}, cosines", sets[0], NO_NORM))
    return Picture(
        kind="det",
        about=sets[0].source,
        title=f"DET curves, {shown(sets[0].source)}",
        text=f"Nearer to the lower left is better. {told[0].upper()}{told[1:]}.",
        figure=_figure(curves),
        table=Table(
            ("length", *(f"misses in % at {100 * rate:g} % false alarms" for rate in TOLD)),
            [(curve.name, *(f"{curve.misses_at(rate):.1f}" for rate in TOLD)) for curve in curves],
        ),
        numbers=Table(
            ("length", "threshold", "false_alarms", "misses"),
            [
                (curve.name, float(curve.thresholds[row]), float(curve.false_alarms[row]), float(curve.misses[row]))
                for curve in curves
                for row in _spread(len(curve.misses))
            ],
        ),
    )


def _curve(name: str, scored: ScoredSet, norm: str) -> Curve:
    return Curve(name, *det_curve(scored.same, scored.scores[norm]))


def _figure(curves: Sequence[Curve]) -> Figure:
    figure, axes = figure_with_axes(SQUARE)
    for curve in curves:
        DetCurveDisplay(fpr=curve.false_alarms, fnr=curve.misses).plot(ax=axes, name=curve.name)
    axes.set(xlabel="false alarms: two speakers taken for one", ylabel="misses: one speaker taken for two")
    axes.set(xlim=SHOWN, ylim=SHOWN)
    axes.legend(loc="upper right")
    axes.grid(alpha=0.6)
    return figure


def _spread(count: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).astype(int))
