"""How pictures look: colours that colour-blind people can tell apart, each with a marker or a line of its own.

The colours are of Okabe & Ito, "Color Universal Design" (2008), the light ones darkened until they stand out of white
by 3 : 1 (WCAG 2.2, criterion 1.4.11).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from warnings import catch_warnings, filterwarnings

import matplotlib
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, FAINT = "#1b1b22", "#c9c9d1"  # of axes and words; of grids
BLUE, VERMILION, GREEN, PURPLE, OCHRE = "#0072b2", "#d55e00", "#009e73", "#c2649a", "#9a6a00"
COLORS = (BLUE, VERMILION, GREEN, PURPLE, OCHRE, INK)
MARKERS = ("o", "^", "s", "D", "v", "P", "X")  # one more than colours, so that their pairs repeat late
COLOR_MAP = "cividis"  # rises evenly in lightness, also for colour-blind people (Nuñez et al., 2018)
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
SQUARE, WIDE = (4.6, 4.2), (4.6, 3.2)  # inches
STYLE = {
    "axes.prop_cycle": cycler(color=COLORS) + cycler(linestyle=LINES),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.facecolor": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "grid.color": FAINT,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "path.simplify_threshold": 0.5,
    "svg.fonttype": "none",  # words stay words, to be read out, searched and written in any script
    "text.color": INK,
    "text.parse_math": False,  # a name with two $ is no formula
    "xtick.color": INK,
    "ytick.color": INK,
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw and save figures in this style inside the block."""
    with matplotlib.rc_context(STYLE), catch_warnings():
        filterwarnings(
            "ignore", "Glyph .* missing from font"
        )  # in words that whoever shows the picture has letters for
        yield


def figure_with_axes(size: tuple[float, float]) -> tuple[Figure, Axes]:
    """Make a figure of so many inches with one pair of axes."""
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.add_subplot()
