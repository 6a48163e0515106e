"""Disturbed copies of training utterances: whose, how many, the same in every run, and gone through the front end."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from conftest import write_noise

from audio.feature_settings import FeatureSettings
from audio.mfcc import speech_log_mel
from batcher.chain import Background, Disturbances
from batcher.copies import LONGEST, copies_of, disturbed
from batcher.generate import generate_inputs
from batcher.inputs import load_inputs
from batcher.recipe import AT_ONCE, Recipe, plans
from batcher.restricted_pickle import read_records
from batcher.surroundings import NOISES, RESPONSES, find_surroundings
from cache.entries import read_signal
from cache.index import write_index

NOTHING = Disturbances(**{name: 0.0 for name, value in vars(Disturbances()).items() if isinstance(value, float)})


@pytest.fixture
def chosen(tiny_cache):
    """All utterances of the tiny cache; the last of each speaker tests."""
    utterances = [one for _, one in sorted(tiny_cache.utterances.items())]
    return utterances, ["test" if one.utterance.endswith("_005") else "train" for one in utterances]


def test_each_training_utterance_has_its_copies_and_a_test_utterance_none(chosen):
    utterances, sides = chosen
    planned = list(plans(utterances, sides, Recipe(2)))
    assert [plan.utterance for plan in planned] == utterances
    assert [len(plan.copies) for plan in planned] == [2 if side == "train" else 0 for side in sides]


def test_babble_is_of_other_speakers_who_train(chosen):
    utterances, sides = chosen
    training = {utterance for utterance, side in zip(utterances, sides) if side == "train"}
    babble = {utterance: set() for utterance in training}
    for seed in range(30):
        for plan in plans(utterances, sides, Recipe(2, seed)):
            others = [other for copy in plan.copies for other in copy.others]
            assert len(others) == len(plan.copies) * AT_ONCE
            assert all(other.whose != plan.utterance.whose for other in others)
            babble.get(plan.utterance, set()).update(others)
    for utterance, others in babble.items():
        assert others == {other for other in training if other.whose != utterance.whose}


@pytest.mark.parametrize("workers", [1, 2])
def test_copies_are_the_same_in_every_run_and_by_any_number_of_workers(tmp_path, tiny_cache, workers):
    paths = [tmp_path / "first.pkl", tmp_path / "again.pkl"]
    generate_inputs(tiny_cache, paths[0], ("p362",), recipe=Recipe(2))
    generate_inputs(tiny_cache, paths[1], ("p362",), recipe=Recipe(2), workers=workers)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_another_seed_makes_other_copies_and_so_does_another_number(tmp_path, tiny_cache, chosen):
    utterance = chosen[0][0]
    signal = read_signal(tiny_cache.folder, utterance)
    made = [
        copy
        for seed in (0, 1)
        for copy in copies_of(signal, next(plans(*chosen, Recipe(3, seed))), tiny_cache.folder)
    ]  # fmt: skip
    assert len({copy.tobytes() for copy in made}) == 6


def test_copies_do_not_depend_on_who_else_is_there(tiny_cache, chosen):
    """But for the speakers of their babble."""
    signal = read_signal(tiny_cache.folder, chosen[0][0])
    all_plan, few = next(plans(*chosen, Recipe(2))), next(plans(chosen[0][:9], chosen[1][:9], Recipe(2)))
    same = all_plan._replace(copies=few.copies)
    for a, b in zip(copies_of(signal, same, tiny_cache.folder), copies_of(signal, few, tiny_cache.folder)):
        np.testing.assert_array_equal(a, b)


def test_what_stands_in_the_inputs_are_the_copies_log_mel(tmp_path, tiny_cache, tiny_inputs):
    generate_inputs(tiny_cache, tmp_path / "inputs.pkl", ("p362",), recipe=Recipe(2))
    inputs = load_inputs(tmp_path / "inputs.pkl")
    train = [one for key, one in sorted(tiny_cache.utterances.items()) if key[1] != "p362" and key[2][-1] != "5"]
    everybody = [one for key, one in sorted(tiny_cache.utterances.items()) if key[1] != "p362"]
    sides = ["train" if one in train else "test" for one in everybody]
    planned = [plan for plan in plans(everybody, sides, Recipe(2)) if plan.copies]
    for number, plan in enumerate(planned):
        made = copies_of(read_signal(tiny_cache.folder, plan.utterance), plan, tiny_cache.folder)
        for copy, signal in enumerate(made):
            start, length = inputs.train.copy_starts[copy, number], inputs.train.copy_lengths[copy, number]
            expected = speech_log_mel(signal, FeatureSettings()).astype(np.float16)
            np.testing.assert_array_equal(inputs.train.log_mel[start : start + length], expected)


def test_copies_change_neither_statistics_nor_tests_nor_what_was_recorded(tmp_path, tiny_cache, tiny_inputs):
    generate_inputs(tiny_cache, tmp_path / "inputs.pkl", ("p362",), recipe=Recipe(1))
    inputs = load_inputs(tmp_path / "inputs.pkl")
    np.testing.assert_array_equal(inputs.mean, tiny_inputs.mean)
    np.testing.assert_array_equal(inputs.deviation, tiny_inputs.deviation)
    np.testing.assert_array_equal(inputs.test.log_mel, tiny_inputs.test.log_mel)
    for number, length in enumerate(tiny_inputs.train.lengths):
        here, there = inputs.train.starts[number], tiny_inputs.train.starts[number]
        recorded = tiny_inputs.train.log_mel[there : there + length]
        np.testing.assert_array_equal(inputs.train.log_mel[here : here + length], recorded)


def test_a_copy_without_disturbances_is_the_utterance_at_another_level(tiny_cache, chosen):
    signal = read_signal(tiny_cache.folder, chosen[0][0])
    copy = disturbed(signal, Background(), NOTHING, np.random.default_rng(0))
    assert (copy.dtype, len(copy)) == (np.int16, len(signal))
    assert np.corrcoef(signal, copy)[0, 1] > 0.99
    assert not 0.9 < np.abs(copy).max() / np.abs(signal).max() < 1.1


def test_copies_go_through_the_front_end(tiny_cache, chosen):
    """So the offset that is put on all of these is no part of any."""
    signal = read_signal(tiny_cache.folder, chosen[0][0])
    for seed in range(5):
        copy = disturbed(signal, Background(), replace(NOTHING, offset=1), np.random.default_rng(seed))
        assert abs(copy.mean()) < 0.002 * np.abs(copy).max()


def test_a_long_utterance_has_copies_of_a_minute_of_it():
    rng = np.random.default_rng(0)
    signal = rng.integers(-3000, 3000, 3 * LONGEST).astype(np.int16)
    assert len(disturbed(signal, Background(), NOTHING, rng)) == LONGEST


def test_an_utterance_of_which_nothing_is_left_stands_for_itself():
    signal = np.full(900, 100, np.int16)  # a constant: an offset, and nothing else
    np.testing.assert_array_equal(disturbed(signal, Background(), NOTHING, np.random.default_rng(0)), signal)


def test_a_speaker_whose_only_utterance_trains_has_copies_too(tmp_path, tiny_cache):
    entries = [one for one in tiny_cache.utterances.values() if one.utterance.endswith("_001")]
    write_index(tiny_cache.folder, entries)
    generate_inputs(tiny_cache, tmp_path / "inputs.pkl", (), recipe=Recipe(2))
    assert load_inputs(tmp_path / "inputs.pkl").train.copy_lengths.shape == (2, 3)


@pytest.fixture
def recorded(tmp_path):
    """A folder of noises, one of responses."""
    write_noise(tmp_path / "noises" / "fan.wav")
    response = np.zeros(800)
    response[[40, 240]] = 1, 0.7
    (tmp_path / "rooms").mkdir()
    soundfile.write(tmp_path / "rooms" / "hall.wav", response, 8000)
    return find_surroundings(tmp_path / "noises", NOISES), find_surroundings(tmp_path / "rooms", RESPONSES)


def test_recorded_noises_and_rooms_make_other_copies_and_other_inputs(tmp_path, tiny_cache, recorded):
    noises, responses = recorded
    recipes = [Recipe(1), Recipe(1, noises=noises), Recipe(1, responses=responses), Recipe(1, 0, noises, responses)]
    headers, log_mel = [], []
    for number, recipe in enumerate(recipes):
        path = tmp_path / f"{number}.pkl"
        generate_inputs(tiny_cache, path, ("p362",), recipe=recipe)
        header = next(read_records(path))
        headers.append((header["copies"], header["noises_sha256"], header["responses_sha256"]))
        log_mel.append(load_inputs(path).train.log_mel.tobytes())
    assert headers == [
        (1, "", ""), (1, noises.sha256, ""), (1, "", responses.sha256), (1, noises.sha256, responses.sha256)
    ]  # fmt: skip
    assert len(set(log_mel)) == 4


def test_speech_among_the_noises_is_babble_of_several(tmp_path, chosen):
    for name in ("speech/a.wav", "speech/b.wav", "noise/c.wav"):
        write_noise(tmp_path / "musan" / name)
    recipe = Recipe(2, 0, find_surroundings(tmp_path / "musan", NOISES))
    made = [copy for plan in plans(*chosen, recipe) for copy in plan.copies]
    assert {(copy.noises_are_speech, len(copy.noises)) for copy in made} == {(True, AT_ONCE), (False, 1)}
    for copy in made:
        assert {path.parent.name for path in copy.noises} == {"speech" if copy.noises_are_speech else "noise"}


def test_recordings_that_went_since_they_were_found_are_done_without(tmp_path, tiny_cache, recorded, caplog):
    for folder in ("noises", "rooms"):
        shutil.rmtree(tmp_path / folder)
    generate_inputs(tiny_cache, tmp_path / "inputs.pkl", ("p362",), recipe=Recipe(3, 0, *recorded))
    assert load_inputs(tmp_path / "inputs.pkl").train.copy_lengths.shape == (3, 8)
    assert "hall.wav is not used: " in caplog.text and "fan.wav is not used: " in caplog.text
