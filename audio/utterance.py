"""The front end of cache, training and inference alike: from a decoded recording to the utterance in it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from audio.decode import SAMPLE_RATE
from audio.errors import UnusableAudioError
from audio.rumble import without_rumble
from audio.silence import speech_span
from audio.speech_check import holds_speech

SILENT_PEAK = 3  # of 16-bit full scale, -81 dB: what a converter makes of nothing
QUIET_PEAK, LOUD_PEAK = 1_024, 32_767  # of the same; a signal outside of them is scaled to them
MINIMUM_SPEECH = SAMPLE_RATE // 10  # samples, 0.1 s
NO_SPEECH = "nobody speaks in it"


class Speech(NamedTuple):
    """What lies between the outer silences of a recording."""

    signal: NDArray[np.int16]  # , (samples,), at `SAMPLE_RATE`
    leading: int  # samples of silence before it
    trailing: int  # and after it


def utterance_in(decoded: NDArray[np.float32], any_sound: bool = False) -> Speech:
    """Take away offset, rumble and outer silence, and refuse what is not speech.

    The level stays as it is, unless the signal is very quiet or beyond full scale.

    Args:
        decoded: float32, shape = (samples,), as `audio.decode` gives it.
        any_sound: whether to take it even if nobody speaks.

    Raises:
        UnusableAudioError: it is silent, too short between its outer silences, or nobody speaks in it.
    """
    signal = cleaned(decoded)
    start, stop = speech_span(signal)
    if stop - start < MINIMUM_SPEECH:
        raise UnusableAudioError(f"too short: {1000 * (stop - start) / SAMPLE_RATE:.0f} ms between its silences")
    if not any_sound and not holds_speech(signal[start:stop]):
        raise UnusableAudioError(NO_SPEECH)
    return Speech(signal[start:stop], start, len(signal) - stop)


def cleaned(decoded: NDArray[np.float32]) -> NDArray[np.int16]:
    """Take away offset and rumble.

    Args:
        decoded: float32, shape = (samples,), as `audio.decode` gives it.

    Returns:
        int16, shape = (samples,).

    Raises:
        UnusableAudioError: it is silent.
    """
    return _as_pcm(without_rumble(decoded))


def _as_pcm(signal: NDArray[np.float32]) -> NDArray[np.int16]:
    """Round to int16; before, a quiet signal is scaled up, to lose little, and one beyond full scale down."""
    peak = max(-float(signal.min()), float(signal.max()))
    if peak < SILENT_PEAK:
        raise UnusableAudioError("silent")
    return np.rint(signal * np.float32(np.clip(peak, QUIET_PEAK, LOUD_PEAK) / peak)).astype(np.int16)
