"""Closed standard streams, and empty names."""

import subprocess
import sys

import pytest
from command_line import PATIENCE, ROOT, environment, fail, succeed
from conftest import VOICES

UPDATE = f"--update_cache --audio_dir {VOICES / 'p225'} --cache_output_dir"


def shell(command: str, **variables: str) -> subprocess.CompletedProcess:
    """Run a line of shell in which `$PYTHON` is this one."""
    how = {"cwd": ROOT, "env": environment(**variables) | {"PYTHON": sys.executable}, "timeout": PATIENCE}
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, **how)


@pytest.mark.parametrize("command", ["--list_profiles --json --profiles {folder}/none.npz", UPDATE + " {folder}/cache"])
def test_results_for_a_closed_stdout_are_one_line_and_the_environments_failure(tmp_path, command):
    done = shell(f"$PYTHON cli.py {command.format(folder=tmp_path)} >&-")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("results can't be written: standard output is closed")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closed, status", [("2>&-", 0), (">&- 2>&-", 1), ("<&- 2>&-", 0)])
def test_with_a_closed_stderr_the_work_is_done(tmp_path, closed, status):
    done = shell(f"$PYTHON cli.py {UPDATE} {tmp_path / 'cache'} --num_workers 2 {closed}")
    assert (done.returncode, done.stderr) == (status, "")
    assert ("12 utterances added" in done.stdout) == (status == 0)
    assert len((tmp_path / "cache" / "index.jsonl").read_text().splitlines()) == 12
    assert not [path for path in (tmp_path / "cache").rglob("*.wav") if not path.read_bytes().startswith(b"RIFF")]


def test_a_mistake_with_a_closed_stderr_has_its_status(tmp_path):
    assert shell("$PYTHON cli.py --no_such_flag 2>&-").returncode == 2
    assert shell(f"$PYTHON cli.py --evaluate --cache_output_dir {tmp_path} 2>&-").returncode == 2
    assert shell("$PYTHON cli.py --help >&-").stderr == ""


def test_training_goes_on_without_streams(tmp_path, tiny_inputs_path):
    flags = f"--loss_on_softmax --max_steps 1 --batch_size 10 --data_filename {tiny_inputs_path} --run_dir {tmp_path}"
    done = shell(f"$PYTHON train_cli.py {flags} >&- 2>&-")
    assert done.returncode == 1  # the result's line could not be written
    assert (tmp_path / "softmax" / "last.npz").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ("cli.py", "--update_cache", "--cache_output_dir", ""),
        ("cli.py", "--update_cache", "--audio_dir", ""),
        ("cli.py", "--update_cache", "--manifest", ""),
        ("cli.py", "--embed", "", "--output", "x.npz"),
        ("cli.py", "--verify", "", "x.wav"),
        ("train_cli.py", "--loss_on_softmax", "--run_dir", ""),
    ],
)
def test_an_empty_name_is_a_mistake(arguments):
    assert "expected a name. Received an empty text" in fail(2, *arguments)


def test_an_empty_variable_is_one_that_is_not_set(tmp_path):
    variables = {"DS_DIR": str(tmp_path), "CACHE_DIR": "", "AUDIO_DIR": ""}
    done = succeed("cli.py", "--update_cache", "--num_workers", "2", **variables)
    assert "using the synthetic voices" in done.stderr
    assert (tmp_path / "cache" / "index.jsonl").is_file()


@pytest.mark.parametrize("text", ["0", "speaker", "(?P<who>.)", "(?P<speaker>", ""])
def test_a_speaker_is_from_a_folder_or_a_group(text):
    assert "expected a folder's number" in fail(2, "cli.py", "--update_cache", "--speaker_from", text)
