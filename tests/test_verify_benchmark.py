"""The benchmark of verification treats both systems alike: the same files, the same runs, the same statistic."""

import json
import sys

import pytest
import verify
from conftest import copy_voices
from measure import Cost

TORCH = "def set_num_threads(count): pass\n"
RESEMBLYZER = """
import os, sys
import numpy as np

def note(what):
    with open(os.environ["CALLS"], "a") as file:
        file.write(what + "\\n")

class VoiceEncoder:
    def __init__(self, device, verbose):
        note("process")

    def embed_utterance(self, wav):
        note(str(wav))
        return np.ones(4) / 2

def preprocess_wav(file):
    return file
"""


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """A Python with something of the names of Resemblyzer; the file that its calls are written to."""
    for name, program in (("torch", TORCH), ("resemblyzer", RESEMBLYZER)):
        (tmp_path / "packages" / name).mkdir(parents=True)
        (tmp_path / "packages" / name / "__init__.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return tmp_path / "calls"


def test_both_systems_run_as_often_on_the_same_files(tmp_path, calls, monkeypatch, capfd):
    folder = copy_voices(tmp_path / "voices", ("p225", "p226"), 3)
    monkeypatch.setattr(sys, "argv", ["", str(folder), "--repeats", "2", "--resemblyzer", sys.executable])
    verify.main()
    rows = {line.pop("benchmark"): line for line in map(json.loads, capfd.readouterr().out.splitlines())}
    rows.pop("machine", None)  # which is described once in a process
    assert list(rows) == ["verify", "verify_resemblyzer", "embed", "embed_resemblyzer", "ours"]
    for ours, theirs in (("verify", "verify_resemblyzer"), ("embed", "embed_resemblyzer")):
        assert rows[ours].keys() == rows[theirs].keys()
        assert rows[ours]["runs"] == rows[theirs]["runs"] == 2
    assert rows["ours"]["times_quicker"] > 0
    told = calls.read_text().splitlines()
    assert told.count("process") == 4
    assert len(told) == 4 + 2 * 2 + 2 * (1 + 6)  # pairs, and one to warm up before the six


def test_the_quickest_and_the_median_are_told():
    costs = [Cost(3.0, 2.0, None, 5_000_000), Cost(1.0, 0.9, None, 4_000_000), Cost(2.0, 1.5, None, 3_000_000)]
    figures = {"wall_seconds": 1.0, "median_wall_seconds": 2.0, "cpu_seconds": 0.9, "peak_mb": 5.0}
    assert verify.verification_figures(costs) == {"runs": 3, **figures}
    speeds = {"x_real_time_per_core": 60.0, "median_x_real_time_per_core": 30.0}
    assert verify.speeds(60.0, [4.0, 1.0, 2.0]) == speeds


def test_commands_are_measured_in_turn():
    order = []
    assert verify.in_turn({"a": [1], "b": [2]}, lambda command: order.append(command[0]) or len(order), 2) == {
        "a": [1, 3],
        "b": [2, 4],
    }
    assert order == [1, 2, 1, 2]
