"""Exported networks: one ONNX file that holds everything needed to use it, and shows when it has been changed.

Its metadata hold two texts: `description`, JSON of a `NetworkDescription` and its format, and at the very end of the
file `sha256`, the digest of all the bytes before.
(A protobuf message is a sequence of fields in any order, so the file with its seal is still ONNX.)
Nothing here needs TensorFlow, or parses ONNX.
"""

import hashlib
import json
import re
from pathlib import Path

import numpy as np

from models.checkpoint import Checkpoint, CheckpointError
from models.network_description import NetworkDescription

FORMAT = "deep-speaker-network-1"
DESCRIPTION = "description"  # key of the metadata entry
BUNDLED = Path(__file__).resolve().parent / "pretrained" / "network.onnx"
BUNDLED_CHECKPOINT = BUNDLED.with_name("checkpoint.npz")  # what it was exported from, to train from
LARGEST = 64 << 20  # bytes, a hundred times the default network
DIGEST_SIZE = 64  # hexadecimal digits
# The metadata entry {"sha256": 64 digits} as protobuf writes it: field 14 of the model, a message of 74 bytes, whose
# field 1 has 6 bytes and whose field 2 has 64.
SEAL = b"\x72\x4a\x0a\x06sha256\x12\x40"
# Weights in other files are named by an entry with the key "location": a text of 8 bytes, its length in front. The last
# byte of that is 8, or 0 where the number was stretched over several.
_EXTERNAL_DATA = re.compile(rb"[\x00\x08]location")


def seal(model: bytes) -> bytes:
    """Put the digest of a serialised ONNX model at its end."""
    return model + SEAL + hashlib.sha256(model).hexdigest().encode()


def read_exported(path: Path) -> bytes:
    """Read an exported network's file and check that every byte is as it was written.

    Raises:
        CheckpointError: it is missing, too large, damaged, not ONNX of this tool, or keeps weights in other files.
    """
    if not path.is_file():
        raise CheckpointError(f"no exported network at {path}")
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise CheckpointError(f"{path} is not readable ({error.strerror})") from error
    if len(content) > LARGEST:
        raise CheckpointError(f"{path} is larger than {LARGEST >> 20} MB, which no network of this tool is")
    check_seal(content, str(path))
    return content


def check_seal(content: bytes, name: str) -> None:
    """Refuse a file that was changed, or that names other files to be read.

    Args:
        content: of the file.
        name: what to call it in errors.

    Raises:
        CheckpointError: as said.
    """
    end = len(content) - DIGEST_SIZE
    model = content[: max(end - len(SEAL), 0)]
    if content[len(model) : max(end, 0)] != SEAL:
        raise CheckpointError(f"{name} is damaged or not a network that --export_model wrote")
    if content[end:] != hashlib.sha256(model).hexdigest().encode():
        raise CheckpointError(f"{name} is damaged: it is not what --export_model wrote; export it again")
    if _EXTERNAL_DATA.search(content):
        raise CheckpointError(f"{name} keeps weights in other files, which are not looked at")


def parse_description(text: str, name: str) -> NetworkDescription:
    """Read the description in an exported network's metadata.

    Args:
        text: as `description_text` gives it.
        name: what to call the network in errors.

    Raises:
        CheckpointError: it is not JSON, or not that of a network of this version.
    """
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{name} has no description of this tool in its metadata") from error
    if not isinstance(fields, dict) or fields.pop("format", None) != FORMAT:
        raise CheckpointError(f"{name} is not a network of the format {FORMAT}")
    try:
        return NetworkDescription.from_json(fields)
    except ValueError as error:
        raise CheckpointError(f"{name} is of another version of this tool ({error})") from error


def description_text(description: NetworkDescription) -> str:
    """Write a description as the text that stands in the metadata.

    Raises:
        ValueError: a number in it is not finite, which JSON has no word for.
    """
    return json.dumps({"format": FORMAT, **description.as_json()}, sort_keys=True, allow_nan=False)


def fingerprint(checkpoint: Checkpoint) -> str:
    """Return what tells networks apart: SHA-256 over weights, normalisation, and settings of network and features.

    The training's state (head, optimizer, step) is not part of it, as it does not change an embedding.
    """
    settings = {"network": checkpoint.description.network.as_json(), "features": checkpoint.description.features}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name, array in sorted(used_arrays(checkpoint).items()):
        digest.update(f"{name} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array, "<f4").data)
    return digest.hexdigest()


def used_arrays(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """Return the arrays that an embedding depends on, under their names in the checkpoint."""
    parts = ("embedder/", "normalization/")
    return {name: array for name, array in checkpoint.arrays.items() if name.startswith(parts)}
