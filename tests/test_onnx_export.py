"""Keras to ONNX: the same embeddings, and a description that says what they are of."""

import dataclasses
import logging

import keras
import numpy as np
import pytest
import tiny
from command_line import SPEECH
from conftest import VOICES

from audio.feature_settings import FeatureSettings
from audio.mfcc import mfcc
from inference.encoder import SpeakerEncoder
from inference.onnx_session import OnnxSession
from inference.recordings import load_speech
from models.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from models.network import restore_embedder
from models.onnx_export import export_network, with_calibration, without_training_state
from models.onnx_file import BUNDLED, fingerprint

TOLERANCE = 1e-4
SETTINGS = FeatureSettings()
NETWORK = tiny.TinyNetworkOptions(feature_size=SETTINGS.size)
SHAPES = [(1, 16), (7, 16), (70, 16), (2, 1), (3, 333)]  # windows, frames
BUNDLED_CHECKPOINT = BUNDLED.with_name("checkpoint.npz")


def made(normalize=False, seed=1):
    """A tiny network as training would save it, its batch normalisation having seen something."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    options = dataclasses.replace(NETWORK, normalize_embeddings=normalize)
    state = tiny.state(options)
    state.embedder(3 + 2 * np.random.default_rng(0).normal(size=(9, 16, SETTINGS.size)), training=True)
    about = {"network": dataclasses.asdict(options), "features": dataclasses.asdict(SETTINGS)}
    return tiny.checkpoint({**about, "trained_on": ["ann"], "held_out": ["zed"]}, state.arrays())


@pytest.mark.parametrize("normalize", [False, True])
def test_any_batch_of_any_length_gives_what_keras_gives(normalize):
    checkpoint = made(normalize)
    network = OnnxSession(export_network(checkpoint), "made")
    keras.utils.clear_session()
    expected = restore_embedder(checkpoint)
    for windows, frames in SHAPES:
        given = np.random.default_rng(windows).normal(3, 2, (windows, frames, SETTINGS.size)).astype(np.float32)
        np.testing.assert_allclose(network(given), expected(given), atol=TOLERANCE)


def real_speech():
    """Bundled voices, and real ones where there are any."""
    yield from sorted(VOICES.glob("p36?/*_001.flac"))
    yield from sorted(SPEECH.glob("*/*/*_00[12].*"))[:60:3]


def test_the_bundled_network_agrees_with_keras_on_speech():
    checkpoint = load_checkpoint(BUNDLED_CHECKPOINT)
    encoder = SpeakerEncoder()
    expected = restore_embedder(checkpoint)
    for path in real_speech():
        features = mfcc(load_speech(path).signal, encoder.features)
        np.testing.assert_allclose(encoder._session(features[None]), expected(features[None]), atol=TOLERANCE)


def test_the_bundled_files_are_of_one_network_and_small():
    checkpoint = load_checkpoint(BUNDLED_CHECKPOINT)
    assert SpeakerEncoder().fingerprint == fingerprint(checkpoint)
    assert BUNDLED_CHECKPOINT.stat().st_size <= 600_000
    assert {name.partition("/")[0] for name in checkpoint.arrays} == {"embedder", "normalization"}


def test_the_description_says_what_it_is_of():
    checkpoint = made()
    about = OnnxSession(export_network(checkpoint, "abc"), "made").description
    assert about.fingerprint == fingerprint(checkpoint)
    assert about.features == dataclasses.asdict(SETTINGS)
    assert about.network.window_frames == NETWORK.window_frames
    assert (about.trained_on, about.held_out, about.checkpoint_sha256) == (("ann",), ("zed",), "abc")
    for name in ("mean", "deviation"):
        assert list(getattr(about.normalization, name)) == checkpoint.arrays[f"normalization/{name}"].tolist()
    assert (about.stage, about.calibration, about.cohort) == ("softmax", None, None)


def test_a_calibration_is_added_and_nothing_else_changes():
    plain = export_network(made())
    calibrated = with_calibration(plain, {"weights": [1.0]})
    before, after = OnnxSession(plain, "a"), OnnxSession(calibrated, "b")
    assert after.description == dataclasses.replace(before.description, calibration={"weights": [1.0]})
    given = np.ones((1, 16, SETTINGS.size), np.float32)
    np.testing.assert_array_equal(after(given), before(given))


def test_the_training_s_state_is_left_out():
    checkpoint = made()
    lean = without_training_state(checkpoint)
    assert not lean.part("optimizer") and not lean.part("head")
    assert fingerprint(lean) == fingerprint(checkpoint)


def test_a_checkpoint_is_exported_once_and_again_when_it_has_changed(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    path = tmp_path / "last.npz"
    save_checkpoint(path, made())
    first = SpeakerEncoder(path)
    assert (tmp_path / "last.npz.onnx").read_bytes() == first.exported
    caplog.clear()
    assert SpeakerEncoder(path).fingerprint == first.fingerprint
    assert "exporting" not in caplog.text
    save_checkpoint(path, made(seed=2))
    assert SpeakerEncoder(path).fingerprint != first.fingerprint
    assert "exporting" in caplog.text


def test_a_damaged_export_of_a_checkpoint_is_made_again(tmp_path, caplog):
    save_checkpoint(tmp_path / "last.npz", made())
    (tmp_path / "last.npz.onnx").write_bytes(b"torn")
    encoder = SpeakerEncoder(tmp_path / "last.npz")
    assert "last.npz.onnx is damaged" in caplog.text
    assert SpeakerEncoder(tmp_path / "last.npz.onnx").fingerprint == encoder.fingerprint


def test_where_the_export_can_not_be_kept_it_serves_all_the_same(tmp_path, caplog):
    save_checkpoint(tmp_path / "last.npz", made())
    (tmp_path / "last.npz.onnx").mkdir()  # root may write to any folder, but not over one
    encoder = SpeakerEncoder(tmp_path / "last.npz")
    assert "can't be kept" in caplog.text
    assert encoder.embed_utterance(VOICES / "p225" / "p225_001.flac").shape == (NETWORK.embedding_size,)


def test_a_network_larger_than_its_weights_is_refused():
    checkpoint = made()
    network = dataclasses.replace(checkpoint.description.network, gru_units=4000)
    description = dataclasses.replace(checkpoint.description, network=network)
    with pytest.raises(CheckpointError, match="does not fit"):
        export_network(dataclasses.replace(checkpoint, description=description))


def test_weights_that_do_not_fit_are_refused():
    checkpoint = made()
    checkpoint.arrays["embedder/embedding/kernel"] = np.zeros((2, 2), np.float32)
    with pytest.raises(CheckpointError, match="does not fit"):
        export_network(checkpoint)
