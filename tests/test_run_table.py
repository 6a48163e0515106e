"""What was trained is listed from its files alone, and whatever stands among them is told of in a line."""

import argparse
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import fail, run, succeed

from commands.run_table import HEADINGS, differing_settings, figures, list_runs
from models.checkpoint import Checkpoint, CheckpointDescription, save_checkpoint
from models.network_options import NetworkOptions
from models.trained_runs import find_runs
from storage.errors import UserError

IDENTITY = {"seed": 0, "learning_rate": 2e-3, "data_sha256": "a" * 64}


def write_run(
    folder: Path, stage="softmax", finished=True, step=200, rows=((100, 2.0, 0.5), (200, 1.0, 0.4)), **settings
):
    """Write a run as training does: epochs with step, training loss and accuracy."""
    position = {"planned_steps": 400, "metrics": {"train_loss": 1.0, "test_accuracy": 0.4}}
    identity = {**IDENTITY, **settings}
    description = CheckpointDescription(
        stage, step, finished, NetworkOptions(), {}, ("a/b", "a/c"), ("a/d",), (), position=position, run=identity
    )
    for name in ("last.npz", "best.npz"):
        save_checkpoint(folder / name, Checkpoint(description, {"weights": np.arange(100.0)}))
    options = {"stage": stage, "run_dir": str(folder.parent), "max_epochs": 4, **identity}
    options.pop("data_sha256")
    (folder / "options.json").write_text(json.dumps(options))
    lines = [
        "epoch,step,train_loss,test_utterance_accuracy",
        *(f"{n / 100},{n},{loss},{right}" for n, loss, right in rows),
    ]
    (folder / "history.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture
def run_dir(tmp_path) -> Path:
    write_run(tmp_path / "runs" / "softmax", finished=False)
    write_run(tmp_path / "runs" / "softmax.1", learning_rate=1e-3, data_sha256="b" * 64)
    write_run(tmp_path / "runs" / "softmax.10", learning_rate=1e-3, seed=7)
    (tmp_path / "runs" / ".lock").touch()
    return tmp_path / "runs"


def listed(run_dir: Path, capsys, **changes) -> str:
    list_runs(argparse.Namespace(**{"run_dir": run_dir, "cache_output_dir": None, "json": False, **changes}))
    return capsys.readouterr().out


def test_runs_stand_in_a_table_with_their_figures(run_dir, capsys):
    lines = listed(run_dir, capsys).splitlines()
    assert lines[0].split() == [word for heading in HEADINGS for word in heading.split()]
    assert [text.split()[0] for text in lines[1:4]] == ["softmax", "softmax.1", "softmax.10"]
    assert lines[1].split()[1:4] == ["200", "of", "400"]
    assert lines[1].split()[-8:] == ["1.0000", "1.0000", "40.00", "%", "50.00", "%", "2", "unfinished"]
    assert lines[2].endswith("finished, set aside")


def test_only_settings_that_differ_are_told(run_dir, capsys):
    table = listed(run_dir, capsys).split("\n\n")[1].splitlines()
    cells = [text.split() for text in table]
    assert cells[0][-3:] == ["softmax", "softmax.1", "softmax.10"]
    assert sorted(row[0] for row in cells[1:]) == ["data_sha256", "learning_rate", "seed"]
    assert ["learning_rate", "0.002", "0.001", "0.001"] in cells
    assert ["data_sha256", "a" * 12, "b" * 12, "a" * 12] in cells


def test_a_setting_that_a_damaged_file_does_not_tell_is_no_difference(run_dir):
    shutil.rmtree(run_dir / "softmax.1")
    for name in ("last.npz", "best.npz", "options.json"):
        (run_dir / "softmax.10" / name).write_bytes(b"x")
    runs, _ = find_runs(run_dir)
    assert runs[1].settings == {}
    assert differing_settings(runs) == {}


def test_as_json_every_figure_and_setting_is_told(run_dir, capsys):
    said = json.loads(listed(run_dir, capsys, json=True))
    assert sorted(said["differing_settings"]) == ["data_sha256", "learning_rate", "seed"]
    first, second, _ = said["runs"]
    assert (first["stage"], first["finished"], first["set_aside"]) == ("softmax", False, False)
    assert (second["finished"], second["set_aside"]) == (True, True)
    assert (first["best_loss"], first["best_accuracy"], first["accuracy_of"]) == (1.0, 0.5, "test_utterance_accuracy")
    assert first["last_epoch"]["step"] == 200
    assert first["settings"]["max_epochs"] == 4
    assert (first["speakers"], first["held_out"], said["others"]) == (2, 1, [])


def test_stages_stand_in_the_order_in_which_they_are_trained(tmp_path):
    for stage in ("triplet", "softmax_fine", "softmax", "adapted", "softmax_frozen"):
        write_run(tmp_path / stage, stage)
    names = [run.name for run in find_runs(tmp_path)[0]]
    assert names == ["softmax", "softmax_fine", "triplet", "softmax_frozen", "adapted"]


def test_without_a_history_the_checkpoint_tells_the_last_figures(run_dir):
    (run_dir / "softmax" / "history.csv").unlink()
    known = figures(find_runs(run_dir)[0][0])
    assert (known["loss"], known["best_loss"], known["accuracy"]) == (1.0, 1.0, 0.4)
    assert known["damage"] == []


def test_where_the_last_checkpoint_is_damaged_the_best_one_tells(run_dir, capsys):
    (run_dir / "softmax" / "last.npz").write_bytes(b"PK")
    said = listed(run_dir, capsys)
    assert "unfinished" in said.splitlines()[1]
    assert f"damaged: {run_dir / 'softmax' / 'last.npz'} is damaged or not a checkpoint" in said


def test_what_is_no_run_is_told_of_in_a_line(run_dir, capsys):
    (run_dir / "notes\x1b[31m.txt").touch()
    (run_dir / "softmax.old").mkdir()
    (run_dir / "triplet").touch()
    said = listed(run_dir, capsys)
    assert (
        said.splitlines()[-1] == "no run, and left alone: 3 files and folders: notes\\x1b[31m.txt, softmax.old, triplet"
    )


DEEP = "[" * 100_000
HOSTILE = [
    "",
    "\0" * 99,
    DEEP,
    '{"seed": ' + DEEP,
    "[1]",
    '{"seed": "\\u001b[31m"}',
    "step,train_loss\n1,1e999\n2,x,y\n",
]


@pytest.mark.skipif(os.name == "nt", reason="there are no pipes among files")
@pytest.mark.parametrize("content", [*HOSTILE, None], ids=range(len(HOSTILE) + 1))
def test_hostile_files_do_not_stop_it(run_dir, capsys, content):
    for name in ("last.npz", "options.json", "history.csv"):
        path = run_dir / "softmax" / name
        path.unlink()
        os.mkfifo(path) if content is None else path.write_text(content)
    for as_json in (False, True):
        said = listed(run_dir, capsys, json=as_json)
        assert "softmax.10" in said and "\x1b" not in said


def test_a_checkpoint_whose_figures_are_no_figures_does_not_stop_it(tmp_path, capsys):
    metrics = {"train_loss": 10**400, "test_accuracy": "all", "train_x": [1]}
    for number, position in enumerate(
        [{"metrics": metrics, "planned_steps": True}, {"metrics": 3}, {"planned_steps": []}]
    ):
        description = CheckpointDescription("softmax", 1, False, NetworkOptions(), {}, (), (), (), position=position)
        save_checkpoint(tmp_path / f"softmax.{number + 1}" / "last.npz", Checkpoint(description, {}))
    os.utime(tmp_path / "softmax.1" / "last.npz", (1e12, 1e12))
    assert len(listed(tmp_path, capsys).splitlines()) == 4
    assert len(json.loads(listed(tmp_path, capsys, json=True))["runs"]) == 3


def test_where_nothing_was_trained_it_says_so(tmp_path, capsys):
    runs = tmp_path / "none" / "runs"
    assert listed(None, capsys, cache_output_dir=tmp_path / "none") == f"nothing was trained in {runs}\n"
    assert not (tmp_path / "none").exists()
    with pytest.raises(UserError, match="there is no folder"):
        listed(tmp_path / "none", capsys)


def test_from_the_command_line_it_is_the_cache_s_folder_and_tensorflow_is_not_loaded(run_dir):
    done = succeed("cli.py", "--list_runs", "--cache_output_dir", run_dir.parent)
    assert done.stdout.splitlines()[1].startswith("softmax")
    code = "import sys, cli; sys.argv[1:] = ['--list_runs', '--run_dir', {!r}]; cli.main(); "
    code += "print({{'tensorflow', 'pandas', 'sklearn', 'scipy'}} & set(sys.modules))"
    assert run("-c", code.format(str(run_dir))).stdout.splitlines()[-1] == "set()"
    (run_dir.parent / "file").touch()
    assert "no folder of runs" in fail(1, "cli.py", "--list_runs", "--run_dir", run_dir.parent / "file")
