"""What happens to speech on its way from a mouth to a file: a random chain of disturbances, on samples.

room, pauses, noise, hum, the microphone's own noise, an overdriven microphone, level, automatic gain,
telephone (band, codec), phone app (codec), lost packets, clicks, digital silence, an offset
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from batcher import additions, codecs, rooms, telephone


class Background(NamedTuple):
    """What a recording may hold beside its speaker; each part is read when it is needed."""

    speech: Sequence[Callable[[], np.ndarray]] = ()  # signals of other speakers, for babble
    noise: Callable[[int, np.random.Generator], np.ndarray | None] | None = None  # recorded; so many samples of it
    response: Callable[[], np.ndarray | None] | None = None  # a room's, recorded


@dataclass(frozen=True)
class Disturbances:
    """How many of the copies are disturbed by what, as shares, and how strongly."""

    room: float = 0.3
    pauses: float = 0.2
    noise: float = 0.5
    signal_to_noise: tuple[float, float] = (0.0, 25.0)  # dB
    recorded: float = 0.7  # share of rooms, and of noises, that come from the user's recordings, if there are any
    babble: float = 0.3  # share of the other noises
    music: float = 0.15  # share of the other noises
    hum: float = 0.1
    signal_to_hum: tuple[float, float] = (5.0, 35.0)  # dB
    overdriven: float = 0.1
    offset: float = 0.15
    floor: float = 0.3  # steady noise, faint, of the microphone's own
    signal_to_floor: tuple[float, float] = (25.0, 50.0)  # dB
    automatic_gain: float = 0.2
    telephone: float = 0.45
    app: float = 0.25
    lost_packets: float = 0.1
    clicks: float = 0.15
    digital_silence: float = 0.1


def chain(signal: np.ndarray, background: Background, options: Disturbances, rng: np.random.Generator) -> np.ndarray:
    """Disturb a signal, each time in other ways.

    Args:
        signal: float32 of 16-bit full scale, shape = (samples,), at 8 kHz.
        background: what may be added to it.

    Returns:
        the same, of another length where pauses came in; it may exceed full scale.
    """
    return _transmitted(_recorded(signal, background, options, rng), options, rng)


def _recorded(
    signal: np.ndarray, background: Background, options: Disturbances, rng: np.random.Generator
) -> np.ndarray:
    """From the mouth to what a microphone gives."""
    if rng.random() < options.room:
        signal = rooms.reverberate(signal, _response(background, options, rng))
    if rng.random() < options.pauses:
        signal = additions.add_pauses(signal, rng)
    if rng.random() < options.noise:
        signal = additions.add(
            signal, _noise(len(signal), background, options, rng), rng.uniform(*options.signal_to_noise)
        )
    if rng.random() < options.hum:
        signal = additions.add(signal, additions.hum(len(signal), rng), rng.uniform(*options.signal_to_hum))
    if rng.random() < options.floor:
        signal = additions.add(signal, additions.noise(len(signal), rng), rng.uniform(*options.signal_to_floor))
    if rng.random() < options.overdriven:
        signal = telephone.overdrive(signal, rng)
    return telephone.bring_to_level(signal, rng)


def _response(background: Background, options: Disturbances, rng: np.random.Generator) -> np.ndarray:
    recorded = background.response() if background.response and rng.random() < options.recorded else None
    return rooms.made_up_response(rng) if recorded is None else recorded


def _noise(samples: int, background: Background, options: Disturbances, rng: np.random.Generator) -> np.ndarray:
    recorded = background.noise(samples, rng) if background.noise and rng.random() < options.recorded else None
    if recorded is not None:
        return recorded
    kind = rng.random()
    if kind < options.babble and background.speech:
        return additions.babble([read() for read in background.speech], samples, rng)
    if kind < options.babble + options.music:
        return additions.music(samples, rng)
    return additions.noise(samples, rng)


def _transmitted(signal: np.ndarray, options: Disturbances, rng: np.random.Generator) -> np.ndarray:
    """From a microphone to a file."""
    if rng.random() < options.automatic_gain:
        signal = telephone.gain_automatically(signal, rng)
    if rng.random() < options.telephone:
        signal = codecs.code(telephone.limit_band(signal, rng), str(rng.choice(codecs.TELEPHONE_CODECS)), rng)
    if rng.random() < options.app:
        signal = codecs.code(signal, str(rng.choice(codecs.APP_CODECS)), rng)
    if rng.random() < options.lost_packets:
        signal = telephone.lose_packets(signal, rng)
    if rng.random() < options.clicks:
        signal = additions.add_clicks(signal, rng)
    if rng.random() < options.digital_silence:
        signal = additions.add_pauses(signal, rng)
    return additions.add_offset(signal, rng) if rng.random() < options.offset else signal
