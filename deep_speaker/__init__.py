"""Deep Speaker from Python: `from deep_speaker import SpeakerEncoder`.

In the repository this folder holds no more than these names. An installation has every other folder in it, too
(`hatch_build.py`), as deep_speaker.audio, deep_speaker.inference and so on.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inference.encoder import SpeakerEncoder

__all__ = ["SpeakerEncoder", "__version__"]
__version__ = "2.1.0"  # the one place; pyproject.toml, checkpoints and --version read it


def __getattr__(name: str) -> type["SpeakerEncoder"]:
    """Load the encoder when it is asked for: the version is wanted at once."""
    if name != "SpeakerEncoder":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from inference.encoder import SpeakerEncoder

    return SpeakerEncoder
