"""Exported networks: one ONNX file that holds everything needed to use it, and shows when it has been changed.

Its metadata hold two texts: `description`, JSON of `KEYS`, and at the very end of the file `sha256`, the digest of all
the bytes before. (A protobuf message is a sequence of fields in any order, so the file with its seal is still ONNX.)
Nothing here needs TensorFlow, or parses ONNX.
"""

import hashlib
import json
import re
from pathlib import Path

import numpy as np

from models.checkpoint import Checkpoint, CheckpointError

FORMAT = "deep-speaker-network-1"
KEYS = {
    *("format", "fingerprint", "checkpoint_sha256", "stage", "step", "finished", "version"),
    *("network", "features", "normalization", "trained_on", "held_out", "calibration"),
}
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
    """A serialised ONNX model with its digest at the end."""
    return model + SEAL + hashlib.sha256(model).hexdigest().encode()


def read_exported(path: Path) -> bytes:
    """The content of an exported network's file, every byte of it as it was written.

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
    """Refuse what was changed, or may read other files.

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


def parse_description(text: str, name: str) -> dict:
    """The description in an exported network's metadata.

    Raises:
        CheckpointError: it is not JSON, or lacks some of `KEYS`.
    """
    try:
        description = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{name} has no description of this tool in its metadata") from error
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise CheckpointError(f"{name} is not a network of the format {FORMAT}")
    if missing := KEYS - description.keys():
        raise CheckpointError(f"{name} lacks {', '.join(sorted(missing))} in its description")
    return description


def fingerprint(checkpoint: Checkpoint) -> str:
    """What tells networks apart: SHA-256 over weights, normalisation, and the settings of network and features.

    The training's state (head, optimizer, step) is not part of it, as it does not change an embedding.
    """
    settings = {name: checkpoint.description[name] for name in ("network", "features")}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name, array in sorted(used_arrays(checkpoint).items()):
        digest.update(f"{name} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array, "<f4"))
    return digest.hexdigest()


def used_arrays(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """The arrays that an embedding depends on, under their names in the checkpoint."""
    parts = ("embedder/", "normalization/")
    return {name: array for name, array in checkpoint.arrays.items() if name.startswith(parts)}


def file_sha256(path: Path) -> str:
    """Of a whole file.

    Raises:
        CheckpointError: there is none.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"no checkpoint at {path}") from error
