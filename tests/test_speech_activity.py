"""Which parts of an utterance are speech."""

import numpy as np
import pytest
import soundfile
from conftest import VOICES

from audio.decode import decode
from audio.speech_activity import CELL, active_cells, speech_seconds
from audio.utterance import utterance_in

RATE = 8000
VOICE = utterance_in(decode(VOICES / "p225" / "p225_001.flac")).signal
HALF = len(VOICE) // 2 // CELL * CELL  # where a pause is put


def noise(seconds: float, level: float, seed: int = 0) -> np.ndarray:
    """White noise, `level` dB above the voice's mean power."""
    power = np.square(VOICE.astype(float)).mean()
    return np.random.default_rng(seed).normal(0, np.sqrt(power * 10 ** (level / 10)), round(seconds * RATE))


def with_pause(pause: np.ndarray) -> tuple[np.ndarray, slice]:
    """The voice with something in its middle, and the cells of that."""
    signal = np.concatenate([VOICE[:HALF], pause, VOICE[HALF:]]).clip(-32768, 32767).astype(np.int16)
    return signal, slice(HALF // CELL, (HALF + len(pause)) // CELL)


@pytest.mark.parametrize("seconds", [1, 5, 10])
@pytest.mark.parametrize("level", [-np.inf, -40, -25, -15])
def test_a_pause_is_no_speech_whatever_noise_is_in_it(seconds, level):
    signal, pause = with_pause(noise(seconds, level))
    active = active_cells(signal)
    assert active[pause].sum() <= 10  # 0.1 s at its edges
    around = np.r_[active[: pause.start], active[pause.stop :]]
    assert around.sum() >= 0.7 * active_cells(VOICE).sum()


@pytest.mark.parametrize("level", [-25, -15])
def test_so_is_a_pause_in_a_room_that_hums_throughout(level):
    signal, pause = with_pause(np.zeros(5 * RATE))
    signal = (signal + noise(len(signal) / RATE, level)[: len(signal)]).clip(-32768, 32767).astype(np.int16)
    assert active_cells(signal)[pause].sum() <= 10


def test_clicks_are_no_speech():
    signal, pause = with_pause(np.zeros(3 * RATE))
    for second in (0.5, 1.5, 2.5):
        start = HALF + round(second * RATE)
        signal[start : start + 60] = 30_000 * np.random.default_rng(0).choice([-1, 1], 60)
    assert active_cells(signal)[pause].sum() <= 2 * 3  # what belongs to the speech on either side


def test_level_makes_no_difference():
    np.testing.assert_array_equal(active_cells((VOICE // 2 * 2).astype(np.int16)), active_cells(VOICE // 2))


def test_a_voice_that_holds_one_note_is_speech():
    time = np.arange(3 * RATE) / RATE
    held = sum(np.sin(2 * np.pi * 200 * n * time) / n for n in range(1, 12))
    assert active_cells((8000 * held).astype(np.int16)).mean() > 0.9


@pytest.mark.parametrize("size", [1, 79, 80, 81, 799, 800, 5000])
def test_there_is_a_cell_for_each_10_ms_begun_and_one_is_active(size):
    active = active_cells(VOICE[:size])
    assert active.shape == (-(-size // CELL),)
    assert active.any()


def test_seconds_are_those_of_the_active_cells():
    pause = np.random.default_rng(0).integers(-3, 4, 4 * RATE).astype(np.int16)
    alone = speech_seconds(VOICE)
    assert alone == active_cells(VOICE).sum() / 100
    assert speech_seconds(np.concatenate([VOICE, pause, VOICE])) == pytest.approx(2 * alone, rel=0.1)


def test_real_silence_between_words_is_found():
    samples, rate = soundfile.read(VOICES / "p225" / "p225_001.flac", dtype="int16")
    assert rate == 2 * RATE
    words = [samples[::2][start : start + RATE] for start in (0, RATE)]
    signal = np.concatenate([words[0], np.zeros(RATE, np.int16), words[1]])
    assert active_cells(signal)[102:198].sum() == 0


def in_room(level: float, signal: np.ndarray) -> np.ndarray:
    """A signal in a room with noise throughout, `level` dB above the voice's mean power."""
    return (signal + noise(len(signal) / RATE, level, seed=3)[: len(signal)]).clip(-32768, 32767).astype(np.int16)


WITH_PAUSE, _ = with_pause(np.zeros(3 * RATE))
IN_TWO_NOISES, _ = with_pause(np.concatenate([noise(3, -40), noise(1, -15, seed=2)]))
FADING = (VOICE * np.linspace(1, 0.003, len(VOICE))).astype(np.int16)
ANOTHER_FAR_AWAY = np.concatenate([VOICE, (VOICE * 10 ** (-22 / 20)).astype(np.int16)])
AFTER_IT_SILENCE = np.concatenate([in_room(-15, WITH_PAUSE), np.zeros(60 * RATE, np.int16)])
A_SYLLABLE = np.concatenate([noise(2, -40), VOICE[8000:9200], noise(2, -40)]).astype(np.int16)  # too little to judge by


@pytest.mark.parametrize(
    ("signal", "cells"),
    [
        (VOICE, 218),
        (FADING, 200),
        (ANOTHER_FAR_AWAY, 363),
        (in_room(-15, WITH_PAUSE), 180),
        (in_room(-8, WITH_PAUSE), 236),
        (IN_TWO_NOISES, 165),
        (AFTER_IT_SILENCE, 180),
        (A_SYLLABLE, 415),
    ],
    ids=["clean", "fading", "far", "noise", "loud noise", "two noises", "digital silence", "a syllable"],
)
def test_so_many_cells_are_speech_as_on_the_day_when_the_bundled_network_was_trained(signal, cells):
    assert active_cells(signal).sum() == pytest.approx(cells, abs=2)
