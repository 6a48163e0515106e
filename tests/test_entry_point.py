"""Both entry points with standard streams that a shell has closed, and with paths that are empty."""

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import PATIENCE, ROOT, environment, fail, plain_lines, run
from conftest import copy_voices

import entry_point
from commands import flags
from storage.errors import UserError

PROGRAMS = ("cli.py", "train_cli.py", "train_triplet_softmax_model.py")
NO_OUTPUT = "error: the results can't be printed, as standard output is closed"
CLOSE_OUTPUT, CLOSE_ERRORS, CLOSE_INPUT = ">&-", "2>&-", "<&-"
OPENS_A_FILE = """
import subprocess, sys, entry_point
entry_point.open_closed_streams()
with open(sys.argv[1], "w") as file:
    assert file.fileno() > 2
    subprocess.run(["sh", "-c", "echo printed; echo said >&2; cat"], check=True)
    print("said", file=sys.stderr, flush=True)
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a shell that closes descriptors")


def shell(redirection: str, *arguments: str | Path) -> subprocess.CompletedProcess:
    """Run `python <arguments>` as the shell does with such a redirection."""
    line = f"{shlex.join(map(str, (sys.executable, *arguments)))} {redirection}"
    how = {"cwd": ROOT, "env": environment(), "capture_output": True, "text": True, "timeout": PATIENCE}
    done = subprocess.run(["sh", "-c", line], stdin=subprocess.DEVNULL, **how)
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def update(tmp_path):
    """The arguments that fill a cache of six recordings."""
    corpus = copy_voices(tmp_path / "corpus", ("p225", "p226"), 3)
    return "cli.py", "--update_cache", "--audio_dir", corpus, "--cache_output_dir", tmp_path / "cache"


def test_results_that_a_closed_output_can_not_take_are_one_line_and_status_1(tmp_path, update):
    done = shell(CLOSE_OUTPUT, *update)
    assert (done.returncode, plain_lines(done.stderr)) == (1, [NO_OUTPUT])
    assert "0 utterances added, 6 unchanged" in run(*update).stdout


@pytest.mark.parametrize("workers", ["1", "2"])
def test_with_closed_errors_the_work_is_done_in_silence(tmp_path, update, workers):
    broken = tmp_path / "corpus" / "p225" / "broken.wav"
    broken.write_text("no audio")  # a warning, which nobody sees
    done = shell(CLOSE_ERRORS, *update, "--num_workers", workers, "--multi_threading")
    assert done.returncode == 0
    assert done.stdout.startswith(f"{tmp_path / 'cache'}: 6 utterances added, 0 unchanged, 1 skipped")


@pytest.mark.parametrize("closed", [">&- 2>&-", "<&- >&- 2>&-"])
def test_no_text_gets_into_our_files_when_all_is_closed(tmp_path, update, closed):
    done = shell(closed, *update)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    assert "6 utterances added" in run(*update[:-1], tmp_path / "other").stdout
    assert contents(tmp_path / "cache") == contents(tmp_path / "other")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("closed", [CLOSE_OUTPUT, CLOSE_ERRORS, CLOSE_INPUT, "<&- 2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_file_never_becomes_a_standard_stream_of_ours_or_of_a_child(tmp_path, closed):
    done = shell(closed, "-c", OPENS_A_FILE, tmp_path / "file")
    assert done.returncode == 0
    assert (tmp_path / "file").read_text() == ""
    assert done.stdout == ("" if CLOSE_OUTPUT in closed.split() else "printed\n")
    assert done.stderr == ("" if CLOSE_ERRORS in closed.split() else "said\nsaid\n")


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("output, line", [(CLOSE_OUTPUT, NO_OUTPUT), (">/dev/full", "error: [Errno 28] No space left")])
def test_help_that_can_not_be_printed_is_one_line_and_status_1(program, output, line):
    if output == ">/dev/full" and not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    done = shell(output, program, "--help")
    assert (done.returncode, done.stdout) == (1, "")
    (said,) = done.stderr.splitlines()
    assert said.startswith(line)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("closed", [CLOSE_ERRORS, CLOSE_INPUT, "<&- 2>&-"])
def test_help_is_printed_whatever_else_is_closed(program, closed):
    done = shell(closed, program, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == run(program, "--help").stdout


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("closed", [CLOSE_ERRORS, ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_mistake_is_status_2_and_its_message_goes_nowhere_else(program, closed):
    done = shell(closed, program, "--nonsense")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


@pytest.mark.parametrize("closed", [CLOSE_OUTPUT, CLOSE_INPUT])
def test_a_mistake_is_told_when_its_stream_is_open(closed, tmp_path):
    done = shell(closed, "train_cli.py", "--loss_on_softmax", "--data_filename", tmp_path / "missing")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no training inputs at")


@pytest.mark.parametrize("closed", [CLOSE_ERRORS, ">/dev/full 2>/dev/full"])
def test_a_failure_that_nobody_can_be_told_has_its_status(closed, tmp_path):
    done = shell(closed, "train_cli.py", "--loss_on_softmax", "--data_filename", tmp_path / "missing")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


def test_a_closed_input_is_no_recording():
    done = shell(CLOSE_INPUT, "cli.py", "--verify", "-", ROOT / "samples/PhilippeRemy/recording_1.wav")
    assert done.returncode == 2
    assert plain_lines(done.stderr)[-1] == "error: standard input: it is closed"


@pytest.mark.long
@pytest.mark.parametrize("closed, status", [(CLOSE_OUTPUT, 1), (CLOSE_ERRORS, 0)])
def test_a_stage_is_trained_and_kept_whatever_is_closed(tmp_path, tiny_inputs_path, closed, status):
    stage = ("train_cli.py", "--loss_on_softmax", "--data_filename", tiny_inputs_path, "--run_dir", tmp_path)
    done = shell(closed, *stage, "--max_steps", "2", "--batch_size", "2")
    assert done.returncode == status
    assert (tmp_path / "softmax" / "last.npz").is_file()
    if status:
        assert plain_lines(done.stderr)[-1] == NO_OUTPUT
    else:
        assert "softmax, 2 steps" in done.stdout


PATH_FLAGS = {
    "cli.py": ("audio_dir", "manifest", "cache_output_dir", "run_dir", "checkpoint", "profiles", "output", "trials",
               "test_speakers_file", "export_model", "noise_dir", "rir_dir", "calibrate", "calibration", "links",
               "scores", "report", "report_dir", "speaker_info"),
    "train_cli.py": ("data_filename", "run_dir", "checkpoint", "teacher"),
}  # fmt: skip


@pytest.mark.parametrize("program, flag", [(program, flag) for program, flags in PATH_FLAGS.items() for flag in flags])
@pytest.mark.parametrize("text, reason", [("", "empty text"), ("~nobody-of-that-name/x", "no such user's home folder")])
def test_every_path_flag_refuses_what_is_no_path(program, flag, text, reason):
    action = (
        ("--loss_on_softmax",)
        if program == "train_cli.py"
        else ("--evaluate",) * (flag not in ("export_model", "calibrate"))
    )
    said = fail(2, program, *action, f"--{flag}", text)
    assert f"error: argument --{flag}: expected a path. Received" in said
    assert reason in said


def test_every_flag_that_takes_a_path_is_tested_here():
    import cli
    import train_cli

    for module in (cli, train_cli):
        with_path = {
            action.dest for action in module.build_parser()._actions if action.type in (flags.path, flags.place)
        }
        assert with_path == set(PATH_FLAGS[f"{module.__name__}.py"])


def test_an_empty_variable_counts_as_unset(monkeypatch, tmp_path, caplog):
    for name in ("DS_DIR", "CACHE_DIR", "AUDIO_DIR"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert entry_point.data_folder() == tmp_path / "deep-speaker-data"
    assert entry_point.default_cache_dir() == tmp_path / "deep-speaker-data" / "cache"
    assert entry_point.choose_audio_dir(None) == entry_point.SAMPLES


@pytest.mark.parametrize("name, folder", [
    ("DS_DIR", entry_point.data_folder),
    ("CACHE_DIR", entry_point.default_cache_dir),
    ("AUDIO_DIR", lambda: entry_point.choose_audio_dir(None)),
])  # fmt: skip
def test_a_variable_that_names_no_users_folder_is_a_mistake(monkeypatch, name, folder):
    monkeypatch.setenv(name, "~nobody-of-that-name/x")
    with pytest.raises(UserError, match="no such user's home folder"):
        folder()


def test_a_path_is_expanded(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert flags.path("~/a") == Path("/home/somebody/a")
    with pytest.raises(argparse.ArgumentTypeError, match="empty text"):
        flags.path("")


@pytest.mark.parametrize("flags", [("--embed", "", "--output", "x.npz"), ("--verify", "", "x"), ("--identify", "")])
def test_an_empty_name_of_a_recording_is_not_the_working_folder(flags):
    assert "expected a name. Received an empty text" in fail(2, "cli.py", *flags)


@pytest.mark.parametrize("text", ["0", "speaker", "(?P<who>.)", "(?P<speaker>", ""])
def test_a_speaker_is_from_a_folder_or_a_group(text):
    assert "expected a folder's number" in fail(2, "cli.py", "--update_cache", "--speaker_from", text)
