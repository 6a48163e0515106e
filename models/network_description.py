"""What an exported network says of itself, in its file's metadata."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.network_options import NetworkOptions
from storage.fields import Fields


@dataclass(frozen=True)
class Normalization:
    """What the network's first layer takes from each feature, and divides it by; it is in the graph already."""

    mean: tuple[float, ...]  # (feature_size,)
    deviation: tuple[float, ...]  # (feature_size,)

    @classmethod
    def from_json(cls, value: object) -> "Normalization":
        """Read it from a description.

        Raises:
            ValueError: a field is missing, unknown, or no list of finite numbers.
        """
        fields = Fields(value)
        normalization = cls(fields.numbers("mean"), fields.numbers("deviation"))
        fields.end()
        return normalization

    def as_json(self) -> dict[str, list[float]]:
        """The fields under their names, as `from_json` reads them."""
        return {"mean": list(self.mean), "deviation": list(self.deviation)}


@dataclass(frozen=True)
class NetworkDescription:
    """What an exported network is, who trained it, and how its scores are to be read.

    Features, calibration and cohort are kept as objects of JSON, which `audio.feature_settings.FeatureSettings`,
    `inference.calibration.Calibration` and `inference.cohort.Cohort` read.
    """

    fingerprint: str  # tells networks apart, see `models.onnx_file.fingerprint`
    checkpoint_sha256: str  # of the checkpoint's file that it was exported from; "" where that is not known
    stage: str  # of the training
    step: int  # how many gradient steps were taken in that stage
    finished: bool  # whether the stage was
    version: str  # of the code that trained it
    network: NetworkOptions
    features: Mapping[str, Any]
    normalization: Normalization
    trained_on: tuple[str, ...]  # every speaker who ever trained the weights
    held_out: tuple[str, ...]  # speakers, as they were named
    calibration: Mapping[str, Any] | None = None
    cohort: Mapping[str, Any] | None = None  # the first exported networks have none

    @classmethod
    def from_json(cls, value: object) -> "NetworkDescription":
        """Read a description.

        Raises:
            ValueError: a field is missing, unknown, of another type, or makes no sense.
        """
        fields = Fields(value, {"cohort": None})
        description = cls(
            fingerprint=fields.take("fingerprint", str),
            checkpoint_sha256=fields.take("checkpoint_sha256", str),
            stage=fields.take("stage", str),
            step=fields.whole("step"),
            finished=fields.take("finished", bool),
            version=fields.take("version", str),
            network=NetworkOptions.from_json(fields.take("network", dict)),
            features=fields.take("features", dict),
            normalization=Normalization.from_json(fields.take("normalization", dict)),
            trained_on=fields.texts("trained_on"),
            held_out=fields.texts("held_out"),
            calibration=fields.optional("calibration", dict),
            cohort=fields.optional("cohort", dict),
        )
        fields.end()
        return description

    def as_json(self) -> dict[str, Any]:
        """The fields under their names, as `from_json` reads them."""
        lists = {"trained_on": list(self.trained_on), "held_out": list(self.held_out)}
        parts = {"network": self.network.as_json(), "normalization": self.normalization.as_json()}
        return {**vars(self), **lists, **parts}
