"""What ONNX Runtime is given, and what it is spared."""

from pathlib import Path

import numpy as np
import pytest
import sealed

from inference.onnx_session import OnnxSession
from models.checkpoint import CheckpointError

TASKS = Path("/proc/self/task")  # a folder for each thread


def test_windows_are_embedded():
    network = OnnxSession(sealed.content(sealed.model(), sealed.description()), "mean")
    windows = np.random.default_rng(0).normal(size=(10, 4, sealed.SIZE)).astype(np.float32)
    np.testing.assert_allclose(network(windows), windows.mean(axis=1), atol=1e-6)


def test_operators_from_elsewhere_are_refused():
    content = sealed.content(sealed.model("Evil", domain="elsewhere"), sealed.description())
    with pytest.raises(CheckpointError, match=r"bad\.onnx is not a network that can be run \(.*Evil"):
        OnnxSession(content, "bad.onnx")


def test_what_is_not_onnx_is_refused():
    with pytest.raises(CheckpointError, match="not a network that can be run"):
        OnnxSession(b"RIFF....WAVE", "bad.onnx")


@pytest.mark.parametrize(
    ("about", "message"), [(None, "no description"), ("{}", "format"), ({"format": "x"}, "format")]
)
def test_metadata_are_required(about, message):
    with pytest.raises(CheckpointError, match=message):
        OnnxSession(sealed.content(sealed.model(), about), "bad.onnx")


def test_what_the_description_lacks_is_named():
    about = sealed.description()
    del about["features"]
    with pytest.raises(
        CheckpointError,
        match=r"bad\.onnx is of another version of this tool \(expected a field 'features'\. Received none\)",
    ):
        OnnxSession(sealed.content(sealed.model(), about), "bad.onnx")


@pytest.mark.parametrize("shape", [{"rank": 2}, {"inputs": 2}])
def test_another_kind_of_network_is_refused(shape):
    with pytest.raises(CheckpointError, match="another kind of network"):
        OnnxSession(sealed.content(sealed.model(**shape), sealed.description()), "bad.onnx")


def test_one_thread_is_used():
    before = len(list(TASKS.iterdir()))
    OnnxSession(sealed.content(sealed.model(), sealed.description()), "mean")
    assert len(list(TASKS.iterdir())) == before


def test_features_that_the_network_does_not_take_are_refused():
    network = OnnxSession(sealed.content(sealed.model("ReduceMean"), sealed.description()), "bad.onnx")
    with pytest.raises(CheckpointError, match=r"bad\.onnx can't be run on these features"):
        network(np.zeros((1, 4, sealed.SIZE + 1), np.float32))
