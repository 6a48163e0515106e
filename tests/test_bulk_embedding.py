"""Recordings in numbers: which are found, embedded and saved."""

import csv
import shutil

import numpy as np
import pytest
from conftest import SPEAKERS, copy_voices

from inference import bulk_embedding
from inference.bulk_embedding import FEWEST_SHARED, embed_files
from inference.embedding import Embedding
from inference.embeddings_file import check_output, write_embeddings
from inference.encoder import SpeakerEncoder
from inference.recording_files import find_files
from inference.recordings import RecordingError
from storage.errors import UserError


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    """Nine recordings in three folders, and files of other kinds."""
    folder = copy_voices(tmp_path_factory.mktemp("batch") / "voices", SPEAKERS, 3)
    (folder / "notes.txt").write_text("not for us")
    (folder / SPEAKERS[0] / ".hidden.flac").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def encoder():
    return SpeakerEncoder()


def test_folders_are_searched_at_any_depth(voices):
    files, named = find_files([str(voices)])
    assert files == sorted(str(path) for path in voices.glob("p*/p*.flac"))
    assert named == set()


def test_files_stand_once_and_in_order(voices):
    first = str(voices / SPEAKERS[1] / f"{SPEAKERS[1]}_001.flac")
    files, named = find_files([first, "-", str(voices), first])
    assert files[:2] == [first, "-"]
    assert len(files) == len(set(files)) == 10
    assert named == {first, "-"}


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(RecordingError, match="no recording in this folder"):
        find_files([str(tmp_path)])


@pytest.mark.parametrize("workers", [1, 2])
def test_embeddings_are_those_of_each_file(voices, encoder, workers):
    files, _ = find_files([str(voices)])
    assert len(files) >= FEWEST_SHARED
    embeddings, used = embed_files(encoder, files, set(), workers)
    assert used == files
    expected = np.stack([encoder.embed_utterance(file) for file in files])
    np.testing.assert_allclose(embeddings, expected, atol=1e-6)
    assert embeddings.dtype == np.float32


def test_bad_files_in_folders_are_left_out_and_named(voices, encoder, tmp_path, caplog):
    folder = shutil.copytree(voices, tmp_path / "voices")
    (folder / "a.wav").write_text("not audio")
    files, named = find_files([str(folder)])
    _, used = embed_files(encoder, files, named, 1)
    assert files == [str(folder / "a.wav"), *used]
    assert "skipped " in caplog.text
    assert "a.wav: not readable as audio" in caplog.text


def test_a_bad_file_that_was_named_is_a_mistake(encoder, tmp_path):
    (tmp_path / "a.wav").write_text("not audio")
    files, named = find_files([str(tmp_path / "a.wav")])
    with pytest.raises(RecordingError, match=r"a\.wav: not readable"):
        embed_files(encoder, files, named, 1)
    with pytest.raises(RecordingError, match="of 1 recording none can be used"):
        embed_files(encoder, files, set(), 1)


NAMES = ["a.wav", 'b, "c".wav', "caf\udce9.wav"]  # the last one as the file system has it, in Latin-1
EMBEDDINGS = np.random.default_rng(0).normal(size=(len(NAMES), 5)).astype(np.float32)


def test_npz_comes_back(tmp_path):
    write_embeddings(tmp_path / "new" / "x.npz", EMBEDDINGS, NAMES)
    with np.load(tmp_path / "new" / "x.npz", allow_pickle=False) as saved:
        assert saved["files"].tolist() == NAMES
        assert saved["embeddings"].dtype == np.float32
        np.testing.assert_array_equal(saved["embeddings"], EMBEDDINGS)


def test_csv_comes_back(tmp_path):
    write_embeddings(tmp_path / "x.csv", EMBEDDINGS, NAMES)
    with open(tmp_path / "x.csv", newline="", encoding="utf-8", errors="surrogateescape") as file:
        header, *rows = csv.reader(file)
    assert header == ["file", "e0", "e1", "e2", "e3", "e4"]
    assert [row[0] for row in rows] == NAMES
    np.testing.assert_array_equal(np.array([row[1:] for row in rows], np.float32), EMBEDDINGS)


@pytest.mark.parametrize(("name", "message"), [("x.txt", r"\.npz or \.csv"), ("", "is a folder")])
def test_other_outputs_are_refused(tmp_path, name, message):
    with pytest.raises(UserError, match=message):
        check_output(tmp_path / name)


@pytest.mark.parametrize(
    ("files", "workers"),
    [
        (["a.wav"] * FEWEST_SHARED, 3),
        (["a.wav"] * (FEWEST_SHARED - 1), 1),  # quicker alone
        (["a.wav"] * FEWEST_SHARED + ["-"], 1),  # standard input is this process's
    ],
)
def test_many_files_are_shared_out_among_workers(encoder, monkeypatch, files, workers):
    asked_for = []

    def noting(_function, items, workers, _chunk):
        asked_for.append(workers)
        return (Embedding(np.ones(1, np.float32), 1.0) for _ in items)

    monkeypatch.setattr(bulk_embedding, "parallel_map", noting)
    embed_files(encoder, files, set(), 3)
    assert asked_for == [workers]
