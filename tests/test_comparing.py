"""Recordings to a decision in Python, as `--verify` does it."""

import pickle

import numpy as np
import pytest
import soundfile
from conftest import VOICES

from inference import SpeakerEncoder, decisions
from inference.calibration import CalibrationError
from inference.decisions import DIFFERENT, SAME, Policy, PolicyError
from inference.recordings import RecordingError, load_speech
from models.onnx_export import with_calibration
from models.onnx_file import BUNDLED, read_exported

ANN, ANN_AGAIN, BOB = (VOICES / name for name in ("p225/p225_001.flac", "p225/p225_003.flac", "p226/p226_001.flac"))


@pytest.fixture(scope="module")
def encoder():
    return SpeakerEncoder()


def test_an_embedding_knows_how_much_speech_it_is_of(encoder):
    embedding = encoder.embed(ANN)
    np.testing.assert_array_equal(embedding.vector, encoder.embed_utterance(ANN))
    assert embedding.speech_seconds == load_speech(ANN).seconds > 1
    assert embedding.remarks == ()


def test_several_recordings_are_one_speaker(encoder):
    together = encoder.embed([ANN, ANN_AGAIN])
    np.testing.assert_array_equal(together.vector, encoder.embed_speaker([ANN, ANN_AGAIN]))
    assert together.speech_seconds == load_speech(ANN).seconds + load_speech(ANN_AGAIN).seconds
    with pytest.raises(ValueError, match="at least one recording"):
        encoder.embed([])


def test_samples_are_a_recording_too(encoder):
    samples, rate = soundfile.read(ANN, dtype="int16")
    np.testing.assert_array_equal(encoder.embed(samples, sample_rate=rate).vector, encoder.embed(ANN).vector)


def test_remarks_on_a_recording_come_with_its_embedding(encoder):
    time = np.arange(16_000) / 8000
    samples, rate = soundfile.read(ANN)
    clipped = np.clip(20 * samples, -0.5, 0.5)
    (remark,) = encoder.embed(clipped, sample_rate=rate).remarks
    assert remark == "the array: clipped (recorded too loud)"
    with pytest.raises(RecordingError, match="the array"):
        encoder.embed(0.5 * np.sin(2 * np.pi * 500 * time), sample_rate=8000)


def test_a_decision_is_that_of_the_score_and_the_lengths(encoder):
    a, b = encoder.embed(ANN), encoder.embed(BOB)
    expected = decisions.compare(
        encoder.similarity(a.vector, b.vector),
        encoder.scoring.pair(a.vector, b.vector),
        (a.speech_seconds, b.speech_seconds),
        encoder.calibration,
    )
    assert encoder.compare(a, b) == encoder.verify(ANN, BOB) == expected
    assert expected.verdict == DIFFERENT
    assert encoder.verify(ANN, ANN_AGAIN).verdict == SAME
    assert encoder.verify([ANN, ANN_AGAIN], BOB).verdict == DIFFERENT


def test_the_policy_decides(encoder):
    a, b = encoder.embed(ANN), encoder.embed(ANN_AGAIN)
    assert encoder.compare(a, b, Policy(prior=1e-9)).verdict == DIFFERENT
    strict = encoder.compare(a, b, Policy(max_false_accept=0.01))
    assert strict.threshold == encoder.calibration.threshold(0.01, min(a.speech_seconds, b.speech_seconds))


def test_without_a_calibration_there_is_a_distance_and_no_verdict():
    encoder = SpeakerEncoder.from_exported(with_calibration(read_exported(BUNDLED), None))
    comparison = encoder.verify(ANN, BOB)
    assert (comparison.verdict, comparison.log_likelihood_ratio) == (None, None)
    assert 0 < comparison.cosine_distance < 2
    with pytest.raises(CalibrationError, match="not calibrated"):
        encoder.verify(ANN, BOB, Policy(max_false_accept=0.01))


@pytest.mark.parametrize("prior", [0, 1, -0.1, 1.1, 5e-324, 1e-13, 1 - 1e-16, float("nan"), float("inf")])
def test_a_prior_that_can_not_be_reckoned_with_is_refused(prior):
    with pytest.raises(PolicyError, match=r"expected a prior from 1e-12 to 1 - 1e-12\. Received"):
        Policy(prior=prior)


@pytest.mark.parametrize("rate", [0, 1, -1, 2, float("nan")])
def test_a_rate_of_false_acceptance_that_is_none_is_refused(rate):
    with pytest.raises(PolicyError, match=r"expected a rate of false acceptance between 0 and 1"):
        Policy(max_false_accept=rate)


def test_encoders_differ_in_where_they_came_from_alone(encoder):
    content = SpeakerEncoder.from_exported(read_exported(BUNDLED))
    pickled = pickle.loads(pickle.dumps(encoder))
    for other in (content, pickled, SpeakerEncoder(BUNDLED)):
        np.testing.assert_array_equal(other.embed_utterance(ANN), encoder.embed_utterance(ANN))
        assert other.description == encoder.description
    assert encoder.origin == {"path": str(BUNDLED), "stage": "triplet", "step": 6000, "finished": True}
    assert content.origin == {"stage": "triplet", "step": 6000, "finished": True}
    assert encoder.exported == pickled.exported == content.exported == read_exported(BUNDLED)


@pytest.mark.parametrize(
    ("other", "score", "ratio", "distance"), [(BOB, -2.1132, -3.5858, 0.78336), (ANN_AGAIN, 4.9495, 5.4517, 0.25239)]
)
def test_the_bundled_network_s_answers_stay_what_they_are(encoder, other, score, ratio, distance):
    comparison = encoder.verify(ANN, other)
    assert comparison.score == pytest.approx(score, abs=2e-3)
    assert comparison.log_likelihood_ratio == pytest.approx(ratio, abs=2e-3)
    assert comparison.cosine_distance == pytest.approx(distance, abs=2e-4)
