"""The file of an exported network: complete, whole, and nothing but itself."""

import hashlib

import numpy as np
import onnx
import pytest
import sealed
import tiny

from models.checkpoint import CheckpointError
from models.onnx_file import BUNDLED, DIGEST_SIZE, LARGEST, SEAL, fingerprint, parse_description, read_exported, seal

POSITIONS = 60  # of flipped bytes


def test_the_seal_is_a_metadata_entry_as_onnx_writes_it():
    model = sealed.model().SerializeToString()
    (entry,) = onnx.load_model_from_string(seal(model)).metadata_props
    assert (entry.key, entry.value) == ("sha256", hashlib.sha256(model).hexdigest())


def test_the_bundled_network_is_valid_onnx_and_small():
    content = read_exported(BUNDLED)
    onnx.checker.check_model(onnx.load_model_from_string(content))
    assert len(content) <= 600_000


def flipped(content, position):
    changed = bytearray(content)
    changed[position] ^= 0x10
    return bytes(changed)


def test_any_flipped_byte_is_noticed(tmp_path):
    content = BUNDLED.read_bytes()
    rng = np.random.default_rng(0)
    inside = rng.integers(0, len(content), POSITIONS)
    for position in (0, *inside.tolist(), *range(len(content) - DIGEST_SIZE - len(SEAL), len(content), 9)):
        (tmp_path / "a.onnx").write_bytes(flipped(content, position))
        with pytest.raises(CheckpointError, match=r"a\.onnx is damaged"):
            read_exported(tmp_path / "a.onnx")


@pytest.mark.parametrize("length", [0, 1, DIGEST_SIZE, DIGEST_SIZE + len(SEAL) - 1, 1000, -1])
def test_a_torn_file_is_noticed(tmp_path, length):
    (tmp_path / "a.onnx").write_bytes(BUNDLED.read_bytes()[:length])
    with pytest.raises(CheckpointError, match=r"a\.onnx is damaged"):
        read_exported(tmp_path / "a.onnx")


def test_another_graph_under_the_seal_is_noticed(tmp_path):
    (tmp_path / "a.onnx").write_bytes(
        sealed.model().SerializeToString() + BUNDLED.read_bytes()[-DIGEST_SIZE - len(SEAL) :]
    )
    with pytest.raises(CheckpointError, match="damaged"):
        read_exported(tmp_path / "a.onnx")


def test_a_network_without_a_seal_is_refused(tmp_path):
    (tmp_path / "a.onnx").write_bytes(sealed.model().SerializeToString())
    with pytest.raises(CheckpointError, match="not a network that --export_model wrote"):
        read_exported(tmp_path / "a.onnx")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"no exported network at .*a\.onnx"):
        read_exported(tmp_path / "a.onnx")


def test_an_oversize_file_is_refused(tmp_path):
    with open(tmp_path / "a.onnx", "wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(CheckpointError, match="larger than 64 MB"):
        read_exported(tmp_path / "a.onnx")


@pytest.mark.parametrize("stretched", [False, True])
def test_weights_in_other_files_are_refused(tmp_path, stretched):
    (tmp_path / "weights.bin").write_bytes(np.ones(sealed.SIZE, np.float32).tobytes())
    model = sealed.with_external_data(str(tmp_path / "weights.bin")).SerializeToString()
    if stretched:  # protobuf readers also take a length of 8 that is written in two bytes
        assert model.count(b"\x08location") == 1
        model = model.replace(b"\x08location", b"\x88\x00location")
    (tmp_path / "a.onnx").write_bytes(seal(model))
    with pytest.raises(CheckpointError, match="keeps weights in other files"):
        read_exported(tmp_path / "a.onnx")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no description"),
        ("[" * 100_000, "no description"),
        ("[]", "not a network of the format"),
        ("{}", "format"),
    ],
)
def test_other_descriptions_are_refused(text, message):
    with pytest.raises(CheckpointError, match=message):
        parse_description(text, "a.onnx")


def checkpoint(scale=1.0, step=0, cepstra=13, head=0.0):
    arrays = {"embedder/kernel": np.full((2, 3), scale, np.float32), "normalization/mean": np.zeros(3, np.float32)}
    about = {"step": step, "features": {"num_cepstra": cepstra}}
    return tiny.checkpoint(about, {**arrays, "head/kernel": np.full(3, head)})


def test_the_fingerprint_is_of_what_shapes_embeddings():
    assert fingerprint(checkpoint()) == fingerprint(checkpoint(step=9, head=1.0))
    others = {fingerprint(one) for one in (checkpoint(), checkpoint(scale=1.001), checkpoint(cepstra=20))}
    assert len(others) == 3
