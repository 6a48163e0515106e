"""The sample voices as signals, for what is tried on the speech of several speakers."""

from functools import cache

import numpy as np
from conftest import VOICES

from inference.recordings import load_speech


@cache
def sample_signals(utterances: int = 8) -> dict[str, list[np.ndarray]]:
    """The first so many of each sample speaker, int16, (samples,), at 8 kHz."""
    return {
        folder.name: [load_speech(path).signal for path in sorted(folder.iterdir())[:utterances]]
        for folder in sorted(VOICES.iterdir())
    }
