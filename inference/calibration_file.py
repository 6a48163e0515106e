"""A calibration in a file of its own, for the network that it was fitted with."""

import json
from pathlib import Path

from inference.calibration import Calibration
from storage.atomic import write_atomically
from storage.errors import UserError
from storage.fields import Fields

FORMAT = "deep-speaker-calibration-1"
LARGEST = 1 << 24  # bytes; real ones have tens of thousands


class CalibrationFileError(UserError):
    """The file can't be used; the message says why."""


def write_calibration(path: Path, calibration: Calibration, fingerprint: str) -> None:
    """Write a calibration as JSON: `format`, `network` (the fingerprint) and `calibration`.

    Args:
        fingerprint: of the network whose scores it was fitted on.

    Raises:
        OSError: the file can't be written.
    """
    content = {"format": FORMAT, "network": fingerprint, "calibration": calibration.as_json()}
    write_atomically(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def read_calibration(path: Path, fingerprint: str) -> Calibration:
    """Read a calibration for a network.

    Args:
        fingerprint: of the network.

    Raises:
        CalibrationFileError: the file is missing, damaged, of another version, or was fitted with another network.
    """
    try:
        fields = _fields(path)
        network = fields.take("network", str)
        calibration = Calibration.from_json(fields.take("calibration", dict))
        fields.end()
    except (OSError, ValueError, RecursionError) as error:
        raise CalibrationFileError(f"expected a calibration, as --calibrate writes it, in {path}: {error}") from error
    if network != fingerprint:
        raise CalibrationFileError(
            f"{path} was fitted on the scores of another network: name that one, or run --calibrate with this one"
        )
    return calibration


def is_calibration(path: Path) -> bool:
    """Whether a file is one of ours, of this version, as far as its format says."""
    try:
        _fields(path)
    except (OSError, ValueError, RecursionError):
        return False
    return True


def _fields(path: Path) -> Fields:
    """The fields but the format, which is checked."""
    if path.stat().st_size > LARGEST:
        raise ValueError(f"it has more than {LARGEST} bytes")
    fields = Fields(json.loads(path.read_bytes()))
    if fields.take("format", str) != FORMAT:
        raise ValueError("it is of another version")
    return fields
