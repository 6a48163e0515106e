"""Copies are found by their content; other recordings of the same speaker and text are not."""

import numpy as np
import pytest
import soxr
from sample_signals import sample_signals

from audio.mfcc import speech_log_mel
from audio.utterance import utterance_in
from evaluation.audit.fingerprint import matches


def front_end(samples: np.ndarray) -> np.ndarray:
    return utterance_in(samples.astype(np.float32)).signal


def resampled(rate: int):
    return lambda signal: soxr.resample(soxr.resample(signal.astype(np.float64), 8000, rate), rate, 8000)


COPIES = {
    "same": lambda signal: signal,
    "16 kHz": resampled(16_000),
    "44.1 kHz": resampled(44_100),
    "cut": lambda signal: signal[2400:],
    "cut between frames": lambda signal: signal[2437:-1111],
    "quiet": lambda signal: signal * 0.1,
    "16 kHz, cut and quiet": lambda signal: resampled(16_000)(signal)[2437:] * 0.3,
}


@pytest.fixture(scope="module")
def originals() -> list[np.ndarray]:
    """Two utterances of each speaker: the same sentences for all of them."""
    return [signal for one in sample_signals().values() for signal in one[:4]]


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_found_whatever_was_done_to_it(originals, name):
    copies = [front_end(COPIES[name](signal)) for signal in originals]
    mels = [speech_log_mel(signal).astype(np.float16) for signal in (*originals, *copies)]
    found = {(match.first, match.second) for match in matches(mels)}
    expected = {(row, row + len(originals)) for row in range(len(originals))}
    assert len(expected & found) >= 0.95 * len(expected), sorted(expected - found)
    assert found <= expected


def test_other_recordings_are_no_copies(originals):
    assert matches([speech_log_mel(signal) for signal in originals]) == []


def test_short_recordings_are_left_alone():
    assert matches([np.zeros((5, 33)), np.zeros((5, 33))]) == []
