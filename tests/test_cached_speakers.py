"""Speakers from a cache, and how far apart they are."""

import numpy as np
import pytest
from angles import AngleEncoder, cache_of

from corpus.recording import Speaker
from inference.cached_speakers import (
    SpeakerEmbeddings,
    different_speaker_distance,
    embed_cached_speaker,
    same_speaker_distance,
    save_embeddings,
)
from inference.embedding import mean_embedding
from storage.errors import UserError

ANGLES = {"ann": [0, 20, 10, 40], "bob": [90, 100], "cid": [45]}


@pytest.fixture
def speakers(tmp_path, monkeypatch):
    cache = cache_of(tmp_path, ANGLES, monkeypatch)
    return {name: embed_cached_speaker(AngleEncoder(), cache, Speaker("", name)) for name in ANGLES}


def cosine(degrees):
    return np.cos(np.radians(degrees))


def test_every_utterance_is_embedded_in_order_of_name(speakers):
    assert speakers["ann"].utterances == ("000", "001", "002", "003")
    np.testing.assert_allclose(speakers["ann"].embeddings[:, 0], cosine(np.array(ANGLES["ann"])), atol=1e-6)
    assert np.linalg.norm(speakers["ann"].mean) == pytest.approx(1)


def test_sap_by_hand(speakers):
    # halves of ann: 0 and 10 degrees, mean 5; 20 and 40, mean 30
    assert same_speaker_distance(speakers["ann"]) == pytest.approx(1 - cosine(25), abs=1e-6)
    assert same_speaker_distance(speakers["bob"]) == pytest.approx(1 - cosine(10), abs=1e-6)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_saps_halves_share_no_utterance_and_leave_none_out(count, monkeypatch):
    halves = []

    def noting(embeddings):
        halves.append({int(row.argmax()) for row in embeddings})
        return mean_embedding(embeddings)

    monkeypatch.setattr("inference.cached_speakers.mean_embedding", noting)
    same_speaker_distance(SpeakerEmbeddings(Speaker("", "x"), ("u",) * count, np.eye(count, dtype=np.float32)))
    first, second = halves
    assert not first & second
    assert first | second == set(range(count))


def test_san_by_hand(speakers):
    assert different_speaker_distance(speakers["bob"], speakers["cid"]) == pytest.approx(1 - cosine(50), abs=1e-6)
    assert different_speaker_distance(speakers["cid"], speakers["bob"]) == pytest.approx(1 - cosine(50), abs=1e-6)


def test_one_utterance_can_not_be_compared_with_itself(speakers):
    with pytest.raises(UserError, match="'cid' has one utterance; two are needed"):
        same_speaker_distance(speakers["cid"])


def test_of_two_people_of_one_name_one_is_embedded(tmp_path, monkeypatch):
    cache = cache_of(tmp_path, {"libri/s1": [0, 10], "so/s1": [90]}, monkeypatch)
    embedded = embed_cached_speaker(AngleEncoder(), cache, Speaker("so", "s1"))
    assert embedded.embeddings == pytest.approx(np.array([[0, 1]]), abs=1e-6)


def test_saved_embeddings_come_back_without_pickle(tmp_path, speakers):
    save_embeddings(tmp_path / "out" / "ann.npz", speakers["ann"])
    with np.load(tmp_path / "out" / "ann.npz", allow_pickle=False) as saved:
        assert list(saved["utterances"]) == ["000", "001", "002", "003"]
        np.testing.assert_array_equal(saved["embeddings"], speakers["ann"].embeddings)
        np.testing.assert_array_equal(saved["embedding"], speakers["ann"].mean)
