"""The benchmark of altered recordings alters what it says, and counts wrong verdicts right."""

import json
import sys

import altered_recordings
import numpy as np
import pytest
from alterations import ALTERATIONS, level
from altered_recordings import Verdicts, compared, loud_seconds, summary
from conftest import SPEAKERS

RATE = 8000
BOTH = np.ones(2, bool)  # both speakers are kept


@pytest.fixture
def speech() -> np.ndarray:
    """Something with loud and quiet parts, of 2 s."""
    rng = np.random.default_rng(0)
    return 0.1 * rng.standard_normal(2 * RATE) * np.repeat([1, 0.1, 1, 0.1, 1, 0.1, 1, 0.1], RATE // 4)


def altered(name, samples):
    return ALTERATIONS[name](samples, RATE, np.random.default_rng(1))


@pytest.mark.parametrize("name", ALTERATIONS)
def test_an_alteration_leaves_the_recording_alone_and_is_the_same_again(name, speech):
    before = speech.copy()
    one, again = altered(name, speech), altered(name, speech)
    assert np.array_equal(speech, before)
    assert np.array_equal(one, again) and np.isfinite(one).all() and len(one) >= len(speech)
    assert np.array_equal(one, speech) == (name == "unaltered")


def test_a_pause_stands_in_the_middle_and_the_speech_around_it(speech):
    made = altered("5 s of zeros in the middle", speech)
    middle = len(speech) // 2
    assert not made[middle : middle + 5 * RATE].any()
    assert np.array_equal(np.delete(made, range(middle, middle + 5 * RATE)), speech)


@pytest.mark.parametrize("name, decibels", [("background 20 dB below", 20), ("hum 10 dB below", 10)])
def test_what_is_added_is_so_far_below_the_speech(name, decibels, speech):
    added = altered(name, speech) - speech
    assert 20 * np.log10(level(speech) / np.sqrt(np.square(added).mean())) == pytest.approx(decibels, abs=0.1)


def test_short_zeros_part_the_speech_and_lose_nothing_of_it(speech):
    made = altered("1 s of zeros in four places", speech)
    assert np.array_equal(made[made != 0], speech[speech != 0])
    assert len(made) == len(speech) + 4 * RATE


def test_a_click_stands_before_and_after_silence(speech):
    made = altered("clicks before and after outer silence", speech)
    start = (len(made) - len(speech)) // 2
    assert np.array_equal(made[start : start + len(speech)], speech)
    for outside in (made[:start], made[start + len(speech) :]):
        assert np.abs(outside).max() > 0.5 and (outside == 0).mean() > 0.99


def test_pauses_do_not_count_as_speech(speech):
    assert loud_seconds(np.concatenate([speech, 1e-4 * speech]), RATE) == pytest.approx(2, abs=0.05)


def verdicts(wrong, known=(True,) * 4, refused=0):
    """Two pairs of one speaker each, and two of both."""
    first, second = np.array([0, 1, 0, 0]), np.array([0, 1, 1, 1])
    return Verdicts(first, second, np.array(known), np.array(wrong) & known, refused)


def test_rates_are_of_pairs_with_a_verdict():
    assert verdicts([True, False, True, True]).rates(BOTH).tolist() == [1, 0.5]
    assert verdicts([True, False, True, False], [True, False, True, True]).rates(BOTH).tolist() == [0.5, 1]


def test_a_speaker_who_is_left_out_takes_all_pairs_along():
    rates = verdicts([True, False, True, False]).rates(np.array([True, False]))
    assert np.isnan(rates[0]) and rates[1] == 1


def test_the_excess_is_over_the_unaltered_recordings_and_refusals_are_told():
    usual = compared(verdicts([False] * 4), verdicts([False] * 4), 2) | {"alteration": "none"}
    worse = compared(verdicts([False, False, True, False]), verdicts([False] * 4), 2) | {"alteration": "worse"}
    gone = compared(verdicts([False] * 4, [False] * 4, 4), verdicts([False] * 4), 2) | {"alteration": "gone"}
    assert (worse["false_accepts_above"], worse["accepted"], worse["pairs_of_two"]) == (50, 1, 2)
    assert gone["no_verdict"] == 4 and np.isnan(gone["misses"])
    assert summary([usual, worse, gone]) == {"above": ["worse"], "refused_more": ["gone"]}


def test_it_prints_a_line_for_each_alteration_and_a_summary(tmp_path, tiny_cache, monkeypatch, capsys):
    listed = tmp_path / "speakers.txt"
    listed.write_text("\n".join(SPEAKERS))
    monkeypatch.setattr(altered_recordings, "SHORTEST", 0.5)
    names = ("unaltered", "second channel a copy")
    monkeypatch.setattr(altered_recordings, "ALTERATIONS", {name: ALTERATIONS[name] for name in names})
    monkeypatch.setattr(sys, "argv", ["", str(tiny_cache.folder), "--test_speakers_file", str(listed)])
    altered_recordings.main()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    rows = [line for line in lines if "alteration" in line]
    assert [(row["alteration"], row["altered"]) for row in rows] == [(n, a) for n in names for a in ("both", "one")]
    assert [(row["pairs_of_one"], row["pairs_of_two"]) for row in rows] == [(30, 75), (60, 150)] * 2
    assert all(row["false_accepts_above"] == row["misses_above"] == 0 for row in rows)
    assert lines[-1]["above"] == []
