"""Plots as PNG files. The only place that imports matplotlib."""

import io
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from storage.atomic import write_atomically

PANELS = {  # title: columns of history.csv
    "loss": ("train_loss", "test_loss"),
    "accuracy": ("train_accuracy", "test_accuracy", "test_utterance_accuracy"),
    "cosine": ("train_positive_cosine", "train_negative_cosine", "test_positive_cosine", "test_negative_cosine"),
    "active triplets": ("train_active_share", "test_active_share"),
    "learning rate": ("learning_rate",),
}
PANEL_SIZE = 4.5, 3.2  # inches


def plot_curves(history_file: Path, picture: Path) -> None:
    """Draw a run's curves against its steps; without a history, or with one that is not ours, nothing is written.

    Args:
        history_file: history.csv of a run folder.
        picture: PNG file to write.
    """
    if not history_file.is_file():
        return
    try:
        history = pd.read_csv(history_file)
    except ValueError:  # what pandas raises for a file that someone edited
        return
    panels = {title: [c for c in columns if c in history] for title, columns in PANELS.items()}
    panels = {title: columns for title, columns in panels.items() if columns}
    if not panels or "step" not in history:
        return
    figure = Figure(figsize=(PANEL_SIZE[0] * len(panels), PANEL_SIZE[1]), layout="constrained")
    for axes, (title, columns) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items()):
        for column in columns:
            axes.plot(history["step"], history[column], marker=".", label=column.replace("_", " "))
        axes.set(title=title, xlabel="step")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    write_atomically(picture, content.getvalue())
