"""Who is chosen for training, and when inputs made earlier are out of date."""

import json
import os
from pathlib import Path

import pytest
from conftest import copy_voices, write_noise

from audio.cache import UtteranceCache
from audio.scan import find_recordings
from batcher.choice import choose, is_stale
from batcher.generate import generate_inputs
from batcher.inputs import load_inputs

HELD_OUT = ("p362",)


@pytest.fixture
def made(tmp_path):
    """A corpus, its cache, and inputs made of it."""
    corpus = copy_voices(tmp_path / "corpus", ("p225", "p226", "p362"), 5)
    folder = tmp_path / "cache"
    refill(folder, corpus)
    generate_inputs(UtteranceCache(folder), folder / "full_inputs.pkl", HELD_OUT)
    return corpus, folder


def refill(folder: Path, corpus: Path) -> None:
    UtteranceCache(folder).update(find_recordings(corpus))


def stale(folder: Path) -> bool:
    return is_stale(load_inputs(folder / "full_inputs.pkl"), folder)


def test_all_but_the_held_out_are_chosen_and_the_last_of_each_test(made):
    chosen, sides = choose(UtteranceCache(made[1]), HELD_OUT)
    assert [entry.utterance for entry in chosen] == [
        f"{speaker}_00{n}" for speaker in ("p225", "p226") for n in range(1, 6)
    ]
    assert sides == (["train"] * 4 + ["test"]) * 2


def test_inputs_just_made_are_fresh(made):
    assert not stale(made[1])


def test_a_touched_or_moved_corpus_leaves_them_fresh(made, tmp_path):
    corpus, folder = made
    os.utime(corpus / "p225" / "p225_001.flac", ns=(0, 10**9))
    refill(folder, corpus.rename(tmp_path / "moved"))
    assert not stale(folder)


def test_a_change_in_a_held_out_speaker_leaves_them_fresh(made):
    corpus, folder = made
    write_noise(corpus / "p362" / "p362_099.wav")
    refill(folder, corpus)
    assert not stale(folder)


def test_a_new_speaker_makes_them_stale(made):
    corpus, folder = made
    write_noise(corpus / "new" / "x.wav")
    refill(folder, corpus)
    assert stale(folder)


def test_a_changed_recording_makes_them_stale(made):
    corpus, folder = made
    (corpus / "p225" / "p225_001.flac").write_bytes((corpus / "p226" / "p226_001.flac").read_bytes())
    refill(folder, corpus)
    assert stale(folder)


def test_other_cache_settings_make_them_stale(made):
    folder = made[1]
    mark = json.loads((folder / "cache.json").read_text())
    mark["settings"]["resampler"] = "another"
    (folder / "cache.json").write_text(json.dumps(mark))
    assert stale(folder)


def test_inputs_without_a_cache_beside_them_are_not_called_stale(made, tmp_path):
    assert not is_stale(load_inputs(made[1] / "full_inputs.pkl"), tmp_path / "elsewhere")
