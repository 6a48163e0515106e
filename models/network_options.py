"""What it takes to build the network again. Nothing here needs TensorFlow."""

from dataclasses import asdict, dataclass
from typing import Any

from storage.fields import Fields

ACTIVATIONS = ("linear", "tanh", "sigmoid")
MOST_LAYERS = 16  # convolutions
LARGEST = {  # of each setting; a checkpoint may be anybody's, so each is checked before anything is built
    "feature_size": 1024,
    "window_frames": 6000,  # a minute, where training's windows have 2 s
    "conv_filters": 4096,
    "conv_kernels": 512,
    "conv_strides": 512,
    "gru_units": 4096,
    "embedding_size": 4096,
}
MOST_WEIGHTS = 1 << 26  # six hundred times the default network


@dataclass(frozen=True)
class NetworkOptions:
    """The dimensions of the network.

    Raises:
        ValueError: a dimension below 1 or above `LARGEST`, convolutions that lack a filter, kernel or stride, more than
            `MOST_WEIGHTS`, or an activation that this version does not know.
    """

    feature_size: int = 60  # values per frame
    window_frames: int = 200  # 2 s: what test figures are measured on, and the least that inference embeds
    conv_filters: tuple[int, ...] = (64, 96, 96)
    conv_kernels: tuple[int, ...] = (3, 3, 3)  # frames
    conv_strides: tuple[int, ...] = (2, 2, 2)
    gru_units: int = 64
    embedding_size: int = 128
    embedding_activation: str = "linear"
    normalize_embeddings: bool = False

    def __post_init__(self) -> None:
        for name, largest in LARGEST.items():
            value = getattr(self, name)
            for size in value if isinstance(value, tuple) else (value,):
                if not 1 <= size <= largest:
                    raise ValueError(f"expected {name} from 1 to {largest}. Received another")
        layers = {len(self.conv_filters), len(self.conv_kernels), len(self.conv_strides)}
        if len(layers) > 1 or max(layers) > MOST_LAYERS:
            raise ValueError(f"expected a filter, kernel and stride for each of up to {MOST_LAYERS} convolutions")
        if self.embedding_activation not in ACTIVATIONS:
            raise ValueError(f"expected an embedding_activation of {', '.join(ACTIVATIONS)}. Received another")
        if self.weights > MOST_WEIGHTS:
            raise ValueError(f"expected a network of up to {MOST_WEIGHTS} weights. Received one of {self.weights}")

    @classmethod
    def from_json(cls, value: object) -> "NetworkOptions":
        """Read options as a checkpoint holds them, where tuples have become lists.

        Raises:
            ValueError: a field is missing, unknown, of another type, or beyond what the class allows.
        """
        fields = Fields(value)
        options = NetworkOptions(
            feature_size=fields.whole("feature_size"),
            window_frames=fields.whole("window_frames"),
            conv_filters=fields.wholes("conv_filters"),
            conv_kernels=fields.wholes("conv_kernels"),
            conv_strides=fields.wholes("conv_strides"),
            gru_units=fields.whole("gru_units"),
            embedding_size=fields.whole("embedding_size"),
            embedding_activation=fields.take("embedding_activation", str),
            normalize_embeddings=fields.take("normalize_embeddings", bool),
        )
        fields.end()
        return options

    def as_json(self) -> dict[str, Any]:
        """The fields under their names, as `from_json` reads them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @property
    def weights(self) -> int:
        """How many numbers training changes: kernels, biases, and the scales of batch normalisation."""
        inputs = (self.feature_size, *self.conv_filters)  # of each convolution, and then of the GRU
        shapes = zip(inputs, self.conv_filters, self.conv_kernels)
        convolutions = sum(kernel * before * filters + 2 * filters for before, filters, kernel in shapes)
        gru = 3 * self.gru_units * (inputs[-1] + self.gru_units + 2)
        return convolutions + gru + (2 * self.gru_units + 1) * self.embedding_size
