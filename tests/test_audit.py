"""The audit finds the first release's leak, and none in our pipeline."""

import itertools

import numpy as np
import pytest
from sample_signals import sample_signals

from evaluation.audit.constant_inputs import constant_inputs
from evaluation.audit.finding import Status, mean_over, status_above
from evaluation.audit.perturbations import perturbations, refusals, through_a_telephone
from evaluation.audit.pipeline import Material, NetworkPipeline
from evaluation.audit.probe import condition_probe
from evaluation.audit.sessions import across_sessions
from evaluation.audit.statistics_shuffled import shuffled_statistics
from evaluation.v1.training import train_v1
from inference.encoder import SpeakerEncoder

UTTERANCES = 4  # of each speaker


def signals(start: int, stop: int | None) -> dict[str, list[np.ndarray]]:
    return dict(itertools.islice(sample_signals().items(), start, stop))


def material(speakers: dict[str, list[np.ndarray]], utterances: int = UTTERANCES) -> Material:
    chosen = [one[:utterances] for one in speakers.values()]
    labels = np.repeat(np.arange(len(chosen)), utterances)
    return Material("samples", [signal for one in chosen for signal in one], labels, np.array([""] * len(labels)))


@pytest.fixture(scope="module")
def unseen():
    return material(signals(7, None))


@pytest.fixture(scope="module")
def ours():
    return NetworkPipeline(SpeakerEncoder())


@pytest.fixture(scope="module")
def v1():
    return train_v1(signals(0, 7), leak=True, steps=300)


@pytest.fixture(scope="module")
def v1_mended():
    return train_v1(signals(0, 7), leak=False, steps=300)


def test_other_speakers_statistics_spoil_v1_and_change_nothing_in_ours(ours, v1, v1_mended, unseen):
    found = shuffled_statistics(v1, unseen)
    assert found.status is Status.LEAK
    assert found.size.value > 0.2
    for pipeline in (ours, v1_mended):
        assert shuffled_statistics(pipeline, unseen).status is Status.NO_LEAK


def test_v1_s_260_constant_inputs_name_the_speaker_and_ours_has_none(ours, v1, v1_mended, unseen):
    found = constant_inputs(v1, unseen)
    assert found.sentence.startswith("260 of 390 inputs are constant within a speaker")
    assert (found.status, found.size.value) == (Status.LEAK, 1.0)
    assert constant_inputs(v1_mended, unseen).status is Status.NO_LEAK
    assert constant_inputs(ours, unseen).sentence == "none of the 60 inputs is constant within speakers"


def test_nothing_but_speech_moves_our_embeddings(ours, unseen):
    found = {finding.test.removesuffix(", samples"): finding for finding in perturbations(ours, unseen)}
    clean = ("gain of -20 to +20 dB", "constant offset", "channels swapped")
    assert {found[test].status for test in clean} == {Status.NO_LEAK}, found
    silence = found["silence before and after"]  # of five speakers: the mean is small, and its interval is not
    assert silence.status is Status.NOT_TESTED and silence.size.value < 0.1 < silence.size.high
    assert "it can't be told whether that is more than 10 %" in silence.sentence


def test_recordings_that_nobody_takes_for_speech_are_no_leak_and_no_error(ours):
    rng = np.random.default_rng(0)
    noise = [rng.normal(0, 1000, 16_000).astype(np.int16) for _ in range(4)]
    made = Material("noise", noise, np.array([0, 0, 1, 1]), np.array([""] * 4))
    findings = [*perturbations(ours, made), through_a_telephone(ours, made)]
    assert {finding.status for finding in findings} == {Status.NOT_TESTED}


def test_a_pipeline_that_keeps_offset_and_level_is_found(v1_mended, unseen):
    leaks = {
        finding.test.removesuffix(", samples")
        for finding in perturbations(v1_mended, unseen)
        if finding.status is Status.LEAK
    }
    assert "gain of -20 to +20 dB" in leaks


def test_noise_alone_gives_a_verdict_in_v1_and_none_in_ours(ours, v1):
    assert refusals(ours).status is Status.NO_LEAK
    found = refusals(v1)
    assert found.status is Status.LEAK
    assert "white noise" in found.sentence
    assert "digital silence" not in found.sentence


def with_noise_floors(differ: bool) -> Material:
    """Speech with pauses, over noise that is louder with each speaker, or as loud as chance has it."""
    rng = np.random.default_rng(0)
    made, labels = [], []
    for label, one in enumerate(signals(0, 5).values()):
        for signal in one[:8]:
            level = 30 * 2.0**label if differ else 30 * 2.0 ** rng.integers(5)
            halves = np.split(signal, [len(signal) // 2])
            paused = np.concatenate([halves[0], np.zeros(8000), halves[1]])
            made.append((paused + rng.normal(0, level, len(paused))).clip(-32768, 32767).astype(np.int16))
            labels.append(label)
    return Material("made up", made, np.array(labels), np.array([""] * len(labels)))


def test_noise_floors_that_differ_by_speaker_name_them():
    found = condition_probe(with_noise_floors(True))
    assert found.status is Status.LEAK
    assert found.size.value > 0.8
    assert "chance 20.0 %" in found.sentence
    assert condition_probe(with_noise_floors(False)).size.value < 0.5


def test_too_few_speakers_are_not_probed():
    assert condition_probe(material(signals(0, 1))).status is Status.NOT_TESTED


class Angles:
    """Embeds a signal at the angle of its first sample, in degrees."""

    name = "angles"

    def inputs(self, signals, speaker):
        return signals

    def embed(self, inputs):
        radians = np.radians([signal[0] for signal in inputs])
        return np.stack([np.cos(radians), np.sin(radians)], axis=1)


def test_a_network_that_knows_sessions_is_found():
    angles = [speaker * 17 + session for speaker in range(20) for session in (0, 0, 60, 60)]
    labels, sessions = np.repeat(np.arange(20), 4), np.tile(["a", "a", "b", "b"], 20)
    made = Material("calls", [np.array([angle], np.int16) for angle in angles], labels, sessions)
    found = across_sessions(Angles(), made)
    assert found.status is Status.LEAK
    assert found.size.value > 0.2
    steady = Material("calls", [np.array([17 * label], np.int16) for label in labels], labels, sessions)
    assert across_sessions(Angles(), steady).status is Status.NO_LEAK
    unknown = Material("calls", made.signals, labels, np.array([""] * 80))
    assert across_sessions(Angles(), unknown).status is Status.NOT_TESTED


def test_an_interval_is_over_speakers():
    size = mean_over([0.0, 1.0] * 20)
    assert size.low < size.value == 0.5 < size.high


def test_of_few_speakers_no_leak_is_claimed_and_none_excluded():
    few = mean_over([1.0, 1.0, 1.0])
    assert np.isnan(few.low) and status_above(few, 0.1) is Status.NOT_TESTED
    assert status_above(mean_over([1.0] * 20), 0.1) is Status.LEAK
    assert status_above(mean_over([0.0] * 20), 0.1) is Status.NO_LEAK
