"""Made-up rooms: the direct sound first, then noise that dies away."""

import numpy as np

from batcher.rooms import made_up_response, reverberate


def test_a_room_is_a_direct_sound_and_a_tail_that_decays_by_the_time_drawn():
    for seed in range(30):
        response = made_up_response(np.random.default_rng(seed))
        assert response.dtype == np.float32
        assert 0.14 * 8000 < len(response) < 0.91 * 8000  # until 60 dB are lost
        early, late = (np.square(part).mean() for part in np.split(response[240:], [len(response) // 4])[:2])
        assert 10 * np.log10(early / late) > 10


def test_direct_to_reverberant_ratios_are_from_minus_3_to_15_decibels():
    ratios = []
    for seed in range(200):
        response = made_up_response(np.random.default_rng(seed))
        ratios.append(-10 * np.log10(np.square(response[1:]).sum()))
    assert -3.5 < min(ratios) < 0
    assert 12 < max(ratios) < 15.5


def test_an_echo_repeats_the_signal():
    signal = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    response = np.zeros(101, np.float32)
    response[[0, 100]] = 1, 0.5
    expected = signal.copy()
    expected[100:] += 0.5 * signal[:-100]
    heard = reverberate(signal, response)
    np.testing.assert_allclose(heard, expected, atol=1e-5)
    assert heard.dtype == np.float32


def test_rooms_differ_and_a_generator_has_one():
    once, again, other = (made_up_response(np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(once, again)
    assert len(once) != len(other) or not np.array_equal(once, other)


def test_short_signals_stay_short():
    assert reverberate(np.ones(3, np.float32), made_up_response(np.random.default_rng(0))).shape == (3,)
