"""Beginnings of utterances, each embedded once."""

import numpy as np
from angles import AngleEncoder, cache_of

from evaluation.cuts import describe_cut, embed_cuts, long_enough


class LengthEncoder(AngleEncoder):
    """Embeds a signal as its length and its first sample."""

    def embed_utterances(self, signals):
        super().embed_utterances(signals)
        return np.array([[len(signal), signal[0]] for signal in signals], np.float32)


def mixed(folder, monkeypatch):
    """Three utterances of 3 s, 1.5 s and 2 s."""
    cache = cache_of(folder, {"ann": [10, 20, 30]}, monkeypatch)
    for key, samples in zip(list(cache.utterances), (24_000, 12_000, 16_000)):
        cache.utterances[key] = cache.utterances[key]._replace(samples=samples)
    return cache, list(cache.utterances.values())


def test_shorter_utterances_are_used_whole(tmp_path, monkeypatch):
    cache, utterances = mixed(tmp_path, monkeypatch)
    embeddings, _ = embed_cuts(LengthEncoder(), cache, utterances, [None, 5.0, 2.0, 1.0])
    assert embeddings[..., 0].tolist() == [
        [24_000, 12_000, 16_000],
        [24_000, 12_000, 16_000],
        [16_000, 12_000, 16_000],
        [8_000, 8_000, 8_000],
    ]
    assert (embeddings[..., 1] == [10, 20, 30]).all()


def test_what_is_the_same_for_several_cuts_is_embedded_once(tmp_path, monkeypatch):
    cache, utterances = mixed(tmp_path, monkeypatch)
    encoder = LengthEncoder()
    embed_cuts(encoder, cache, utterances, [None, 5.0, 2.0, 1.0])
    assert sorted(encoder.lengths) == [8_000, 8_000, 8_000, 12_000, 16_000, 16_000, 24_000]


def test_cuts_go_without_whole_utterances(tmp_path, monkeypatch):
    cache, utterances = mixed(tmp_path, monkeypatch)
    assert embed_cuts(LengthEncoder(), cache, utterances, [1.0]).embeddings[..., 0].tolist() == [[8_000] * 3]


def test_who_is_long_enough(tmp_path, monkeypatch):
    _, utterances = mixed(tmp_path, monkeypatch)
    assert [long_enough(utterances, cut) for cut in (None, 5.0, 2.0, 1.0)] == [3, 0, 2, 3]


def test_cuts_in_words():
    assert [describe_cut(cut) for cut in (None, 5.0, 0.5)] == ["whole", "5 s", "0.5 s"]
