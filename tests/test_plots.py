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


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are saved, in order."""
    figures = []

    class Figure(plots.Figure):
        def savefig(self, *args, **kwargs):
            super().savefig(*args, **kwargs)
            figures.append(self)

    monkeypatch.setattr(plots, "Figure", Figure)
    return figures


def draw(folder, rows, **kwargs):
    folder.mkdir(exist_ok=True)
    pd.DataFrame(rows).to_csv(folder / "history.csv", index=False)
    plot_curves(folder / "history.csv", folder / "curves.png", **kwargs)


def test_a_panel_for_every_kind_of_curve(tmp_path, drawn):
    draw(tmp_path, {"step": [100, 200], "learning_rate": [0.1, 0.05], **SOFTMAX, **TRIPLET})
    labels = {axes.get_title(): [line.get_label() for line in axes.lines] for axes in drawn[0].axes}
    assert labels.keys() == plots.PANELS.keys()
    assert labels["loss"] == ["train loss", "test loss"]
    assert labels["cosine"] == ["train positive cosine"]


def test_the_title_is_the_stage_unless_another_is_given(tmp_path, drawn):
    draw(tmp_path / "softmax_fine", {"step": [100, 200], **SOFTMAX})
    draw(tmp_path / "triplet", {"step": [100], "train_loss": [0.1]}, title="triplets of mine")
    assert [figure.get_suptitle() for figure in drawn] == ["softmax_fine, 2 epochs", "triplets of mine, 1 epoch"]


def test_legends_stand_outside_the_curves_and_inside_the_picture(tmp_path, drawn):
    draw(tmp_path, {"step": [100, 200], "learning_rate": [0.1, 0.05], **SOFTMAX, **TRIPLET})
    picture = drawn[0].bbox
    for axes in drawn[0].axes:
        legend = axes.get_legend().get_window_extent()
        assert not legend.overlaps(axes.get_window_extent())
        assert picture.contains(legend.x0, legend.y0) and picture.contains(legend.x1, legend.y1)


@pytest.mark.parametrize(("epochs", "marker"), [(3, "."), (plots.MOST_MARKERS, "."), (360, "")])
def test_many_epochs_have_no_markers(tmp_path, drawn, epochs, marker):
    draw(tmp_path, {"step": range(epochs), "train_loss": range(epochs)})
    assert drawn[0].axes[0].lines[0].get_marker() == marker


def test_a_run_without_history_has_no_curves(tmp_path):
    plot_curves(tmp_path / "history.csv", tmp_path / "curves.png")
    assert not list(tmp_path.iterdir())
