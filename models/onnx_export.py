"""Write a trained network as ONNX. The only part of the way to an embedding that loads TensorFlow."""

import dataclasses
import logging
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.backend import load_tensorflow
from models.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from models.network_description import NetworkDescription, Normalization
from models.onnx_file import (
    DESCRIPTION,
    DIGEST_SIZE,
    SEAL,
    check_seal,
    description_text,
    fingerprint,
    parse_description,
    seal,
    used_arrays,
)
from storage.atomic import write_atomically
from storage.digest import file_sha256

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

OPSET = 15  # of ONNX, what tf2onnx writes unless told otherwise
INPUT, OUTPUT = "features", "embeddings"

logger = logging.getLogger(__name__)


def export_and_keep(checkpoint: Path, target: Path) -> bytes:
    """Export a checkpoint and keep the outcome in `target`, where that can be written to.

    Returns:
        the content of the exported network's file.

    Raises:
        CheckpointError: the checkpoint is missing, damaged, or of a network that this version can't build.
    """
    logger.info("exporting %s to %s; until the checkpoint changes, that is done once", checkpoint, target.name)
    content = export_network(load_checkpoint(checkpoint), file_sha256(checkpoint))
    try:
        write_atomically(target, content)
    except OSError as error:
        logger.warning("%s can't be kept (%s), so the next command exports again", target, error.strerror)
    return content


def export_network(checkpoint: Checkpoint, checkpoint_sha256: str = "") -> bytes:
    """Write the embedder of a checkpoint as ONNX, without calibration and cohort.

    Its input `features` is (batch, frames, feature_size) float32 of any batch and number of frames, its output
    `embeddings` is (batch, embedding_size) float32.

    Args:
        checkpoint_sha256: of the checkpoint's file, for whoever wants to know whether it has changed since.

    Returns:
        the content of a file.

    Raises:
        CheckpointError: the checkpoint's network is of another version.
    """
    load_tensorflow()
    try:
        model = _converted(checkpoint)
        mean, deviation = (statistic.tolist() for statistic in checkpoint.normalization)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"the checkpoint is of another version of this tool ({error})") from error
    trained = checkpoint.description
    description = NetworkDescription(
        fingerprint=fingerprint(checkpoint),
        checkpoint_sha256=checkpoint_sha256,
        stage=trained.stage,
        step=trained.step,
        finished=trained.finished,
        version=trained.version,
        network=trained.network,
        features=trained.features,
        normalization=Normalization(tuple(mean), tuple(deviation)),
        trained_on=trained.trained_on,
        held_out=trained.held_out,
    )
    return _described(model, description)


def with_calibration(exported: bytes, calibration: Mapping[str, Any] | None) -> bytes:
    """Return the same network with another calibration in its description, or without one.

    Args:
        exported: the content of an exported network's file.
        calibration: as `inference.calibration.Calibration.as_json` gives it.
    """
    return _redescribed(exported, lambda description: dataclasses.replace(description, calibration=calibration))


def with_cohort(exported: bytes, cohort: Mapping[str, Any]) -> bytes:
    """Return the same network with another cohort in its description.

    Args:
        exported: the content of an exported network's file.
        cohort: as `inference.cohort.Cohort.as_json` gives it.
    """
    return _redescribed(exported, lambda description: dataclasses.replace(description, cohort=cohort))


def _redescribed(exported: bytes, change: Callable[[NetworkDescription], NetworkDescription]) -> bytes:
    import onnx

    model = onnx.load_model_from_string(exported[: -len(SEAL) - DIGEST_SIZE])
    (text,) = (entry.value for entry in model.metadata_props if entry.key == DESCRIPTION)
    return _described(model, change(parse_description(text, "the network")))


def without_training_state(checkpoint: Checkpoint) -> Checkpoint:
    """Return a checkpoint to start from or to export, without the head and the optimizer of its own training."""
    return Checkpoint(dataclasses.replace(checkpoint.description, position={}, run={}), used_arrays(checkpoint))


def _converted(checkpoint: Checkpoint) -> "ModelProto":
    """Convert the embedder of a checkpoint."""
    import keras
    import onnx

    from models.network import restore_embedder

    embedder = restore_embedder(checkpoint)
    for layer in embedder.layers:
        if isinstance(layer, keras.layers.Normalization):  # tensors would become inputs of the graph, arrays do not
            layer.mean, layer.variance = map(keras.ops.convert_to_numpy, (layer.mean, layer.variance))
    signature = [keras.layers.InputSpec("float32", (None, None, embedder.input_shape[-1]), name=INPUT)]
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras looks for an alias that NumPy has dropped
        path = Path(folder, "network.onnx")
        embedder.export(path, format="onnx", verbose=False, input_signature=signature, opset_version=OPSET)
        model = onnx.load(path)
    _rename_output(model.graph)
    return model


def _rename_output(graph: "GraphProto") -> None:
    """Give the one output its name; the converter calls it "Identity:0"."""
    (output,) = graph.output
    for node in graph.node:
        node.output[:] = [OUTPUT if name == output.name else name for name in node.output]
    output.name = OUTPUT


def _described(model: "ModelProto", description: NetworkDescription) -> bytes:
    import onnx

    onnx.helper.set_model_props(model, {DESCRIPTION: description_text(description)})
    content = seal(model.SerializeToString())
    check_seal(content, "what was exported")
    return content
