"""The curves of a run, as a PNG file and panel by panel for reports."""

import io
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter, StrMethodFormatter

from storage.atomic import write_atomically
from storage.counting import counted

PANELS = {  # title: columns of history.csv
    "loss": ("train_loss", "test_loss"),
    "accuracy": ("train_accuracy", "test_accuracy", "test_utterance_accuracy"),
    "cosine": ("train_positive_cosine", "train_negative_cosine", "test_positive_cosine", "test_negative_cosine"),
    "active triplets": ("train_active_share", "test_active_share"),
    "learning rate": ("learning_rate",),
}
SHARES = ("accuracy", "active triplets")  # panels whose values are shares, shown in percent
PANEL_SIZE = 4.2, 3.8  # inches, legend included
DOTS_PER_INCH = 110
MOST_MARKERS = 30  # epochs; of more, the line alone is drawn


def plot_curves(history_file: Path, picture: Path, title: str | None = None) -> None:
    """Draw a run's curves against its steps; without a history, or with one that is not ours, nothing is written.

    Args:
        history_file: history.csv of a run folder.
        picture: PNG file to write.
        title: above all panels; by default the name of the run folder, which is that of the stage.
    """
    if (history := read_history(history_file)) is None:
        return
    panels = panels_of(history)
    figure = Figure(figsize=(PANEL_SIZE[0] * len(panels), PANEL_SIZE[1]), layout="constrained")
    figure.suptitle(f"{title or history_file.parent.name}, {counted(len(history), 'epoch')}")
    for axes, (panel, columns) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items()):
        draw_panel(axes, panel, history, columns)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DOTS_PER_INCH)
    write_atomically(picture, content.getvalue())


def read_history(history_file: Path) -> pd.DataFrame | None:
    """Read a run's history; None where there is none, or one that has nothing to draw."""
    if not history_file.is_file():
        return None
    try:
        history = pd.read_csv(history_file)
    except ValueError:  # what pandas raises for a file that someone edited
        return None
    return history if "step" in history and panels_of(history) else None


def panels_of(history: pd.DataFrame) -> dict[str, list[str]]:
    """Return the columns that a history has of each panel."""
    panels = {panel: [c for c in columns if c in history] for panel, columns in PANELS.items()}
    return {panel: columns for panel, columns in panels.items() if columns}


def draw_panel(axes: Axes, panel: str, history: pd.DataFrame, columns: list[str]) -> None:
    """Draw a panel, with its legend below the curves."""
    marker = "." if len(history) <= MOST_MARKERS else ""
    for column in columns:
        axes.plot(history["step"], history[column], marker=marker, label=column.replace("_", " "))
    axes.set(title=panel, xlabel="step")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.locator_params(axis="x", nbins=5)
    if panel in SHARES:
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    axes.grid(alpha=0.3)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2, fontsize="small", frameon=False)
