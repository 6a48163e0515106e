"""Checkpoints on disk: whole, refused, or as they were."""

import errno
import io
import json
import zipfile

import numpy as np
import pytest
import tiny

from models.checkpoint import (
    DESCRIPTION,
    FORMAT,
    CheckpointDescription,
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
)
from models.onnx_file import BUNDLED_CHECKPOINT, fingerprint
from models.run_names import STAGES

RNG = np.random.default_rng(0)
SMALL = tiny.checkpoint(
    {"stage": "softmax", "step": 12, "speakers": ["ann", "Çelik"], "speeds": [1.0, 0.9], "position": {"step": 12}},
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


def test_flipped_bits_anywhere_are_refused_or_do_no_harm(saved):
    """A flag of the archive's, for one, asks for a kind of encryption that Python does not have."""
    rng, whole, refused = np.random.default_rng(0), saved.read_bytes(), 0
    for place in range(0, len(whole), 5):
        content = bytearray(whole)
        content[place] ^= 1 << rng.integers(0, 8)
        saved.write_bytes(content)
        try:
            load_checkpoint(saved)
        except CheckpointError as error:
            refused += "\n" not in str(error)
    assert refused > 0.9 * len(whole) / 5


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


def test_the_bundled_checkpoint_is_read_and_is_still_the_network_that_it_was():
    checkpoint = load_checkpoint(BUNDLED_CHECKPOINT)
    assert fingerprint(checkpoint) == "2d8c910983baa4c600c57bb6757fbe4aa9b3f878ca99c457b14155ac08651ec6"
    assert (checkpoint.description.stage, checkpoint.description.step) == ("triplet", 6000)
    assert checkpoint.description.network.normalize_embeddings


FIELDS = SMALL.description.as_json()


@pytest.mark.parametrize("stage", STAGES)
def test_a_description_survives_strict_json(stage):
    text = json.dumps({**FIELDS, "stage": stage}, allow_nan=False)
    assert CheckpointDescription.from_json(json.loads(text)).as_json() == {**FIELDS, "stage": stage}


@pytest.mark.parametrize("name", [name for name in FIELDS if name != "speeds"])
def test_a_description_that_lacks_a_field_is_refused(saved, name):
    path = tiny.edit_checkpoint(saved, saved.with_name("a.npz"), **{name: None})
    with pytest.raises(CheckpointError, match=rf"of another version of this tool \(expected a field '{name}'"):
        load_checkpoint(path)


def test_version_2_0_did_not_write_speeds(saved):
    path = tiny.edit_checkpoint(saved, saved.with_name("a.npz"), speeds=None)
    assert load_checkpoint(path).description.speeds == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"best": 1}, "expected no field 'best', which this version does not know"),
        ({"stage": "softmax_2"}, "expected a stage of softmax, softmax_fine"),
        ({"stage": ["softmax"]}, "expected stage as a text. Received list"),
        ({"step": -1}, "expected step from 0 to"),
        ({"step": "12"}, "expected step as a whole number. Received str"),
        ({"finished": 1}, "expected finished as true or false. Received int"),
        ({"network": []}, "expected network as an object. Received list"),
        ({"network": {"lstm_units": 3}}, "expected a field 'feature_size'"),
        ({"features": 5}, "expected features as an object. Received int"),
        ({"speakers": "ann"}, "expected speakers as a list. Received str"),
        ({"trained_on": [1]}, "expected every value of trained_on as str. Received int"),
        ({"speeds": ["1.0"]}, "expected every value of speeds as int or float. Received str"),
        ({"speeds": [float("nan")]}, "expected finite numbers in speeds"),
        ({"run": "this one"}, "expected run as an object. Received str"),
    ],
)
def test_a_description_of_another_form_is_refused_with_the_reason(saved, change, message):
    path = tiny.edit_checkpoint(saved, saved.with_name("a.npz"), **change)
    with pytest.raises(CheckpointError, match=rf"of another version of this tool \({message}"):
        load_checkpoint(path)
