"""Load ONNX Runtime so that it keeps to itself. Nothing else of ours imports it.

Later releases (1.30, not 1.28) write a device's identity and a database of events into the user's home as they are
imported, and look up a host to send them to ten seconds afterwards. `onnxruntime.disable_telemetry_events()` comes too
late for both; the environment variable, which is read at the import, prevents them.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Protocol

from numpy.typing import NDArray

NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"
ONE_PROCESSOR = ["CPUExecutionProvider"]  # of all that a release may bring along
ERRORS_ONLY = 4  # log severity: what it says of a bad file comes as an exception


class Tensor(Protocol):
    """What a network takes or gives."""

    name: str
    shape: list[int | str | None]


class Metadata(Protocol):
    """What stands beside a network in its file."""

    custom_metadata_map: dict[str, str]


class Session(Protocol):
    """A network to run: as much of `onnxruntime.InferenceSession` as is used here."""

    def run(self, outputs: Sequence[str] | None, inputs: Mapping[str, NDArray]) -> list[NDArray]:
        """The named outputs, or all."""

    def get_inputs(self) -> list[Tensor]:
        """What it takes."""

    def get_outputs(self) -> list[Tensor]:
        """What it gives."""

    def get_modelmeta(self) -> Metadata:
        """What stands beside it."""


def forbid_telemetry() -> None:
    """Keep ONNX Runtime from writing and sending anything, whoever imports it in this process or its children."""
    os.environ[NO_TELEMETRY] = "1"


def load_session(model: bytes | str, arena: bool = True) -> Session:
    """Load a network that computes on one core; what is to use more of them has worker processes.

    Args:
        model: the content of an ONNX file, or its path.
        arena: whether freed memory is kept for the next call, which costs tens of megabytes.

    Raises:
        Exception: it is not ONNX, or uses operators that ONNX Runtime does not have; its classes have no common base.
    """
    forbid_telemetry()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = arena
    options.log_severity_level = ERRORS_ONLY
    return onnxruntime.InferenceSession(model, options, providers=ONE_PROCESSOR)
