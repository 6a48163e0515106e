"""`--export_model`, as a user calls it."""

import dataclasses

import keras
import pytest
import tiny
from command_line import fail, succeed

from audio.feature_settings import FeatureSettings
from inference.encoder import SpeakerEncoder
from models.checkpoint import load_checkpoint, save_checkpoint

SETTINGS = FeatureSettings()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A network that learnt nothing, with the state of a training."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)  # of some random networks, calibration finds fault with the scores first
    options = tiny.TinyNetworkOptions(feature_size=SETTINGS.size)
    about = {"network": dataclasses.asdict(options), "features": dataclasses.asdict(SETTINGS), "held_out": ["p225"]}
    path = tmp_path_factory.mktemp("run") / "last.npz"
    save_checkpoint(path, tiny.checkpoint(about, tiny.state(options).arrays()))
    return path


def test_a_network_and_a_lean_checkpoint_are_written(checkpoint, cache_template, tmp_path):
    files = tmp_path / "network.onnx", tmp_path / "checkpoint.npz"
    where = ("--checkpoint", checkpoint, "--cache_output_dir", cache_template)
    done = succeed("cli.py", "--export_model", *files, *where, "--test_speakers", "p225,p226,p362")
    assert "network.onnx: network, not calibrated\n" in done.stdout
    assert "the exported network is not calibrated: " in done.stderr  # three speakers are too few, whatever it learnt
    assert SpeakerEncoder(files[0]).calibration is None
    assert "has no cohort, so its scores are plain cosines" in done.stderr
    fingerprints = {SpeakerEncoder(path).fingerprint for path in (*files, checkpoint)}
    assert len(fingerprints) == 1
    assert load_checkpoint(files[1]).part("optimizer") == {}
    (checkpoint.parent / "last.npz.onnx").unlink()


def test_without_speakers_for_it_the_network_is_not_calibrated(checkpoint, tmp_path):
    where = ("--checkpoint", checkpoint, "--cache_output_dir", tmp_path / "nowhere")
    done = succeed("cli.py", "--export_model", tmp_path / "network.onnx", *where)
    assert "not calibrated: no cached utterances" in done.stderr
    assert SpeakerEncoder(tmp_path / "network.onnx").calibration is None


def test_a_checkpoint_is_not_replaced_by_what_is_left_of_it(checkpoint):
    before = checkpoint.read_bytes()
    assert "is what is exported" in fail(2, "cli.py", "--export_model", checkpoint, "--checkpoint", checkpoint)
    assert checkpoint.read_bytes() == before
