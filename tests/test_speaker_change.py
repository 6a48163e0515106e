"""A recording that changes its speaker is told."""

from types import SimpleNamespace

import numpy as np
import pytest
from angles import AngleEncoder
from calibrated import CALIBRATION

from inference.cohort import Scoring
from inference.recordings import Speech
from inference.speaker_change import MOST_PIECES, lowest_ratio, speaker_change_remark

ENCODER = AngleEncoder()
ENCODER.calibration, ENCODER.scoring = CALIBRATION, Scoring(None)


@pytest.fixture(autouse=True)
def every_sample_counts(monkeypatch):
    monkeypatch.setattr("inference.speaker_change.speech_seconds", lambda signal: len(signal) / 8000)


def spoken(*degrees, seconds=1.5):
    """A signal whose pieces are embedded at those angles."""
    return np.repeat(np.array(degrees, np.int16), round(seconds * 8000))


def test_the_ratio_of_what_is_before_and_after_by_hand():
    ratio, at = lowest_ratio(ENCODER, spoken(0, 10, 90, 100))
    cosine = np.cos(np.radians(90))  # of the means, at 5 and 95 degrees
    assert ratio == pytest.approx(CALIBRATION.unbounded(cosine, 3.0, 3.0), abs=1e-6)
    assert at == 3.0


def test_a_change_is_told_with_its_place():
    remark = speaker_change_remark(ENCODER, Speech("call.wav", spoken(0, 5, 3, 90, 95)))
    assert remark.startswith("call.wav: what is said before 4 s sounds like another speaker than what is said after")


def test_one_speaker_is_not_told():
    assert speaker_change_remark(ENCODER, Speech("a.wav", spoken(0, 20, 10, 15))) is None


def test_short_recordings_and_networks_without_a_calibration_tell_nothing():
    assert lowest_ratio(ENCODER, spoken(0, seconds=2.9)) is None
    assert lowest_ratio(SimpleNamespace(calibration=None), spoken(0, 90)) is None


def test_a_long_recording_is_cut_into_longer_pieces():
    encoder = AngleEncoder()
    encoder.calibration, encoder.scoring = CALIBRATION, Scoring(None)
    ratio, at = lowest_ratio(encoder, spoken(0, 90, seconds=300))
    assert len(encoder.lengths) == MOST_PIECES
    assert at == 300
    assert ratio < -3


@pytest.mark.parametrize(("ratio", "is_told"), [(-4.9, False), (-5.1, True)])
def test_a_ratio_that_is_low_by_chance_is_not_told(monkeypatch, ratio, is_told):
    monkeypatch.setattr("inference.speaker_change.lowest_ratio", lambda encoder, signal: (ratio, 3.0))
    assert (speaker_change_remark(ENCODER, Speech("a.wav", spoken(0))) is not None) == is_told
