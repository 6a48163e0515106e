"""Who is chosen for training, and when inputs made earlier are out of date."""

import os
from pathlib import Path

import pytest
from conftest import copy_voices, write_voice

from batcher.generate import generate_inputs
from batcher.inputs import load_inputs
from batcher.selection import is_stale, select
from cache.index import write_index
from cache.update import update
from cache.utterances import UtteranceCache
from corpus.discovery import find_recordings

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
    update(UtteranceCache(folder), find_recordings(corpus))


def stale(folder: Path) -> bool:
    return is_stale(load_inputs(folder / "full_inputs.pkl"), folder)


def test_all_but_the_held_out_are_selected_and_the_last_of_each_test(made):
    chosen, sides = select(UtteranceCache(made[1]), HELD_OUT)
    assert [entry.utterance for entry in chosen] == [
        f"{speaker}_00{n}" for speaker in ("p225", "p226") for n in range(1, 6)
    ]
    assert sides == (["train"] * 4 + ["test"]) * 2


def test_inputs_just_made_are_fresh(made):
    assert not stale(made[1])


def test_a_touched_or_moved_corpus_leaves_them_fresh(made, tmp_path):
    corpus, folder = made
    os.utime(corpus / "p225" / "p225_001.flac", ns=(0, 10**9))
    (tmp_path / "elsewhere").mkdir()
    refill(folder, corpus.rename(tmp_path / "elsewhere" / "corpus"))
    assert not stale(folder)


def test_a_change_in_a_held_out_speaker_leaves_them_fresh(made):
    corpus, folder = made
    write_voice(corpus / "p362" / "p362_099.wav")
    refill(folder, corpus)
    assert not stale(folder)


def test_a_new_speaker_makes_them_stale(made):
    corpus, folder = made
    write_voice(corpus / "new" / "x.wav")
    refill(folder, corpus)
    assert stale(folder)


def test_a_changed_recording_makes_them_stale(made):
    corpus, folder = made
    (corpus / "p225" / "p225_001.flac").write_bytes((corpus / "p226" / "p226_001.flac").read_bytes())
    refill(folder, corpus)
    assert stale(folder)


def test_another_name_of_the_corpus_makes_them_stale(made, tmp_path):
    corpus, folder = made
    refill(folder, corpus.rename(tmp_path / "renamed"))
    assert stale(folder)


@pytest.mark.parametrize("change", [{"made_with": "00000000"}, {"session": "monday"}])
def test_entries_made_or_labelled_in_another_way_make_them_stale(made, change):
    folder = made[1]
    write_index(folder, [one._replace(**change) for one in UtteranceCache(folder).utterances.values()])
    assert stale(folder)


def test_two_people_of_one_name_are_split_each_for_themselves(made, tmp_path):
    folder = made[1]
    copy_voices(tmp_path / "other", ("p225", "p363"), 6)
    refill(folder, tmp_path / "other")
    chosen, sides = select(UtteranceCache(folder), ("corpus/p362", "p363"))
    assert [f"{entry.whose}" for entry in chosen] == ["corpus/p225"] * 5 + ["corpus/p226"] * 5 + ["other/p225"] * 6
    assert sides == (["train"] * 4 + ["test"]) * 2 + ["train"] * 5 + ["test"]


def test_a_split_by_session_tears_none_apart(made):
    folder = made[1]
    entries = UtteranceCache(folder).utterances.values()
    write_index(folder, [one._replace(session="ab"[one.utterance.endswith("_001")]) for one in entries])
    chosen, sides = select(UtteranceCache(folder), HELD_OUT, "session")
    assert sides == (["test"] + ["train"] * 4) * 2
    assert {one.session for one, side in zip(chosen, sides) if side == "test"} == {"b"}


def test_inputs_without_a_cache_beside_them_are_not_called_stale(made, tmp_path):
    assert not is_stale(load_inputs(made[1] / "full_inputs.pkl"), tmp_path / "elsewhere")
