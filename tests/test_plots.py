"""Curves of a run."""

import pandas as pd
import pytest

from evaluation import plots
from evaluation.plots import plot_curves

PNG = b"\x89PNG\r\n\x1a\n"
SOFTMAX = {"train_loss": [3.0, 2.0], "train_accuracy": [0.1, 0.4], "test_loss": [3.1, 2.5]}
TRIPLET = {"train_loss": [0.2, 0.1], "train_positive_cosine": [0.5, 0.6], "train_active_share": [1.0, 0.5]}


@pytest.mark.parametrize("figures", [SOFTMAX, TRIPLET, {}], ids=["softmax", "triplet", "none"])
def test_a_history_becomes_a_picture(tmp_path, figures):
    rows = {"epoch": [1, 2], "step": [100, 200], "seconds": [1.0, 2.0], "learning_rate": [0.1, 0.05], **figures}
    pd.DataFrame(rows).to_csv(tmp_path / "history.csv", index=False)
    plot_curves(tmp_path / "history.csv", tmp_path / "pictures" / "curves.png")
    assert (tmp_path / "pictures" / "curves.png").read_bytes().startswith(PNG)


def test_a_panel_for_every_kind_of_figure(tmp_path, monkeypatch):
    drawn = {}

    class Figure(plots.Figure):
        def savefig(self, *args, **kwargs):
            drawn.update({axes.get_title(): [line.get_label() for line in axes.lines] for axes in self.axes})
            super().savefig(*args, **kwargs)

    monkeypatch.setattr(plots, "Figure", Figure)
    rows = {"step": [100, 200], "learning_rate": [0.1, 0.05], **SOFTMAX, **TRIPLET}
    pd.DataFrame(rows).to_csv(tmp_path / "history.csv", index=False)
    plot_curves(tmp_path / "history.csv", tmp_path / "curves.png")
    assert drawn.keys() == plots.PANELS.keys()
    assert drawn["loss"] == ["train loss", "test loss"]
    assert drawn["cosine"] == ["train positive cosine"]


def test_a_run_without_history_has_no_curves(tmp_path):
    plot_curves(tmp_path / "history.csv", tmp_path / "curves.png")
    assert not list(tmp_path.iterdir())
