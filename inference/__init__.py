"""From recordings to embeddings and decisions, without TensorFlow: `from inference import SpeakerEncoder`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inference.encoder import SpeakerEncoder

__all__ = ["SpeakerEncoder"]


def __getattr__(name: str) -> type["SpeakerEncoder"]:
    """Load the encoder when it is asked for, and not with every module of this package."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from inference import encoder

    return encoder.SpeakerEncoder
