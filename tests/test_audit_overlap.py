"""What is on both sides of training inputs is found: utterances, copies of them, speakers, one voice by two names."""

import dataclasses

import numpy as np
import pytest
from sample_signals import sample_signals

from audio.mfcc import speech_log_mel
from audio.utterance import utterance_in
from batcher.speaker_split import SpeakerSplit
from evaluation.audit.finding import Status
from evaluation.audit.overlap import overlaps

TESTS = ["train and test by content hash", "speakers on both sides", "the same sound in train and test",
         "the same sound in training and held out", "the same sound under two speakers' names"]  # fmt: skip


def split(utterances: dict[str, np.ndarray], speakers: tuple[str, ...]) -> SpeakerSplit:
    mels = [speech_log_mel(signal).astype(np.float16) for signal in utterances.values()]
    lengths = np.array([len(mel) for mel in mels])
    labels = np.array([speakers.index(name.rpartition("/")[0]) for name in utterances])
    return SpeakerSplit(np.concatenate(mels), np.cumsum(lengths) - lengths, lengths, labels, names=tuple(utterances))


def inputs_of(tiny_inputs, train: dict, test: dict):
    speakers = ("c/p225", "c/p226")
    sides = {"train": split(train, speakers), "test": split(test, speakers)}
    return dataclasses.replace(tiny_inputs, speakers=speakers, **sides)


@pytest.fixture
def sides():
    """Three training utterances of two speakers each, and a test utterance."""
    train, test = {}, {}
    for name in ("p225", "p226"):
        for number, signal in enumerate(sample_signals()[name][:4]):
            (train if number < 3 else test)[f"c/{name}/{number}"] = signal
    return train, test


HELD_OUT = {"c/p362": sample_signals()["p362"][:3]}


def leaks(inputs, held_out=HELD_OUT) -> list[str]:
    findings = overlaps(inputs, held_out)
    assert [finding.test for finding in findings] == TESTS
    return [finding.test for finding in findings if finding.status is Status.LEAK]


def changed(signal: np.ndarray) -> np.ndarray:
    return utterance_in(signal[2437:].astype(np.float32) * np.float32(0.3)).signal


def test_a_clean_split_has_no_leak(tiny_inputs, sides):
    assert leaks(inputs_of(tiny_inputs, *sides)) == []


def test_a_training_utterance_that_tests_is_found_by_its_hash(tiny_inputs, sides):
    train, test = sides
    test["c/p226/again"] = train["c/p226/1"]
    assert leaks(inputs_of(tiny_inputs, train, test)) == TESTS[0:3:2]


def test_a_cut_and_quieter_copy_is_found_by_its_sound(tiny_inputs, sides):
    train, test = sides
    test["c/p226/cut"] = changed(train["c/p226/1"])
    inputs = inputs_of(tiny_inputs, train, test)
    assert leaks(inputs) == [TESTS[2]]
    (found,) = [finding for finding in overlaps(inputs, HELD_OUT) if finding.status is Status.LEAK]
    assert found.sentence == "1 pair, such as c/p226/1 and c/p226/cut"


def test_of_very_many_utterances_some_are_compared_by_sound_and_all_by_hash(tiny_inputs, sides, monkeypatch):
    train, test = sides
    test["c/p226/again"] = train["c/p226/1"]
    inputs = inputs_of(tiny_inputs, train, test)
    frames = sum(int(side.lengths.sum()) for side in (inputs.train, inputs.test))
    monkeypatch.setattr("evaluation.audit.overlap.MOST_COMPARED", frames * 0.6)
    findings = overlaps(inputs, HELD_OUT)
    assert findings[0].status is Status.LEAK
    assert findings[2].sentence == "none among 4 of the 9 utterances"


def test_a_held_out_speaker_in_training_is_found_by_name_and_by_sound(tiny_inputs, sides):
    assert leaks(inputs_of(tiny_inputs, *sides), {"c/p225": [changed(sides[0]["c/p225/0"])]}) == [TESTS[1], TESTS[3]]
    by_another_name = leaks(inputs_of(tiny_inputs, *sides), {"c/zed": [changed(sides[0]["c/p225/0"])]})
    assert by_another_name == TESTS[3:]


def test_inputs_with_few_filters_can_not_be_compared_by_sound(tiny_inputs, sides):
    few = dataclasses.replace(tiny_inputs.feature_settings, num_filters=20)
    inputs = dataclasses.replace(inputs_of(tiny_inputs, *sides), feature_settings=few)
    assert overlaps(inputs, HELD_OUT)[-1].status is Status.NOT_TESTED
