"""Run an exported network with ONNX Runtime."""

import numpy as np

from models.checkpoint import CheckpointError
from models.onnx_file import DESCRIPTION, parse_description
from storage.onnx_runtime import load_session

INPUT_RANK = 3  # (windows, frames, feature_size)


class OnnxSession:
    """An exported network, ready to compute."""

    def __init__(self, content: bytes, name: str):
        """Load the content of an exported network's file, whose seal has been checked.

        One thread computes: a second one takes longer to start than two utterances take, and files in numbers are
        shared out among processes.

        Args:
            name: what to call it in errors.

        Raises:
            CheckpointError: it is not ONNX of this tool, or uses operators that ONNX Runtime does not have.
        """
        self._name, self.content = name, content
        try:
            self._session = load_session(content)
        except Exception as error:  # its own classes derive from nothing narrower
            raise CheckpointError(f"{name} is not a network that can be run ({_first_line(error)})") from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.description = parse_description(metadata.get(DESCRIPTION, ""), name)
        self._input = self._checked_input()

    def __reduce__(self) -> tuple[type["OnnxSession"], tuple[bytes, str]]:
        """Hand the file's content to another process: a session of ONNX Runtime can't be pickled."""
        return OnnxSession, (self.content, self._name)

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """Embed windows (n, frames, feature_size) float32: (n, embedding_size) float32.

        Raises:
            CheckpointError: the network can't compute them, as it is of other features than its description says.
        """
        try:
            return self._session.run(None, {self._input: windows})[0]
        except Exception as error:
            raise CheckpointError(f"{self._name} can't be run on these features ({_first_line(error)})") from error

    def _checked_input(self) -> str:
        """The name of the one input, a batch of windows."""
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1 or len(inputs[0].shape) != INPUT_RANK:
            raise CheckpointError(
                f"{self._name} is another kind of network: expected one input (windows, frames, features)"
            )
        return inputs[0].name


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
