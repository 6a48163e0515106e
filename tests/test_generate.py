"""Making `full_inputs.pkl`: whose frames are in it, and whose statistics."""

import hashlib
import itertools
import pickle
import select
import shutil

import numpy as np
import pytest
import soundfile

from audio.feature_settings import FeatureSettings
from audio.mfcc import cepstra_with_derivatives, speech_log_mel
from batcher.generate import _write_log_mel, generate_inputs
from batcher.inputs import InputsError, load_inputs
from batcher.recipe import Plan
from batcher.restricted_pickle import read_records
from cache.entries import audio_path, read_signal
from cache.index import write_index
from cache.mark import CacheError
from cache.staging import staging
from cache.utterances import UtteranceCache
from corpus.recording import Speaker
from storage.errors import UserError

NOISE = np.random.default_rng(0).normal(0, 9000, 12_000)


def test_counts(tmp_path, tiny_cache):
    counts = generate_inputs(tiny_cache, tmp_path / "inputs.pkl", ("p362", "p999"))
    assert counts == {"speakers": 2, "train": 8, "test": 2, "held_out": 1, "shards": 0}


def test_sides_hold_each_utterances_log_mel_in_order(tiny_cache, tiny_inputs):
    for name, side, slot in (("train", tiny_inputs.train, slice(0, 4)), ("test", tiny_inputs.test, slice(4, 5))):
        expected = [
            (label, speech_log_mel(read_signal(tiny_cache.folder, utterance)).astype(np.float16))
            for label, speaker in enumerate(tiny_inputs.speakers)
            for utterance in tiny_cache.of_speaker(Speaker(*speaker.split("/")))[slot]
        ]
        assert side.labels.tolist() == [label for label, _ in expected], name
        assert side.lengths.tolist() == [len(frames) for _, frames in expected], name
        for start, length, (_, frames) in zip(side.starts, side.lengths, expected):
            np.testing.assert_array_equal(side.log_mel[start : start + length], frames)
        assert len(side.log_mel) == side.lengths.sum()
        assert (side.log_mel.dtype, side.labels.dtype) == (np.float16, np.int64)


def test_statistics_are_those_of_all_train_frames(tiny_inputs):
    train = tiny_inputs.train
    spoken = np.split(train.log_mel.astype(np.float64), train.starts[1:])
    frames = np.concatenate([cepstra_with_derivatives(log_mel) for log_mel in spoken])
    np.testing.assert_allclose(tiny_inputs.mean, frames.mean(axis=0), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(tiny_inputs.deviation, frames.std(axis=0), rtol=1e-4)
    assert tiny_inputs.mean.dtype == tiny_inputs.deviation.dtype == np.float32


def test_held_out_speakers_are_absent(tiny_inputs, tiny_inputs_path):
    assert tiny_inputs.speakers == ("corpus/p225", "corpus/p226")
    assert tiny_inputs.held_out == ("p362",)
    _, *utterances, _ = read_records(tiny_inputs_path)
    assert {record["speaker"] for record in utterances} == {"p225", "p226"}


def test_a_speaker_can_be_held_out_by_corpus_and_name(tmp_path, tiny_cache):
    generate_inputs(tiny_cache, tmp_path / "inputs.pkl", ("corpus/p225", "other/p226"))
    assert load_inputs(tmp_path / "inputs.pkl").speakers == ("corpus/p226", "corpus/p362")


def test_who_is_held_out_is_looked_up_when_nobody_can_change_it_any_more(tmp_path, tiny_cache):
    assert tiny_cache.speakers()  # read before the folder is held
    write_index(tiny_cache.folder, [one._replace(corpus="new") for one in tiny_cache.utterances.values()])
    with pytest.raises(UserError, match=r"1 speaker of the 1 named is .* corpus/p362; nearest: .*new/p362"):
        generate_inputs(tiny_cache, tmp_path / "inputs.pkl", ("corpus/p362",), all_held_out=True)
    write_index(tiny_cache.folder, [one._replace(made_with="00000000") for one in tiny_cache.utterances.values()])
    with pytest.raises(CacheError, match="made with other settings"):
        generate_inputs(tiny_cache, tmp_path / "inputs.pkl", ("p362",))
    assert not (tmp_path / "inputs.pkl").exists()


def test_two_people_of_one_name_are_two_classes(tmp_path, tiny_cache):
    entries = tiny_cache.utterances.values()
    others = [entry._replace(corpus="other") for entry in entries if entry.speaker == "p225"]
    write_index(tiny_cache.folder, [*entries, *others])
    counts = generate_inputs(tiny_cache, tmp_path / "inputs.pkl", ("p362",))
    assert counts == {"speakers": 3, "train": 12, "test": 3, "held_out": 1, "shards": 0}
    inputs = load_inputs(tmp_path / "inputs.pkl")
    assert inputs.speakers == ("corpus/p225", "corpus/p226", "other/p225")
    assert inputs.train.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_a_split_by_session_is_kept_and_the_sessions_with_it(tmp_path, tiny_cache):
    entries = tiny_cache.utterances.values()
    write_index(
        tiny_cache.folder, [one._replace(session="ab"[one.utterance > f"{one.speaker}_003"]) for one in entries]
    )
    generate_inputs(tiny_cache, tmp_path / "inputs.pkl", (), split_by="session")
    _, *records, _ = read_records(tmp_path / "inputs.pkl")
    assert {(record["session"], record["side"]) for record in records} == {("a", "train"), ("b", "test")}
    assert len(load_inputs(tmp_path / "inputs.pkl").test.labels) == 6


def change_audio(cache: UtteranceCache, speaker: str, number: int, signal: np.ndarray) -> None:
    """Put another signal in an utterance's place, and say so in the index."""
    utterance = cache.utterances["corpus", speaker, f"{speaker}_{number:03}"]
    digest = hashlib.sha256(signal.astype("<i2")).hexdigest()
    path = audio_path(cache.folder, digest)
    path.parent.mkdir(exist_ok=True)
    soundfile.write(path, signal.astype(np.int16), 8000)
    cache.utterances[utterance.key] = utterance._replace(sha256=digest, samples=len(signal))
    write_index(cache.folder, cache.utterances.values())


def test_statistics_do_not_see_the_test_utterances(tmp_path, tiny_cache, tiny_inputs):
    for speaker in ("p225", "p226"):
        change_audio(tiny_cache, speaker, 5, NOISE)
    change_audio(tiny_cache, "p362", 1, NOISE)
    generate_inputs(tiny_cache, tmp_path / "inputs.pkl", ("p362",))
    changed = load_inputs(tmp_path / "inputs.pkl")
    np.testing.assert_array_equal(changed.mean, tiny_inputs.mean)
    np.testing.assert_array_equal(changed.deviation, tiny_inputs.deviation)
    np.testing.assert_array_equal(changed.train.log_mel, tiny_inputs.train.log_mel)
    assert not np.array_equal(changed.test.log_mel, tiny_inputs.test.log_mel)


def test_statistics_do_see_the_train_utterances(tmp_path, tiny_cache, tiny_inputs):
    change_audio(tiny_cache, "p225", 4, NOISE)
    generate_inputs(tiny_cache, tmp_path / "inputs.pkl", ("p362",))
    assert not np.allclose(load_inputs(tmp_path / "inputs.pkl").mean, tiny_inputs.mean)


def test_features_are_not_normalised_by_speaker(tiny_inputs):
    """v1's leak: every speaker's mean was zero, and what was subtracted said who it was."""
    train = tiny_inputs.train
    frame_labels = np.repeat(train.labels, train.lengths)
    first, second = (train.log_mel[frame_labels == label].mean(0, np.float64) for label in (0, 1))
    apart = cepstra_with_derivatives((first - second)[None]) / tiny_inputs.deviation
    assert np.abs(apart).max() > 0.1


@pytest.mark.parametrize("workers", [1, 2])
def test_the_same_bytes_for_any_run_and_number_of_workers(tmp_path, tiny_cache, tiny_inputs_path, workers):
    generate_inputs(tiny_cache, tmp_path / "inputs.pkl", ("p362",), workers=workers)
    assert (tmp_path / "inputs.pkl").read_bytes() == tiny_inputs_path.read_bytes()


def test_settings_travel_with_the_inputs(tmp_path, tiny_cache):
    settings = FeatureSettings(num_filters=26, num_cepstra=4, dither_seed=7)
    generate_inputs(tiny_cache, tmp_path / "inputs.pkl", (), settings)
    made = load_inputs(tmp_path / "inputs.pkl")
    assert made.feature_settings == settings
    assert (made.train.log_mel.shape[1], made.mean.size) == (27, 12)


def test_a_constant_feature_has_a_deviation_to_divide_by(tmp_path, tiny_cache):
    for speaker, number in itertools.product(("p225", "p226"), range(1, 6)):
        change_audio(tiny_cache, speaker, number, np.zeros(200))  # one frame
    generate_inputs(tiny_cache, tmp_path / "inputs.pkl", ("p362",))
    assert (load_inputs(tmp_path / "inputs.pkl").deviation[20:] == np.float32(1e-3)).all()


@pytest.mark.parametrize("held_out", [("p225", "p226"), ("p225", "p226", "p362")])
def test_fewer_than_two_speakers_are_an_error(tmp_path, tiny_cache, held_out):
    with pytest.raises(InputsError, match="needs two or more"):
        generate_inputs(tiny_cache, tmp_path / "inputs.pkl", held_out)
    assert not (tmp_path / "inputs.pkl").exists()


def test_a_missing_wav_is_an_error_and_leaves_the_earlier_file(tmp_path, tiny_cache):
    (tmp_path / "inputs.pkl").write_text("earlier")
    audio_path(tiny_cache.folder, tiny_cache.utterances["corpus", "p226", "p226_005"].sha256).unlink()
    with pytest.raises(CacheError, match="p226_005"):
        generate_inputs(tiny_cache, tmp_path / "inputs.pkl", ("p362",))
    assert (tmp_path / "inputs.pkl").read_text() == "earlier"
    assert not list(tmp_path.glob(".tmp*"))


def test_speakers_with_few_utterances_only_train(tmp_path, tiny_cache):
    few = [entry for entry in tiny_cache.utterances.values() if not entry.utterance.endswith("_005")]
    write_index(tiny_cache.folder, few)
    assert generate_inputs(tiny_cache, tmp_path / "inputs.pkl", ("p362",))["test"] == 0
    test = load_inputs(tmp_path / "inputs.pkl").test
    assert test.log_mel.shape == (0, 33)
    assert test.labels.size == test.starts.size == 0


def test_a_reopened_cache_gives_the_same_bytes(tmp_path, tiny_cache, tiny_inputs_path):
    shutil.copytree(tiny_cache.folder, tmp_path / "again")
    generate_inputs(UtteranceCache.open(tmp_path / "again"), tmp_path / "inputs.pkl", ("p362",))
    assert (tmp_path / "inputs.pkl").read_bytes() == tiny_inputs_path.read_bytes()


def test_a_speaker_listed_twice_is_held_out_once(tmp_path, tiny_cache):
    generate_inputs(tiny_cache, tmp_path / "inputs.pkl", ("p362", "p362"))
    assert load_inputs(tmp_path / "inputs.pkl").held_out == ("p362",)


def test_what_a_worker_hands_over_fits_in_a_pipe_at_once(tiny_cache):
    """Else one that is killed in mid-message leaves the parent waiting for the rest of it."""
    with staging(tiny_cache.folder):
        batch = [Plan(one) for one in tiny_cache.utterances.values()]
        handed_over = _write_log_mel(tiny_cache.folder, FeatureSettings(), batch)
    assert len(pickle.dumps(handed_over)) < select.PIPE_BUF
