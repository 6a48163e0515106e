"""The curves of the stages that a network was trained in, a picture for each panel."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from evaluation.plots import SHARES, draw_panel, panels_of, read_history
from evaluation.report.picture import Picture, Table
from evaluation.report.shown import shown
from evaluation.report.style import WIDE, figure_with_axes

HISTORY_SUFFIX = ".history.csv"  # of a published network's files, which stand in one folder
ROWS_TOLD = 12


def curve_pictures(history_file: Path) -> Iterator[Picture]:
    """Draw each panel of a stage's history; a file that is missing or not ours has none."""
    history = read_history(history_file)
    if history is None:
        return
    name = history_file.name
    stage = name.removesuffix(HISTORY_SUFFIX) if name.endswith(HISTORY_SUFFIX) else history_file.parent.name
    for panel, columns in panels_of(history).items():
        numbers = history[["step", *columns]].select_dtypes("number")
        if len(numbers.columns) == 1 + len(columns):
            yield _panel_picture(stage, panel, numbers)


def _panel_picture(stage: str, panel: str, history: pd.DataFrame) -> Picture:
    figure, axes = figure_with_axes(WIDE)
    columns = list(history.columns[1:])
    draw_panel(axes, panel, history, columns)
    axes.set_title("")
    percent = panel in SHARES
    last = history.iloc[-1]
    ends = (f"{column.replace('_', ' ')} {_cell(last[column], percent)}" for column in columns)
    few = history.iloc[np.unique(np.linspace(0, len(history) - 1, min(len(history), ROWS_TOLD)).astype(int))]
    rows = [(f"{row[0]:,.0f}", *(_cell(value, percent) for value in row[1:])) for row in few.to_numpy()]
    table = Table(("step", *(column.replace("_", " ") for column in columns)), rows)
    text = f"After {last['step']:,.0f} steps: {', '.join(ends)}."
    numbers = Table(tuple(history.columns), history.to_numpy().tolist())
    return Picture("curves", stage, f"{shown(stage)}, {panel}", text, figure, table, numbers)


def _cell(value: float, percent: bool) -> str:
    return f"{100 * value:.1f} %" if percent else f"{value:.4g}"
