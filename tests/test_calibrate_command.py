"""`--calibrate`, as a user calls it, on the twelve synthetic voices."""

import json
import re

import pytest
from command_line import ROOT, fail, succeed

from inference.calibration_file import read_calibration
from inference.encoder import SpeakerEncoder

VOICES = ROOT / "samples" / "voices"
PAIR = (VOICES / "p225" / "p225_001.flac", VOICES / "p225" / "p225_002.flac")


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The file, and what was printed as it was made."""
    path = tmp_path_factory.mktemp("calibration") / "own.json"
    return path, succeed("cli.py", "--calibrate", path, "--audio_dir", VOICES, "--force").stdout


def test_before_and_after_are_printed_and_thresholds(own):
    path, printed = own
    head, before_and_after, rates, thresholds = printed.split("\n\n")
    assert head.startswith(f"{path}: calibrated on 12 speakers, ")
    header, before, after = before_and_after.splitlines()
    assert header.split() == ["Cllr", "misses", "in", "%", "false", "accepts", "in", "%"]
    costs = [float(re.search(r"\d\.\d{3}", line)[0]) for line in (before, after)]
    assert costs[1] < 0.5 < costs[0]  # the network never heard synthetic voices
    assert rates.startswith("corpus  shorter recording")
    assert [line.split()[0] for line in thresholds.splitlines()[1:]] == [*["5"] * 3, *["1"] * 3, *["0.1"] * 3]
    assert "too few speakers to tell" in thresholds


def test_the_file_judges(own):
    path, _ = own
    usual, judged = (
        json.loads(succeed("cli.py", "--verify", *PAIR, "--json", *flags).stdout)
        for flags in ((), ("--calibration", path))
    )
    assert judged["cosine_distance"] == usual["cosine_distance"]
    assert judged["log_likelihood_ratio"] != usual["log_likelihood_ratio"]
    encoder = SpeakerEncoder(calibration=path)
    assert encoder.calibration == read_calibration(path, encoder.fingerprint)
    assert encoder.calibration.source.corpora == ("voices",)


def test_few_speakers_are_refused_and_nothing_is_written(tmp_path):
    line = fail(2, "cli.py", "--calibrate", tmp_path / "own.json", "--audio_dir", VOICES)
    assert "12 speakers to calibrate on are too few" in line
    assert list(tmp_path.iterdir()) == []


def test_a_trial_list_serves(cache_template, tmp_path):
    trials = "1 p225/p225_001 p225/p225_002\n0 p225/p225_001 p362/p362_002\n"
    (tmp_path / "list.txt").write_text(trials)
    where = ("--cache_output_dir", cache_template, "--trials", tmp_path / "list.txt")
    line = fail(2, "cli.py", "--calibrate", tmp_path / "own.json", *where, "--force")
    assert "too few speakers to calibrate with: 2" in line


def test_only_a_calibration_is_written_over(tmp_path):
    (tmp_path / "mine.txt").write_text("notes")
    line = fail(2, "cli.py", "--calibrate", tmp_path / "mine.txt", "--audio_dir", VOICES)
    assert "mine.txt is no calibration, and would be overwritten" in line
    assert (tmp_path / "mine.txt").read_text() == "notes"


def test_bad_input_is_one_line(tmp_path):
    assert "expected a text file of trials" in fail(2, "cli.py", "--calibrate", tmp_path / "a", "--trials", tmp_path)
    assert "no recording in" in fail(2, "cli.py", "--calibrate", tmp_path / "a", "--audio_dir", tmp_path)
    assert "there is no folder" in fail(2, "cli.py", "--calibrate", tmp_path / "no" / "a")
    line = fail(2, "cli.py", "--verify", *PAIR, "--calibration", ROOT / "README.md")
    assert "expected a calibration, as --calibrate writes it" in line
    line = fail(2, "cli.py", "--list_profiles", "--calibration", "x")
    assert "--calibration goes with --verify, --identify, --enroll, --cluster" in line
