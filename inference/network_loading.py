"""Read a network, whatever kind of file it is in."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from inference.onnx_session import OnnxSession
from models.checkpoint import CheckpointError
from models.onnx_file import BUNDLED, check_seal, read_exported
from storage.digest import file_sha256

CHECKPOINT_START = b"PK"  # of an npz file

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedNetwork:
    """A network, and where it came from."""

    session: OnnxSession
    path: Path | None = None  # the file that was named: an exported network or a checkpoint; None if it was in memory

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return "the network" if self.path is None else str(self.path)


def load_network(named: str | os.PathLike | None) -> LoadedNetwork:
    """Load an exported network, or a checkpoint, of which an export is kept beside it; by default the bundled network.

    A checkpoint is exported, which loads TensorFlow, unless that was done before.

    Raises:
        CheckpointError: it is missing, damaged, or of another version.
    """
    path = BUNDLED if named is None else Path(named)
    network = _of_checkpoint(path) if _is_checkpoint(path) else _of_exported(path)
    description = network.session.description
    which = "the bundled network" if path == BUNDLED else path
    logger.info("using %s (%s, step %s)", which, description.stage, description.step)
    if not description.finished:
        logger.warning("the training of that network was not finished")
    return network


def network_in(content: bytes) -> LoadedNetwork:
    """Load the content of an exported network's file.

    Raises:
        CheckpointError: it is damaged, or of another version.
    """
    check_seal(content, "the network")
    return LoadedNetwork(OnnxSession(content, "the network"))


def _of_exported(path: Path) -> LoadedNetwork:
    return LoadedNetwork(OnnxSession(read_exported(path), str(path)), path)


def _of_checkpoint(path: Path) -> LoadedNetwork:
    kept = path.with_name(f"{path.name}.onnx")
    if kept.is_file():
        try:
            session = OnnxSession(read_exported(kept), str(kept))
            if session.description.checkpoint_sha256 == file_sha256(path):
                return LoadedNetwork(session, path)
        except CheckpointError as error:
            logger.warning("%s. It is made again", error)
    from models.onnx_export import export_and_keep

    content = export_and_keep(path, kept)
    return LoadedNetwork(OnnxSession(content, str(path)), path)


def _is_checkpoint(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(CHECKPOINT_START)) == CHECKPOINT_START
    except OSError as error:
        raise CheckpointError(f"no checkpoint or exported network at {path} ({error.strerror})") from error
