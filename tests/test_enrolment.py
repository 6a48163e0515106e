"""What an enrolment says of recordings that do not belong together."""

from types import SimpleNamespace

import numpy as np
from calibrated import CALIBRATION

from inference.cohort import Scoring
from inference.enrolment import disagreements, without_repeats
from inference.recordings import Speech


def speech(name, seconds=4):
    return Speech(name, np.random.default_rng(0).integers(-9999, 9999, seconds * 8000).astype(np.int16))


def vectors(*degrees):
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


ENCODER = SimpleNamespace(calibration=CALIBRATION, scoring=Scoring(None))
RECORDINGS = [speech("a.wav"), speech("b.wav"), speech("c.wav")]


def test_the_odd_one_out_is_named():
    (remark,) = disagreements(RECORDINGS, vectors(0, 90, 5), ENCODER)
    assert remark.startswith("b.wav sounds like another speaker than the other recordings (log-likelihood ratio -")


def test_of_two_that_differ_both_are_named():
    assert len(disagreements(RECORDINGS[:2], vectors(0, 90), ENCODER)) == 2


def test_recordings_that_agree_are_fine():
    assert disagreements(RECORDINGS, vectors(0, 10, 5), ENCODER) == []


def test_one_recording_can_not_disagree_and_without_a_calibration_nobody_knows():
    assert disagreements(RECORDINGS[:1], vectors(0), ENCODER) == []
    assert disagreements(RECORDINGS, vectors(0, 90, 5), SimpleNamespace(calibration=None)) == []


def test_a_recording_and_its_copies_count_once():
    one, other = (speech(name) for name in ("one.wav", "copy.wav"))
    rest = Speech("rest.wav", np.random.default_rng(1).integers(-9999, 9999, 40_000).astype(np.int16))
    kept, told = without_repeats([one, other, rest])
    assert [recording.name for recording in kept] == ["one.wav", "rest.wav"]
    assert told == ["copy.wav holds the same sound as one.wav: the two count as one"]
