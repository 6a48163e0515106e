"""Embeddings that are kept in the cache: used again, made anew where anything differs, forgotten with the voices."""

import numpy as np
import pytest
from angles import AngleEncoder, cache_of
from command_line import succeed

from cache.kept_embeddings import FOLDER, forget_kept, keep, read_kept
from evaluation.cuts import embed_cuts

KEY = "ab" * 32
CUTS = [None, 1.0]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    return cache_of(tmp_path, {"ann": [10, 20, 30]}, monkeypatch)


def test_the_second_time_nothing_is_embedded(cache):
    encoder, utterances = AngleEncoder(), list(cache.utterances.values())
    first = embed_cuts(encoder, cache, utterances, CUTS)
    encoder.lengths.clear()
    second = embed_cuts(encoder, cache, utterances, CUTS)
    assert encoder.lengths == []
    for one, other in zip(first, second):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("what", ["cuts", "network", "speech", "order", "fewer"])
def test_whatever_differs_is_embedded_anew(cache, what):
    encoder, utterances, cuts = AngleEncoder(), list(cache.utterances.values()), CUTS
    embed_cuts(encoder, cache, utterances, cuts)
    encoder.lengths.clear()
    if what == "network":
        encoder.fingerprint = "another"
    elif what == "cuts":
        cuts = [None, 2.0]
    else:
        changed = [utterances[0]._replace(sha256="f" * 64), *utterances[1:]]
        utterances = {"speech": changed, "order": utterances[::-1], "fewer": utterances[1:]}[what]
    found = embed_cuts(encoder, cache, utterances, cuts)
    assert len(encoder.lengths) == 2 * len(utterances)
    assert found.embeddings.shape == (2, len(utterances), 2)


@pytest.mark.parametrize(
    "arrays",
    [
        {"embeddings": np.zeros((2, 3, 4), np.float32)},
        {"embeddings": np.zeros((2, 3, 4)), "seconds": np.zeros((2, 3))},
        {"embeddings": np.zeros((2, 2, 4), np.float32), "seconds": np.zeros((2, 3))},
        {"embeddings": np.full((2, 3, 4), np.nan, np.float32), "seconds": np.zeros((2, 3))},
        {"embeddings": np.zeros((2, 3, 4), np.float32), "seconds": np.full((2, 3), np.inf)},
    ],
)
def test_what_is_no_such_file_is_ignored(tmp_path, arrays):
    (tmp_path / FOLDER).mkdir()
    np.savez(tmp_path / FOLDER / f"{KEY}.npz", **arrays)
    assert read_kept(tmp_path, KEY, (2, 3)) is None
    (tmp_path / FOLDER / f"{KEY}.npz").write_bytes(b"PK\x03\x04 and no more")
    assert read_kept(tmp_path, KEY, (2, 3)) is None


def test_a_cache_that_can_not_be_written_to_keeps_nothing(tmp_path):
    (tmp_path / FOLDER).write_text("a file in its place")
    keep(tmp_path, KEY, np.zeros((1, 1, 2), np.float32), np.zeros((1, 1)))
    assert (tmp_path / FOLDER).read_text() == "a file in its place"
    forget_kept(tmp_path)
    assert (tmp_path / FOLDER).is_file()


def test_only_what_is_ours_is_forgotten(tmp_path):
    keep(tmp_path, KEY, np.zeros((1, 1, 2), np.float32), np.zeros((1, 1)))
    assert (tmp_path / FOLDER / f"{KEY}.npz").stat().st_mode & 0o077 == 0
    (tmp_path / FOLDER / "notes.txt").write_text("mine")
    forget_kept(tmp_path)
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["notes.txt"]
    (tmp_path / FOLDER / "notes.txt").unlink()
    keep(tmp_path, KEY, np.zeros((1, 1, 2), np.float32), np.zeros((1, 1)))
    forget_kept(tmp_path)
    assert not (tmp_path / FOLDER).exists()


def test_embeddings_go_with_a_voice_that_is_deleted(tmp_path, corpus):
    cache = tmp_path / "own"
    where = ("--audio_dir", corpus, "--cache_output_dir", cache)
    succeed("cli.py", "--update_cache", *where)
    keep(cache, KEY, np.zeros((1, 1, 2), np.float32), np.zeros((1, 1)))
    succeed("cli.py", "--update_cache", *where)
    assert (cache / FOLDER).is_dir()
    next((corpus / "p226").iterdir()).unlink()
    succeed("cli.py", "--regenerate_full_cache", "--yes", *where)
    assert not (cache / FOLDER).exists()


def test_embeddings_go_with_a_voice_whose_file_is_gone_already(tmp_path, corpus):
    cache = tmp_path / "own"
    where = ("--audio_dir", corpus, "--cache_output_dir", cache)
    succeed("cli.py", "--update_cache", *where)
    keep(cache, KEY, np.zeros((1, 1, 2), np.float32), np.zeros((1, 1)))
    for path in (*(corpus / "p226").iterdir(), *(cache / "audio").rglob("*.wav")):
        path.unlink()
    assert "lost" in succeed("cli.py", "--update_cache", *where).stderr
    assert not (cache / FOLDER).exists()
