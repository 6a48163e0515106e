"""The chain of disturbances: each with its probability, a background where one is wanted, finite whatever comes in."""

from dataclasses import replace

import numpy as np
import pytest

from batcher.chain import Background, Disturbances, chain

SIGNAL = np.random.default_rng(0).normal(0, 1000, 12_000).astype(np.float32)
SHARES = [name for name, value in vars(Disturbances()).items() if isinstance(value, float)]
NOTHING = replace(Disturbances(), **dict.fromkeys(SHARES, 0.0))
OF_NOISE = ("recorded", "babble", "music")  # shares of the noises


def loud(signal: np.ndarray) -> np.ndarray:
    """At a level of 1, whatever its own."""
    return signal / np.sqrt(np.square(signal).mean())


@pytest.mark.parametrize("name", [name for name in SHARES if name not in OF_NOISE])
def test_each_disturbance_happens_where_it_is_wanted_and_not_elsewhere(name):
    quiet = loud(chain(SIGNAL, Background(), NOTHING, np.random.default_rng(0)))
    np.testing.assert_allclose(quiet, loud(SIGNAL), rtol=1e-4)
    disturbed = loud(chain(SIGNAL, Background(), replace(NOTHING, **{name: 1.0}), np.random.default_rng(0)))
    assert len(disturbed) != len(SIGNAL) or np.abs(disturbed - loud(SIGNAL)).max() > 0.01


def test_by_default_half_of_the_copies_are_noisy_and_few_are_as_they_were():
    same = 0
    for seed in range(100):
        made = chain(SIGNAL, Background(), Disturbances(), np.random.default_rng(seed))
        same += len(made) == len(SIGNAL) and np.allclose(loud(made), loud(SIGNAL), atol=1e-3)
    assert same < 8


@pytest.mark.parametrize(
    "signal", [np.zeros(4000), np.ones(1), np.full(9000, 32_767)], ids=["silence", "one", "constant"]
)
def test_whatever_comes_in_what_comes_out_is_finite(signal):
    for seed in range(100):
        made = chain(
            signal.astype(np.float32), Background([lambda: SIGNAL] * 3), Disturbances(), np.random.default_rng(seed)
        )
        assert np.isfinite(made).all()
        assert made.dtype == np.float32


def test_recorded_noises_and_rooms_come_in_the_place_of_made_up_ones():
    tone = np.sin(2 * np.pi * 1000 * np.arange(12_000) / 8000).astype(np.float32)
    echo = np.zeros(4001, np.float32)
    echo[[0, 4000]] = 1, 0.8
    background = Background(noise=lambda samples, rng: tone[:samples], response=lambda: echo)
    always = replace(NOTHING, noise=1.0, signal_to_noise=(0, 0), recorded=1.0)
    spectrum = np.abs(np.fft.rfft(chain(SIGNAL, background, always, np.random.default_rng(0))))
    assert spectrum.argmax() == 1500  # of 12,000 samples
    heard = loud(chain(SIGNAL, background, replace(NOTHING, room=1.0, recorded=1.0), np.random.default_rng(0)))
    together = np.corrcoef(heard[4000:], SIGNAL[4000:] + 0.8 * SIGNAL[:-4000])
    assert together[0, 1] > 0.999


def test_where_nothing_is_recorded_or_it_can_not_be_read_things_are_made_up():
    wanted = replace(NOTHING, noise=1.0, room=1.0, recorded=1.0)
    made = chain(SIGNAL, Background(), wanted, np.random.default_rng(0))
    assert np.abs(loud(made) - loud(SIGNAL)).max() > 0.1


def test_nothing_is_read_that_is_not_needed():
    def unneeded(*_):
        raise AssertionError("read")

    background = Background([unneeded] * 3, unneeded, unneeded)
    options = replace(Disturbances(), noise=0.0, room=0.0)
    for seed in range(30):
        chain(SIGNAL, background, options, np.random.default_rng(seed))


def test_babble_is_made_of_the_voices_of_the_company():
    tones = [np.sin(2 * np.pi * hertz * np.arange(8000) / 8000).astype(np.float32) * 3000 for hertz in (500, 900, 1300)]
    background = Background([lambda tone=tone: tone for tone in tones])
    options = replace(NOTHING, noise=1.0, babble=1.0, signal_to_noise=(-20, -20))
    spectrum = np.abs(np.fft.rfft(chain(SIGNAL, background, options, np.random.default_rng(0))))
    strongest = np.argsort(spectrum)[-3:] * 8000 / 12_000
    assert {round(hertz, -2) for hertz in strongest} == {500, 900, 1300}
