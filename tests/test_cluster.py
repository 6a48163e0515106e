"""Who is who in a folder, as a user asks it."""

import json
import shutil

import numpy as np
import pytest
import soundfile
from command_line import fail, succeed
from conftest import VOICES

from models.onnx_export import with_calibration
from models.onnx_file import BUNDLED, read_exported

TWO = ("p225", "p364")


@pytest.fixture
def folder(tmp_path):
    """Recordings of two voices that are far apart, under names that do not tell, and one without speech."""
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for number, file in enumerate(file for name in TWO for file in sorted((VOICES / name).glob("*_00[1-3].flac"))):
        shutil.copy(file, mixed / f"r{(number * 5) % 7}.flac")
    soundfile.write(mixed / "hiss.wav", np.random.default_rng(0).normal(0, 0.1, 16000), 8000)
    return mixed


def test_two_voices_are_told_apart_and_linked(tmp_path, folder):
    done = succeed("cli.py", "--cluster", folder, "--json", "--links", tmp_path / "people", "--prior", "0.3")
    found = json.loads(done.stdout)
    files = [{entry["file"] for entry in person["files"]} for person in found["people"]]
    expected = [{str(folder / f"r{(number * 5) % 7}.flac") for number in part} for part in (range(3), range(3, 6))]
    assert sorted(map(sorted, files)) == sorted(map(sorted, expected))
    assert [person["person"] for person in found["people"]] == [1, 2]
    assert [person["nearest_person"] for person in found["people"]] == [2, 1]
    for person in found["people"]:
        ratios = [entry["mean_log_likelihood_ratio"] for entry in person["files"]]
        assert person["least_inside"] == min(ratios) > person["nearest_log_likelihood_ratio"]
        assert person["speech_seconds"] == pytest.approx(sum(e["speech_seconds"] for e in person["files"]), abs=0.02)
    assert (found["recordings"], found["prior"], found["links"]) == (6, 0.3, str(tmp_path / "people"))
    (refused,) = found["refused"]
    assert "hiss.wav" in refused and "skipped" in done.stderr
    linked = [{path.resolve() for path in person.iterdir()} for person in sorted((tmp_path / "people").iterdir())]
    assert [set(map(str, one)) for one in linked] == [{str((folder / f).resolve()) for f in one} for one in files]


def test_the_table_names_every_recording_once(folder):
    said = succeed("cli.py", "--cluster", folder, "--max_false_accept", "0.05").stdout.splitlines()
    assert said[0].split("  ")[0] == "person"
    assert said[-1].startswith("6 recordings of ") and said[-1].endswith(", 1 recording refused")
    named = [line.split()[-1] for line in said if line.endswith(".flac")]
    assert sorted(named) == sorted(map(str, folder.glob("*.flac")))


def test_a_single_recording_is_a_person(folder):
    found = json.loads(succeed("cli.py", "--cluster", folder / "r0.flac", "--json").stdout)
    (person,) = found["people"]
    assert (person["least_inside"], person["nearest_person"], len(person["files"])) == (None, None, 1)


def test_what_can_t_be_clustered_is_one_line(tmp_path, folder):
    network = tmp_path / "network.onnx"
    network.write_bytes(with_calibration(read_exported(BUNDLED), None))
    assert "is not calibrated" in fail(2, "cli.py", "--cluster", folder, "--checkpoint", network)
    assert "can tell" in fail(2, "cli.py", "--cluster", folder, "--max_false_accept", "0.0001")
    assert "nobody speaks in it" in fail(2, "cli.py", "--cluster", folder / "hiss.wav")
    assert "not empty" in fail(2, "cli.py", "--cluster", folder, "--links", folder)
    assert "--links goes with --cluster" in fail(2, "cli.py", "--identify", folder, "--links", tmp_path / "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mixed", "network.onnx"]


def test_too_many_are_refused_before_they_are_read(tmp_path, monkeypatch):
    import cli
    from storage.errors import UserError

    monkeypatch.setattr("commands.clustering.MOST_RECORDINGS", 2)
    for number in range(3):
        (tmp_path / f"{number}.wav").write_text("no audio")
    args = cli.build_parser().parse_args(["--cluster", str(tmp_path)])
    with pytest.raises(UserError, match=r"2 recordings at most.*Received 3"):
        cli.ACTIONS["cluster"](args)
