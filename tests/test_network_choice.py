"""Which network is taken."""

import pytest

from inference.network_choice import find_checkpoint, find_or_bundled
from models.checkpoint import CheckpointError
from models.onnx_file import BUNDLED


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (("softmax",), "softmax"),
        (("softmax", "triplet"), "triplet"),
        (("softmax", "softmax_frozen"), "softmax"),
        (("softmax", "softmax_fine"), "softmax_fine"),
        (("adapted", "triplet"), "adapted"),
    ],
)
def test_the_most_advanced_stage_is_taken(tmp_path, there, expected):
    for stage in there:
        (tmp_path / stage).mkdir()
        (tmp_path / stage / "last.npz").touch()
    assert find_checkpoint(tmp_path) == tmp_path / expected / "last.npz"


@pytest.mark.parametrize("there", ["triplet.1", "softmax_frozen", "softmax"])
def test_without_a_usable_stage_the_way_out_is_told(tmp_path, there):
    (tmp_path / there).mkdir()
    (tmp_path / there / "best.npz").touch()
    with pytest.raises(
        CheckpointError, match=r"no trained network in .*triplet/last\.npz.*--loss_on_softmax.*--checkpoint"
    ):
        find_checkpoint(tmp_path)


def test_the_bundled_network_serves_where_nothing_was_trained(tmp_path):
    assert find_or_bundled(tmp_path) == BUNDLED
    (tmp_path / "triplet").mkdir()
    (tmp_path / "triplet" / "last.npz").touch()
    assert find_or_bundled(tmp_path) == tmp_path / "triplet" / "last.npz"
