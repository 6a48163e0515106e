"""What lines, phones and cheap microphones do to a signal."""

import numpy as np
import pytest

from batcher.telephone import (
    FRAME,
    bring_to_level,
    gain_automatically,
    limit_band,
    lose_packets,
    overdrive,
    root_mean_square,
)

EACH = {
    "limit_band": limit_band,
    "lose_packets": lose_packets,
    "gain_automatically": gain_automatically,
    "overdrive": overdrive,
    "bring_to_level": bring_to_level,
}
NOISE = np.random.default_rng(0).normal(0, 2000, 40_000).astype(np.float32)


@pytest.mark.parametrize("name", EACH)
def test_the_same_generator_gives_the_same_and_another_another(name):
    once, again, other = (EACH[name](NOISE, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other)
    assert once.dtype == np.float32


@pytest.mark.parametrize("name", EACH)
@pytest.mark.parametrize("signal", [np.zeros(1000), np.ones(1), np.arange(170)], ids=["silence", "one", "short"])
def test_signals_of_any_length_stay_finite_and_as_long_as_they_are(name, signal):
    before = signal.astype(np.float32)
    for seed in range(20):
        given = before.copy()
        made = EACH[name](given, np.random.default_rng(seed))
        assert made.shape == signal.shape
        assert np.isfinite(made).all()
        np.testing.assert_array_equal(given, before)


def test_a_line_leaves_the_band_of_speech_and_weakens_what_is_outside():
    for seed in range(30):
        power = np.square(np.abs(np.fft.rfft(limit_band(NOISE, np.random.default_rng(seed)))))
        per_hertz = len(NOISE) // 8000
        inside, below, above = (power[low * per_hertz : high * per_hertz].mean() for low, high in BANDS)
        assert below < inside / 10
        assert above < inside / 2


BANDS = (600, 2400), (20, 100), (3850, 4000)  # Hz


def test_lost_packets_are_silent_or_the_last_one_again_and_the_others_untouched():
    shares = {"silent": [], "repeated": []}
    for seed in range(200):
        made = lose_packets(NOISE, np.random.default_rng(seed)).reshape(-1, FRAME)
        lost = np.flatnonzero((made != NOISE.reshape(-1, FRAME)).any(axis=1))
        if not len(lost):
            continue
        silent = not made[lost[0]].any()
        for number in lost:
            np.testing.assert_allclose(made[number], 0 if silent else 0.6 * made[number - 1], rtol=1e-5)
        shares["silent" if silent else "repeated"].append(len(lost) / len(made))
    assert min(map(len, shares.values())) > 60
    assert 0.03 < np.mean([*shares["silent"], *shares["repeated"]]) < 0.08  # drawn from 1 to 10 %


def test_automatic_gain_brings_loud_and_quiet_parts_closer():
    steps = np.repeat([1, 0.1, 1, 0.1], 10_000).astype(np.float32) * NOISE
    for seed in range(20):
        made = gain_automatically(steps, np.random.default_rng(seed))
        ratio = root_mean_square(made[28_000:30_000]) / root_mean_square(made[38_000:])
        assert 1 < ratio < 9  # 10 before


def test_an_overdriven_microphone_leaves_little_above_its_limit():
    kinds = {"cut": 0, "rounded": 0}
    for seed in range(40):
        made = np.abs(overdrive(NOISE, np.random.default_rng(seed)))
        at_top = (made >= made.max()).mean()
        assert made.max() < np.abs(NOISE).max()
        kinds["cut" if at_top > 0.0004 else "rounded"] += 1
        assert at_top < 0.021
    assert min(kinds.values()) > 8


def test_levels_are_those_of_recordings():
    levels = [
        20 * np.log10(root_mean_square(bring_to_level(NOISE, np.random.default_rng(s))) / 32768) for s in range(99)
    ]
    assert -38.1 < min(levels) < -34
    assert -18 < max(levels) < -13.9
