"""Small ONNX files, sealed as an exported network is, for tests of what is accepted."""

import dataclasses
import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from audio.feature_settings import FeatureSettings
from models.network_description import NetworkDescription, Normalization
from models.network_options import NetworkOptions
from models.onnx_file import DESCRIPTION, FORMAT, seal

SIZE = 3  # values of a frame and of an embedding


def description(**changes: object) -> dict:
    """A complete one, of a network that normalises and looks at windows of 4 frames."""
    made = NetworkDescription(
        fingerprint="x",
        checkpoint_sha256="",
        stage="softmax",
        step=0,
        finished=True,
        version="2.0.0",
        network=NetworkOptions(window_frames=4),
        features=dataclasses.asdict(FeatureSettings()),
        normalization=Normalization((0.0,), (1.0,)),
        trained_on=(),
        held_out=(),
    )
    return {"format": FORMAT, **made.as_json(), **changes}


def model(operator: str = "ReduceMean", domain: str = "", rank: int = 3, inputs: int = 1) -> onnx.ModelProto:
    """One operator from `inputs` inputs (windows, frames, SIZE) to (windows, SIZE)."""
    attributes = {"axes": [1], "keepdims": 0} if operator == "ReduceMean" else {}
    names = [f"in_{number}" for number in range(inputs)]
    node = helper.make_node(operator, names[:1], ["out"], domain=domain, **attributes)
    shape = [None] * (rank - 1) + [SIZE]
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in names]
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    opsets = [helper.make_opsetid("", 15), helper.make_opsetid("elsewhere", 1)]
    return helper.make_model(helper.make_graph([node], "graph", given, [output]), opset_imports=opsets, ir_version=8)


def with_external_data(location: str) -> onnx.ModelProto:
    """A network whose weights stand in another file."""
    made = model("Identity")
    weights = numpy_helper.from_array(np.ones(SIZE, np.float32), "weights")
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value=location)
    made.graph.initializer.append(weights)
    return made


def content(made: onnx.ModelProto, about: dict | str | None) -> bytes:
    """The file's bytes, with that description."""
    if about is not None:
        helper.set_model_props(made, {DESCRIPTION: about if isinstance(about, str) else json.dumps(about)})
    return seal(made.SerializeToString())
