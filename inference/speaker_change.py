"""Whether a recording changes its speaker, as an interview or a call on one channel does.

An embedding of two people resembles neither of them. So the recording is cut into pieces, and at each place between two
pieces, what was said before is compared with what was said after, as two recordings would be (a change of speakers is
looked for by likelihood ratios since Gish et al., "Segregation of speakers for speech recognition and speaker
identification", ICASSP 1991). The lowest ratio of many is low by chance too, hence a limit well below 0.

Speakers who take turns quickly, or say a few words only, are not noticed: see docs/inference.md.
"""

from typing import TYPE_CHECKING

import numpy as np

from audio.decode import SAMPLE_RATE
from audio.speech_activity import speech_seconds
from inference.calibration import Calibration
from inference.recordings import Speech

if TYPE_CHECKING:
    from inference.encoder import SpeakerEncoder

PIECE = 1.5  # s
MOST_PIECES = 80  # of a long recording, which are longer then
CHANGE = -5.0  # log-likelihood ratio; of 285 recordings of 4 s and more by one person none is below, of 226 of two 38 %


def speaker_change_remark(encoder: "SpeakerEncoder", speech: Speech) -> str | None:
    """Return a remark on a recording that seems to change its speaker; None where it does not, or can't be judged."""
    lowest = lowest_ratio(encoder, speech.signal)
    if lowest is None:
        return None
    ratio, seconds = lowest
    if ratio >= CHANGE:
        return None
    return (
        f"{speech.name}: what is said before {seconds:.0f} s sounds like another speaker than what is said after "
        f"(log-likelihood ratio {ratio:+.1f}); an embedding of two people is nobody's"
    )


def lowest_ratio(encoder: "SpeakerEncoder", signal: np.ndarray) -> tuple[float, float] | None:
    """Return the lowest log-likelihood ratio of what is before a place with what is after it, and the place in s.

    Args:
        encoder: without a calibration there is no ratio.
        signal: int16, (samples,), at 8 kHz.

    Returns:
        None if the recording is shorter than two pieces, or there is no calibration.
    """
    count = min(int(len(signal) / SAMPLE_RATE / PIECE), MOST_PIECES)
    if encoder.calibration is None or count < 2:
        return None
    pieces = np.array_split(signal, count)
    ratios = _ratios(encoder, encoder.calibration, pieces)
    at = int(np.argmin(ratios))
    return float(ratios[at]), sum(map(len, pieces[: at + 1])) / SAMPLE_RATE


def _ratios(encoder: "SpeakerEncoder", calibration: Calibration, pieces: list[np.ndarray]) -> np.ndarray:
    """Before and after each place between pieces, (pieces - 1,)."""
    embeddings = encoder.embed_utterances(pieces)
    seconds = np.array([speech_seconds(piece) for piece in pieces])
    before, after = (_means(embeddings[order])[:-1] for order in (slice(None), slice(None, None, -1)))
    spoken = np.cumsum(seconds)[:-1], np.cumsum(seconds[::-1])[:-1][::-1]
    return calibration.unbounded(encoder.scoring.rowwise(before, after[::-1]), *spoken)


def _means(embeddings: np.ndarray) -> np.ndarray:
    """The unit vector along the mean of the first, of the first two, and so on."""
    sums = np.cumsum(embeddings, axis=0, dtype=np.float64)
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), np.finfo(np.float64).tiny)
