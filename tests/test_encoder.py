"""From features and signals to embeddings."""

import dataclasses
import itertools

import keras
import numpy as np
import pytest
import sealed
import tiny
from feature_settings import NONSENSE

from audio.feature_settings import FeatureSettings
from audio.mfcc import mfcc
from inference.embedding import mean_embedding, unit
from inference.encoder import SpeakerEncoder
from models.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from models.network import restore_embedder

SETTINGS = FeatureSettings()
NETWORK = tiny.TinyNetworkOptions(feature_size=SETTINGS.size)
LENGTHS = (5, 16, 17, 40, 90)  # frames; windows have 16


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    description = {
        "network": dataclasses.asdict(NETWORK),
        "features": dataclasses.asdict(SETTINGS),
        "trained_on": ["ann", "bob"],
        "held_out": ["zed"],
    }
    path = tmp_path_factory.mktemp("encoder") / "last.npz"
    save_checkpoint(path, tiny.checkpoint(description, tiny.state(NETWORK).arrays()))
    return path


def load(path):
    keras.utils.clear_session()
    return SpeakerEncoder(path)


@pytest.fixture(scope="module")
def encoder(checkpoint):
    return load(checkpoint)


def utterances(seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, SETTINGS.size)).astype(np.float32) for length in LENGTHS]


def test_the_checkpoint_tells_who_trained_it(encoder):
    assert encoder.trained_on == {"ann", "bob"}
    assert encoder.held_out == ("zed",)
    assert encoder.features == SETTINGS


def test_embeddings_have_length_1(encoder):
    embeddings = encoder.embed_features(utterances())
    assert embeddings.shape == (len(LENGTHS), NETWORK.embedding_size)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)


def test_an_embedding_does_not_depend_on_the_others_of_the_call(encoder):
    given = utterances()
    together = encoder.embed_features(given)
    alone = np.concatenate([encoder.embed_features([u]) for u in given])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(encoder.embed_features(given[::-1])[::-1], together, atol=1e-6)


def test_the_network_sees_an_utterance_whole(checkpoint, encoder):
    network = restore_embedder(load_checkpoint(checkpoint))
    for given in utterances()[1:]:
        np.testing.assert_allclose(encoder.embed_features([given]), unit(network(given[None]).numpy()), atol=1e-5)


def test_a_short_utterance_is_repeated(encoder):
    short = utterances()[0]
    repeated = np.concatenate([short] * 4)[:16]
    np.testing.assert_allclose(encoder.embed_features([short]), encoder.embed_features([repeated]), atol=1e-6)


def test_signals_are_embedded_by_their_features(encoder):
    rng = np.random.default_rng(3)
    signals = [rng.normal(0, 3000, size).astype(np.int16) for size in (900, 8000)]
    expected = encoder.embed_features([mfcc(signal, SETTINGS) for signal in signals])
    np.testing.assert_allclose(encoder.embed_utterances(signals), expected, atol=1e-6)


def test_different_utterances_have_different_embeddings(encoder):
    for a, b in itertools.combinations(encoder.embed_features(utterances()), 2):
        assert encoder.similarity(a, b) < 1 - 1e-6


@pytest.mark.parametrize("lacking", ["network", "features", "trained_on", "held_out"])
def test_a_checkpoint_that_lacks_something_is_refused(checkpoint, tmp_path, lacking):
    path = tiny.edit_checkpoint(checkpoint, tmp_path / "a.npz", **{lacking: None})
    with pytest.raises(CheckpointError, match=f"another version .*expected a field '{lacking}'"):
        load(path)


def test_a_network_of_another_version_is_refused(checkpoint, tmp_path):
    path = tiny.edit_checkpoint(checkpoint, tmp_path / "a.npz", network={"lstm_units": 3})
    with pytest.raises(CheckpointError, match="another version"):
        load(path)


@pytest.mark.parametrize("features", [*NONSENSE, 5, None, [1], {"unknown": 1}], ids=str)
def test_feature_settings_without_sense_are_refused_in_a_line(features):
    content = sealed.content(sealed.model(), sealed.description(features=features))
    with pytest.raises(CheckpointError, match=r"^the network is of another version of this tool \([^\n]*\)$"):
        SpeakerEncoder.from_exported(content)


def test_feature_settings_without_sense_in_a_checkpoint_are_refused(checkpoint, tmp_path):
    features = {**dataclasses.asdict(SETTINGS), "num_filters": 10**9}
    with pytest.raises(CheckpointError, match=r"expected num_filters from 1 to 128\. Received 1000000000"):
        load(tiny.edit_checkpoint(checkpoint, tmp_path / "a.npz", features=features))


@pytest.mark.parametrize("names", [None, "ann", [1], [["vctk", "p225"]], {"ann": 1}], ids=str)
@pytest.mark.parametrize("field", ["trained_on", "held_out"])
def test_speakers_without_names_are_refused(field, names):
    content = sealed.content(sealed.model(), sealed.description(**{field: names}))
    with pytest.raises(CheckpointError, match=rf"another version of this tool \(expected .*{field}"):
        SpeakerEncoder.from_exported(content)


@pytest.mark.parametrize("frames", [0, -1, 10**9, float("inf"), 2.5, True, None, "16", [16]], ids=str)
def test_windows_without_sense_are_refused(frames):
    about = sealed.description()
    about["network"]["window_frames"] = frames
    with pytest.raises(CheckpointError, match=r"another version of this tool \(expected window_frames "):
        SpeakerEncoder.from_exported(sealed.content(sealed.model(), about))


def test_signals_are_analysed_with_the_fft_of_the_checkpoint(checkpoint, tmp_path):
    settings = FeatureSettings.fitting(64)
    path = tiny.edit_checkpoint(checkpoint, tmp_path / "a.npz", features=dataclasses.asdict(settings))
    encoder = load(path)
    signal = np.random.default_rng(3).normal(0, 3000, 8000).astype(np.int16)
    assert encoder.features.fft_size == 512
    expected = encoder.embed_features([mfcc(signal, settings)])
    np.testing.assert_array_equal(encoder.embed_utterances([signal]), expected)


def test_weights_that_do_not_fit_are_refused(checkpoint, tmp_path):
    arrays = {"embedder/embedding/kernel": np.zeros((2, 2), np.float32)}
    with pytest.raises(CheckpointError, match="does not fit"):
        load(tiny.edit_checkpoint(checkpoint, tmp_path / "a.npz", arrays))


@pytest.mark.parametrize("value", [0, np.nan])
def test_a_broken_network_gives_no_embeddings(checkpoint, tmp_path, value):
    names = {
        "embedder/embedding/kernel": (2 * NETWORK.gru_units, NETWORK.embedding_size),
        "embedder/embedding/bias": (8,),
    }
    arrays = {name: np.full(shape, value, np.float32) for name, shape in names.items()}
    broken = load(tiny.edit_checkpoint(checkpoint, tmp_path / "a.npz", arrays))
    with pytest.raises(CheckpointError, match="without direction"):
        broken.embed_features(utterances())


def test_unit_and_mean():
    np.testing.assert_allclose(unit(np.array([[3.0, 4.0], [0.0, -2.0]])), [[0.6, 0.8], [0, -1]])
    np.testing.assert_allclose(mean_embedding(np.array([[1.0, 0.0], [0.0, 1.0]])), [0.5**0.5, 0.5**0.5])
