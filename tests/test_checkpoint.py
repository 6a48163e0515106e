"""Checkpoints on disk: whole, refused, or as they were."""

import errno
import io
import zipfile

import numpy as np
import pytest
import tiny

from models.checkpoint import DESCRIPTION, FORMAT, CheckpointError, load_checkpoint, save_checkpoint

RNG = np.random.default_rng(0)
SMALL = tiny.checkpoint(
    {"stage": "softmax", "step": 12, "best": float("inf"), "speakers": ["ann", "Çelik"]},
    {"embedder/conv_1/kernel": RNG.normal(size=(3, 2)).astype(np.float32), "head/kernel": np.arange(4, dtype=np.int64)},
)


@pytest.fixture
def saved(tmp_path):
    save_checkpoint(tmp_path / "last.npz", SMALL)
    return tmp_path / "last.npz"


def same(a, b):
    return a.keys() == b.keys() and all(a[k].dtype == b[k].dtype and np.array_equal(a[k], b[k]) for k in a)


def test_what_is_saved_comes_back(saved):
    loaded = load_checkpoint(saved)
    assert loaded.description == SMALL.description
    assert same(loaded.arrays, SMALL.arrays)


def test_a_part_is_named_without_its_prefix():
    assert list(SMALL.part("embedder")) == ["conv_1/kernel"]
    assert SMALL.part("optimizer") == {}


def test_network_head_and_optimizer_come_back(tmp_path):
    import keras

    keras.utils.clear_session()
    state = tiny.state()
    grads = [np.full(v.shape, 0.5, np.float32) for v in state.trainable_variables]
    state.optimizer.apply(grads, state.trainable_variables)
    expected = state.arrays()
    save_checkpoint(tmp_path / "a.npz", tiny.checkpoint({}, expected))
    keras.utils.clear_session()
    other = tiny.state()
    assert not same(other.arrays(), expected)
    other.restore(load_checkpoint(tmp_path / "a.npz"))
    assert same(other.arrays(), expected)
    assert int(other.optimizer.iterations) == 1
    assert any(name.startswith("optimizer/") and name.endswith("momentum") for name in expected)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*none\.npz"):
        load_checkpoint(tmp_path / "none.npz")


def test_a_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(saved, share):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match="damaged or not a checkpoint"):
        load_checkpoint(saved)


def test_a_flipped_byte_in_the_weights_is_noticed(saved):
    content = bytearray(saved.read_bytes())
    at = content.index(SMALL.arrays["embedder/conv_1/kernel"].tobytes())
    content[at] ^= 0xFF
    saved.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(saved)


@pytest.mark.parametrize("content", [b"not weights\n", b"\x80\x05K\x01.", b"PK\x03\x04rest", bytes(300)])
def test_another_kind_of_file_is_refused(saved, content):
    saved.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged or not a checkpoint"):
        load_checkpoint(saved)


def test_a_single_array_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3))
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / "a.npy")


def test_an_archive_with_other_files_is_refused(saved):
    with zipfile.ZipFile(saved, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(CheckpointError):
        load_checkpoint(saved)


def test_a_foreign_npz_is_refused(saved):
    np.savez(saved, weights=np.ones(3))
    with pytest.raises(CheckpointError, match="damaged or not a checkpoint"):
        load_checkpoint(saved)


@pytest.mark.parametrize("text", ["[1, 2]", "{}", '{"format": "deep-speaker-checkpoint-0"}', "3"])
def test_another_format_is_refused(saved, text):
    np.savez(saved, **{DESCRIPTION: np.array(text)})
    with pytest.raises(CheckpointError, match=f"not a checkpoint of the format {FORMAT}"):
        load_checkpoint(saved)


class Bomb:
    went_off = False

    def __reduce__(self):
        return (setattr, (Bomb, "went_off", True))


def test_a_pickled_object_is_refused_and_not_run(saved):
    content = io.BytesIO()
    np.savez(content, allow_pickle=True, **{DESCRIPTION: np.array([Bomb()], dtype=object)})
    saved.write_bytes(content.getvalue())
    with pytest.raises(CheckpointError, match="damaged or not a checkpoint"):
        load_checkpoint(saved)
    assert not Bomb.went_off


def test_an_object_array_is_not_saved(saved):
    before = saved.read_bytes()
    with pytest.raises(ValueError, match="Object arrays"):
        save_checkpoint(saved, tiny.checkpoint({}, {"a": np.array([object()])}))
    assert saved.read_bytes() == before


def test_a_failed_write_leaves_the_earlier_file(saved, monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    before = saved.read_bytes()
    monkeypatch.setattr("storage.atomic.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(saved, tiny.checkpoint({"step": 99}, {}))
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]
