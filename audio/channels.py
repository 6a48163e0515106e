"""Which channel of a recording to take, or whether to mix them.

Mixing what several microphones, or several people, say is wrong as often as it is right: a copy that is inverted or
delayed cancels the other, noise covers it, and two people become one. What tells these apart is how the loudness of
each channel goes up and down: channels with the same speech do so together, whatever the delay, the phase, the room and
the microphone; noise and hum hardly do; two people do so each on their own.
"""

from collections.abc import Iterator
from itertools import chain
from numbers import Integral
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audio.errors import UnusableAudioError

MIX = "mix"
Wanted = int | Literal["mix"] | None  # a channel counted from 1, all of them, or whatever `choose` finds right

LOOKED_AT = 1 << 24  # samples of all channels, which are held in memory: of stereo at 48 kHz, three minutes
FRAME = 0.02  # s
ENOUGH_RATE = 16_000  # Hz: of higher ones, every second or third sample tells the power as well as all do
LOUD, QUIET = 95, 10  # percentiles of the frames' levels: that of speech, and that of its pauses
STEADY = 12  # dB between them; of 160 recordings of speech none had less than 24, pink noise has up to 9
AUDIBLE = 40  # dB below the loudest channel, and below a channel's own loud frames: what is farther is not looked at
ACTIVE = 20  # dB below a channel's loud frames, in one channel at least: the frames that are compared
COMPARED_RANGE = 30  # dB
LAGS = 5  # frames, 100 ms, that a channel may be behind the other
ALIKE = 0.6  # correlation of levels; with reverberation 0.7 or more, of two people up to 0.5
FEWEST_FRAMES = 5
SILENCE = 0.3  # of 16-bit full scale: below what a 16-bit converter can tell
PCM_SCALE = 32_768


class Choice(NamedTuple):
    """What to take of a recording."""

    channel: int | None  # counted from 0; the mean of all of them if None
    differ: bool  # whether several channels have speech, and not the same

    def of(self, block: np.ndarray) -> NDArray[np.float32]:
        """Take the chosen channel of a block, (samples, channels), or mix it: (samples,), float32."""
        if self.channel is None:
            return block.mean(axis=1, dtype=np.float32)
        return block[:, self.channel].astype(np.float32)


def choose(blocks: Iterator[np.ndarray], rate: int, wanted: Wanted = None) -> tuple[Choice, Iterator[np.ndarray]]:
    """Decide which channel to take, after a look at the first `LOOKED_AT` samples; one channel costs nothing.

    Unless one is asked for, this is the channel with the widest range between speech and pauses; or all of them, mixed,
    if another one has speech that is not the same.

    Args:
        blocks: (samples, channels) each, int16 or float32.
        rate: Hz.
        wanted: what the user asks for.

    Returns:
        the choice, and all of the blocks again.

    Raises:
        UnusableAudioError: there is no such channel, though there are several; or samples are not finite.
    """
    blocks = iter(blocks)
    first = next(blocks, np.zeros((0, 1), np.int16))
    channels = first.shape[1]
    if channels == 1:
        return Choice(0, False), chain([first], blocks)
    if wanted is not None:
        return _asked_for(wanted, channels), chain([first], blocks)
    held, count = [first], first.size
    while count < LOOKED_AT and (block := next(blocks, None)) is not None:
        held.append(block)
        count += block.size
    return _best(held, rate), chain(held, blocks)


def _asked_for(wanted: object, channels: int) -> Choice:
    if wanted == MIX:
        return Choice(None, False)
    if isinstance(wanted, bool) or not isinstance(wanted, Integral):
        raise UnusableAudioError(f"expected a channel's number, from 1, or {MIX!r}. Received {wanted!r}")
    number = int(wanted)
    if not 1 <= number <= channels:
        raise UnusableAudioError(f"expected one of its {channels} channels. Received channel {number}")
    return Choice(number - 1, False)


def _best(blocks: list[np.ndarray], rate: int) -> Choice:
    if all((block[:, 1:] == block[:, :1]).all() for block in blocks):
        return Choice(0, False)
    stride = max(rate // ENOUGH_RATE, 1)
    frame = max(round(rate * FRAME / stride), 1)
    levels = np.concatenate([_levels(block[::stride], frame) for block in blocks])
    if not len(levels):
        return Choice(0, False)
    loud, quiet = np.percentile(levels, (LOUD, QUIET), axis=0)
    width = np.minimum(loud - quiet, AUDIBLE)
    width[loud < loud.max() - AUDIBLE] = -1
    best = int(np.lexsort((loud, width))[-1])
    relative = levels - loud
    others = [channel for channel in np.flatnonzero(width >= STEADY) if channel != best]
    differ = width[best] >= STEADY and not all(_alike(relative[:, best], relative[:, other]) for other in others)
    return Choice(None if differ else best, bool(differ))


def _levels(block: np.ndarray, frame: int) -> NDArray[np.floating]:
    """The power of each frame without its offset, in dB: (frames, channels)."""
    count = len(block) // frame
    with np.errstate(over="ignore", invalid="ignore"):  # whose outcome is refused
        frames = block[: count * frame].astype(np.float32).reshape(count, frame, block.shape[1])
        power = np.einsum("fsc,fsc->fc", frames, frames) / frame - np.square(frames.mean(axis=1))
    if not np.isfinite(power).all():
        raise UnusableAudioError("it holds samples that are NaN or infinite")
    silence = SILENCE if block.dtype == np.int16 else SILENCE / PCM_SCALE
    return 10 * np.log10(np.maximum(power, silence**2))


def _alike(levels: np.ndarray, others: np.ndarray) -> bool:
    """Whether two channels' levels, (frames,) below those of their loud frames, go up and down together."""
    return any(_correlation(levels, others, lag) >= ALIKE for lag in sorted(range(-LAGS, LAGS + 1), key=abs))


def _correlation(levels: np.ndarray, others: np.ndarray, lag: int) -> float:
    length = len(levels) - abs(lag)
    a, b = levels[max(lag, 0) :][:length], others[max(-lag, 0) :][:length]
    active = (a > -ACTIVE) | (b > -ACTIVE)
    if active.sum() < FEWEST_FRAMES:
        return 1.0  # too little to tell them apart
    a, b = (np.maximum(channel[active], -COMPARED_RANGE) for channel in (a, b))
    deviation = a.std() * b.std()
    return float(np.mean((a - a.mean()) * (b - b.mean())) / deviation) if deviation else 0.0
