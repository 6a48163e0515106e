"""v1's silence rule."""

import numpy as np
import pytest

from audio.silence import SILENCE_PERCENTILE, speech_span


def loop_span(signal):
    """The same rule, a sample at a time."""
    magnitudes = [abs(int(sample)) for sample in signal]
    rank = (len(magnitudes) - 1) * SILENCE_PERCENTILE / 100
    ordered = sorted(magnitudes)
    below, above = ordered[int(rank)], ordered[min(int(rank) + 1, len(ordered) - 1)]
    threshold = below + (above - below) * (rank - int(rank))
    start, stop = 0, 0
    for index, magnitude in enumerate(magnitudes):
        if magnitude > threshold:
            start, stop = (start if stop else index), index + 1
    if not stop and min(signal) < max(signal):  # nothing exceeds the top magnitude, which many samples share
        top = [index for index, magnitude in enumerate(magnitudes) if magnitude == ordered[-1]]
        return top[0], top[-1] + 1
    return start, stop


@pytest.mark.parametrize("seed", range(20))
def test_it_equals_a_plain_loop(seed):
    rng = np.random.default_rng(seed)
    signal = rng.normal(0, rng.choice([0.5, 3, 5000]), rng.integers(1, 400)).clip(-32768, 32767).astype(np.int16)
    assert speech_span(signal) == loop_span(signal)


def test_a_burst_between_silences_is_found_to_the_sample():
    signal = np.zeros(1000, np.int16)
    signal[300:340] = 5000
    assert speech_span(signal) == (300, 340)


def test_a_flat_burst_longer_than_a_twentieth_is_found():
    signal = np.zeros(1000, np.int16)
    signal[300:400] = 5000  # the percentile itself is 5000, and nothing exceeds it
    assert speech_span(signal) == (300, 400)


def test_a_square_tone_is_voiced_throughout():
    assert speech_span(np.tile(np.array([5000, -5000], np.int16), 400)) == (0, 800)


def test_clipped_speech_is_cut_where_clipping_begins_and_ends():
    time = np.arange(4000) / 8000
    loud = 100_000 * np.sin(2 * np.pi * 200 * time) * np.hanning(4000)
    signal = np.concatenate([np.zeros(1000), loud.clip(-32767, 32767), np.zeros(500)]).astype(np.int16)
    start, stop = speech_span(signal)
    assert 1000 < start < 2000
    assert 4000 < stop < 5000
    assert abs(signal[start]) == abs(signal[stop - 1]) == 32767


def test_the_first_and_last_sample_can_be_voiced():
    signal = np.zeros(100, np.int16)
    signal[[0, -1]] = 100
    assert speech_span(signal) == (0, 100)


@pytest.mark.parametrize("signal", [np.zeros(8000), np.full(8000, -7), np.zeros(1), np.zeros(0)])
def test_nothing_stands_out_of_silence_a_constant_or_an_empty_signal(signal):
    assert speech_span(signal.astype(np.int16)) == (0, 0)


def test_the_most_negative_sample_is_loud():
    signal = np.zeros(100, np.int16)
    signal[40] = -32768
    assert speech_span(signal) == (40, 41)


def test_the_signal_is_not_changed():
    signal = np.array([0, -32768, 5] * 10, np.int16)
    before = signal.copy()
    speech_span(signal)
    np.testing.assert_array_equal(signal, before)
