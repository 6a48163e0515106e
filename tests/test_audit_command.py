"""`cli.py --audit` as a user runs it."""

import json
import shutil

import pytest
from command_line import fail, succeed

from models.onnx_file import BUNDLED


@pytest.fixture
def audit(tmp_path, cache_template, tiny_inputs_path):
    folder = shutil.copytree(cache_template, tmp_path / "cache")
    shutil.copy(tiny_inputs_path, folder / "full_inputs.pkl")
    return ("cli.py", "--audit", "--cache_output_dir", folder, "--checkpoint", BUNDLED, "--test_speakers")


def test_every_test_is_printed_with_a_summary(audit):
    content = json.loads(succeed(*audit, "p225,p226,p362", "--json").stdout)
    by_test = {finding["test"]: finding for finding in content["findings"]}
    assert by_test["silence and noise alone"]["status"] == "no leak"
    assert by_test["speaker statistics shuffled, corpus"]["sentence"].startswith("whose statistics an utterance comes")
    assert by_test["constant inputs, corpus"]["size"] is None
    assert by_test["same session against different session, corpus"]["status"] == "not tested"
    # p225 and p226, who are said to be held out, are in the inputs
    assert by_test["speakers on both sides"]["status"] == "leak"
    assert by_test["the same sound in training and held out"]["status"] == "leak"
    assert by_test["the same sound in train and test"]["status"] == "no leak"
    assert content["leaks"] == sum(finding["status"] == "leak" for finding in content["findings"])
    assert content["summary"].startswith("No leak found in ")


def test_the_table_is_in_words(audit):
    header, *lines = succeed(*audit, "p225,p362").stdout.splitlines()
    assert header.split() == ["test", "found", "in", "words"]
    assert lines[-1].startswith("No leak found in ")
    assert lines[-2] == ""


def test_one_speaker_can_not_be_audited(audit):
    assert "two held-out speakers with two utterances" in fail(2, *audit, "p362")
