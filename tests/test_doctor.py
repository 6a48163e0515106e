"""Every fault is made for real; where a line mends it, the line is run by a shell, and the fault is gone."""

import argparse
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from command_line import PATIENCE, ROOT, environment, run, succeed
from conftest import VOICES

import train_cli
from batcher.generate import generate_inputs
from cache.entries import audio_path
from cache.index import INDEX, index_line
from cache.mark import MARK
from commands.doctor import cache as cache_checks
from commands.doctor import command_lines, installation, surroundings
from commands.doctor.cache import check_cache, check_inputs
from commands.doctor.command_lines import line, own
from commands.doctor.examination import CHECKS, doctor
from commands.doctor.findings import FAULT, OK, WARNING, Finding, worst
from commands.doctor.installation import check_packages, check_python
from commands.doctor.profiles import check_profiles
from commands.doctor.requirements import Required, Requirement, required, within
from commands.doctor.runs import check_runs
from commands.doctor.surroundings import check_disk, check_folders, check_machine, check_variables
from commands.train import training_options
from inference.profile_file import Profile, Profiles, write_profiles
from models.checkpoint import Checkpoint, CheckpointDescription, load_checkpoint, save_checkpoint
from models.network_options import NetworkOptions
from training.options import TrainingOptions

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the lines are for a POSIX shell")


@pytest.fixture(autouse=True)
def surroundings_of_its_own(tmp_path, monkeypatch):
    """No folder of whoever runs the tests is looked at."""
    for name in surroundings.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def arguments(cache: Path, **changes) -> argparse.Namespace:
    usual = {"run_dir": None, "profiles": None, "audio_dir": None, "json": False}
    return argparse.Namespace(**{"cache_output_dir": cache, **usual, **changes})


def shell(command: str | None) -> None:
    """Run a line that was printed, from another folder."""
    assert command is not None
    done = subprocess.run(
        ["bash", "-c", command], cwd="/", env=environment(), capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr


def only(findings, result: str) -> Finding:
    """The only finding of this result."""
    (found,) = [finding for finding in findings if finding.result == result]
    return found


def wav_of(cache, number: int = 0) -> Path:
    return audio_path(cache.folder, list(cache.utterances.values())[number].sha256)


def state_of(folder: Path) -> dict:
    return {path: (path.lstat().st_mtime_ns, path.lstat().st_size) for path in sorted(folder.rglob("*"))}


def test_it_looks_at_everything_and_changes_nothing(tiny_cache, tiny_inputs_path, tmp_path):
    shutil.copy(tiny_inputs_path, tiny_cache.folder)
    before = state_of(tmp_path)
    done = succeed("cli.py", "--doctor", "--json", "--cache_output_dir", tiny_cache.folder)
    said = json.loads(done.stdout)
    assert said["result"] == OK
    assert {finding["check"] for finding in said["findings"]} == CHECKS.keys()
    assert all(finding["command"] is None for finding in said["findings"])
    assert done.stderr == ""
    assert state_of(tmp_path) == before


def test_a_fault_ends_with_status_1_and_a_warning_with_0(tmp_path):
    absent = run("cli.py", "--doctor", "--cache_output_dir", tmp_path / "none")
    assert (absent.returncode, absent.stdout.splitlines()[-1]) == (0, "0 faults, 2 warnings")
    (tmp_path / "file").touch()
    other = run("cli.py", "--doctor", "--cache_output_dir", tmp_path / "file")
    assert other.returncode == 1
    assert "mend: " in other.stdout and "Traceback" not in other.stderr


def test_a_check_that_fails_is_a_fault_and_the_others_go_on(tmp_path, monkeypatch, capsys):
    def broken(args):
        raise MemoryError
        yield

    monkeypatch.setitem(CHECKS, "cache", broken)
    assert doctor(arguments(tmp_path)) == 1
    said = capsys.readouterr().out
    assert "fault    cache: could not be looked at:  (MemoryError)" in said
    assert "machine: " in said


# Python and packages


def test_an_old_python_is_a_fault(monkeypatch):
    assert worst(check_python()) == OK
    monkeypatch.setattr(platform, "python_version", lambda: "3.9.18")
    fault = only(check_python(), FAULT)
    assert "3.9.18, and this tool needs >=3.11" in fault.message
    assert " -m venv " in fault.command and "requirements.txt" in fault.command


@pytest.mark.parametrize(
    "version, ranges, is_within",
    [
        ("2.20.0", ">=2.20,<2.22", True),
        ("2.22", ">=2.20,<2.22", False),
        ("2.9", ">=2.20", False),
        ("3.11.7", ">=3.11", True),
        ("1.0.0", "==1", True),
        ("2.2.0rc1", ">=2.2,<2.5", True),
        ("2.2+cpu", ">=2.2", True),
        ("unknown", ">=1", False),
        ("1", "", True),
    ],
)
def test_releases_are_compared_by_their_numbers(version, ranges, is_within):
    assert within(version, ranges) is is_within


def test_what_is_required_is_what_pyproject_says():
    names = {needed.package: needed for needed in required().packages}
    assert names["numpy"].ranges.startswith(">=") and not names["numpy"].training
    assert names["tensorflow"].training
    assert ("filelock" in names) is (sys.platform == "win32")


def test_metadata_of_an_installation_are_read_as_pyproject_is(monkeypatch, tmp_path):
    from commands.doctor import requirements

    lines = [
        *("Metadata-Version: 2.4", "Name: deep-speaker", "Version: 2.0.0", "Requires-Python: >=3.11"),
        *("Requires-Dist: av<19,>=14", "Requires-Dist: filelock<5,>=3.16; sys_platform == 'other'"),
        *("Provides-Extra: train", "Requires-Dist: keras<3.16,>=3.11.3; extra == 'train'"),
    ]
    (tmp_path / "deep_speaker-2.0.0.dist-info").mkdir()
    (tmp_path / "deep_speaker-2.0.0.dist-info" / "METADATA").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(requirements, "IN_REPOSITORY", False)
    packages = (Requirement("av", "<19,>=14", False), Requirement("keras", "<3.16,>=3.11.3", True))
    assert required() == Required(">=3.11", packages)


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """A function that puts a package in the place where packages are looked for, and requires it."""
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    needed: list[Requirement] = []
    monkeypatch.setattr(installation, "required", lambda: Required(">=3.11", tuple(needed)))

    def put(name: str, version: str | None, source: str | None, training: bool = False) -> None:
        if version is not None:
            (folder / f"{name}-{version}.dist-info").mkdir()
            metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            (folder / f"{name}-{version}.dist-info" / "METADATA").write_text(metadata)
        if source is not None:
            (folder / f"{name}.py").write_text(source)
        needed.append(Requirement(name, ">=1,<2", training))

    return put


def test_each_thing_that_is_wrong_with_a_package_is_told_with_what_installs_it(packages):
    packages("sound_one", "1.5", "")
    packages("absent_one", None, None)
    packages("untested_one", "2.1", "")
    packages("broken_one", "1.0", "raise OSError('libfoo.so: cannot open')")
    packages("deadly_one", "1.0", "import os; os._exit(3)")
    packages("never_reached", "1.0", "")
    packages("half_removed", "1.0", None, training=True)
    packages("absent_extra", None, None, training=True)
    findings = list(check_packages())
    install = line(sys.executable, "-m", "pip", "install")
    force = f"{install} --force-reinstall --no-deps"
    told = {finding.command: (finding.result, finding.message) for finding in findings}
    assert told[f"{install} 'absent_one>=1,<2'"] == (FAULT, "not installed: absent_one")
    assert told[f"{install} 'untested_one>=1,<2'"][0] == WARNING
    assert "OSError: libfoo.so: cannot open" in told[f"{force} broken_one==1.0"][1]
    assert "ends the process with status 3" in told[f"{force} deadly_one==1.0"][1]
    assert "its files are gone" in told[f"{force} half_removed==1.0"][1]
    (extra,) = [finding for finding in findings if "absent_extra" in finding.message]
    assert extra.result == WARNING and "only inputs, training" in extra.message
    assert only(findings, OK).message.startswith("2 of 8 packages")


def test_without_the_whole_extra_the_extra_is_what_to_install(packages):
    packages("absent_extra", None, None, training=True)
    warning = only(check_packages(), WARNING)
    assert shlex.split(warning.command)[1:] == ["-m", "pip", "install", f"{ROOT}[train]"]


@pytest.mark.long
def test_a_damaged_network_is_fetched_again_from_the_repository(tmp_path):
    ours = tmp_path / "our copy"
    skipped = shutil.ignore_patterns(".git", ".venv", "samples", "tests", "docs", "*_cache", "__pycache__", "*.npz")
    shutil.copytree(ROOT, ours, ignore=skipped)
    network = ours / "models" / "pretrained" / "network.onnx"
    who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    for words in (("init", "-q"), ("add", network), (*who, "commit", "-q", "-m", "network")):
        subprocess.run(["git", *words], cwd=ours, check=True)
    network.write_bytes(network.read_bytes()[:100_000])
    examine = (sys.executable, ours / "cli.py", "--doctor", "--json", "--cache_output_dir", tmp_path / "none")
    findings = json.loads(subprocess.run(examine, capture_output=True, env=environment()).stdout)["findings"]
    (fault,) = [finding for finding in findings if finding["result"] == FAULT]
    assert fault["check"] == "network"
    shell(fault["command"])
    assert subprocess.run(examine, capture_output=True, env=environment()).returncode == 0


# Surroundings


def test_variables_that_point_nowhere_are_told(tmp_path, monkeypatch):
    assert "none of" in only(check_variables(), OK).message
    monkeypatch.setenv("DS_DIR", str(tmp_path))
    assert str(tmp_path) in only(check_variables(), OK).message
    monkeypatch.setenv("CACHE_DIR", str(tmp_path / "later"))
    assert only(check_variables(), WARNING).command == "unset CACHE_DIR"
    monkeypatch.setenv("AUDIO_DIR", str(tmp_path / "gone"))
    assert only(check_variables(), FAULT).command == "unset AUDIO_DIR"
    (tmp_path / "later").touch()
    monkeypatch.setenv("AUDIO_DIR", "~nobody-of-that-name/speech")
    assert [finding.result for finding in check_variables()] == [FAULT, FAULT]


def test_unsetting_the_variable_mends_it(tmp_path):
    examine = own("--doctor", "--cache_output_dir", tmp_path / "none")
    shell(f"export AUDIO_DIR=/nowhere/at/all; {examine} > /dev/null; [ $? = 1 ] && unset AUDIO_DIR && {examine}")


def test_a_file_where_a_folder_belongs_is_a_fault(tmp_path):
    (tmp_path / "runs").touch()
    args = arguments(tmp_path / "none", run_dir=tmp_path / "runs" / "mine")
    shell(only(check_folders(args), FAULT).command)
    assert worst(check_folders(args)) == OK


@pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="only root can be another user")
@pytest.mark.parametrize("owner, command", [(65534, "chmod u+rwx"), (0, "sudo chown 65534")])
def test_a_folder_that_this_user_may_not_write_to_is_a_fault(owner, command):
    place = Path(tempfile.mkdtemp())
    try:
        cache = place / "cache"
        cache.mkdir(mode=0o555)
        place.chmod(0o755)
        os.chown(cache, owner, owner)
        args = arguments(cache, profiles=Path("/tmp/profiles.npz"))
        found = as_nobody(lambda: [(finding.result, finding.command) for finding in check_folders(args)])
        assert found == [[FAULT, f"{command} {cache}"]]
        shell(found[0][1].removeprefix("sudo "))
        cache.chmod(0o755)
        assert as_nobody(lambda: worst(check_folders(args))) == OK
    finally:
        shutil.rmtree(place)


def as_nobody(function):
    """What a function returns, as JSON, to a user who may do nothing."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setuid(65534)
            os.write(write, json.dumps(function()).encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as file:
        answer = json.load(file)
    os.waitpid(child, 0)
    return answer


def test_a_disk_without_room_for_inputs_is_a_fault(tiny_cache, monkeypatch):
    args = arguments(tiny_cache.folder)
    assert worst(check_disk(args)) == OK
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1000))
    assert "make room" in only(check_disk(args), FAULT).message


def test_inputs_that_memory_does_not_hold_are_a_warning(tiny_cache, monkeypatch):
    (tiny_cache.folder / "full_inputs.pkl").write_bytes(b"x" * 2000)
    args = arguments(tiny_cache.folder)
    assert worst(check_machine(args)) == OK
    monkeypatch.setattr(surroundings, "_free_memory", lambda: 1000)
    assert "--disturbed_copies" in only(check_machine(args), WARNING).message
    monkeypatch.setattr(surroundings, "_free_memory", lambda: None)
    assert worst(check_machine(args)) == OK


# Lines for a shell


@pytest.mark.parametrize(
    "word", ["plain", "it's", "a b;$(touch x)`y`", "line\nbreak", "\x1b[31mred\\", "é\x07", "\udcff"]
)
def test_a_word_reaches_the_shell_as_it_is(word):
    command = line(sys.executable, "-c", "import os, sys; sys.stdout.buffer.write(os.fsencode(sys.argv[1]))", word)
    assert command.isprintable()
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    assert done.stdout == os.fsencode(word)


def test_a_value_like_a_flag_is_joined_to_its_flag():
    assert own("--test_speakers", "-x,y").endswith(" --test_speakers=-x,y")


def test_an_installation_names_its_own_modules(monkeypatch):
    monkeypatch.setattr(command_lines, "IN_REPOSITORY", False)
    assert own("--doctor") == line(sys.executable, "-m", "deep_speaker.cli", "--doctor")


# The cache


def test_an_absent_cache_is_a_warning_and_filled_from_the_corpus_that_was_named(tmp_path, corpus):
    args = arguments(tmp_path / "it's a new one", audio_dir=corpus)
    shell(only(check_cache(args), WARNING).command)
    assert "4 utterances of 2 speakers" in only(check_cache(args), OK).message


def test_without_a_corpus_the_samples_fill_it(tmp_path):
    assert f"--audio_dir {VOICES} " in only(check_cache(arguments(tmp_path / "none")), WARNING).command


def test_a_folder_of_other_files_stays_and_the_cache_is_made_beside_it(tmp_path, corpus):
    args = arguments(corpus, audio_dir=corpus)
    before = state_of(corpus)
    shell(only(check_cache(args), FAULT).command)
    assert worst(check_cache(arguments(tmp_path / "corpus-cache"))) == OK
    assert state_of(corpus) == before
    assert str(tmp_path / "corpus-cache-2") in only(check_cache(args), FAULT).command


def rewrite_mark(cache, **changes) -> None:
    mark = json.loads((cache.folder / MARK).read_text())
    (cache.folder / MARK).write_text(json.dumps({**mark, **changes}))


def test_a_cache_of_an_earlier_version_is_made_again_from_what_it_was_made_of(tiny_cache):
    args = arguments(tiny_cache.folder)
    places = sorted({utterance.place for utterance in tiny_cache.utterances.values()})
    rewrite_mark(tiny_cache, format=2, filled_from=places)
    fault = only(check_cache(args), FAULT)
    assert "earlier version" in fault.message
    shell(fault.command)
    assert worst(check_cache(args)) == OK


def test_a_cache_of_a_newer_version_is_a_fault(tiny_cache):
    rewrite_mark(tiny_cache, format=99)
    assert "newer version" in only(check_cache(arguments(tiny_cache.folder)), FAULT).message


def test_a_cache_that_another_process_writes_to_is_told_with_its_number(tiny_cache):
    code = "import sys; from pathlib import Path; from storage.lock import folder_lock\n"
    code += "with folder_lock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(tiny_cache.folder)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        warning = only(check_cache(arguments(tiny_cache.folder)), WARNING)
        holder.stdin.close()
    assert f"in use by process {holder.pid}" in warning.message
    assert worst(check_cache(arguments(tiny_cache.folder))) == OK


def test_a_link_in_the_place_of_the_lock_is_moved_away(tiny_cache, tmp_path):
    (tiny_cache.folder / ".lock").unlink()
    (tiny_cache.folder / ".lock").symlink_to(tmp_path / "elsewhere")
    shell(only(check_cache(arguments(tiny_cache.folder)), FAULT).command)
    assert worst(check_cache(arguments(tiny_cache.folder))) == OK
    assert not (tmp_path / "elsewhere").exists()


def test_a_link_in_the_place_of_the_audio_is_a_fault(tiny_cache, tmp_path):
    (tiny_cache.folder / "audio").rename(tmp_path / "moved")
    (tiny_cache.folder / "audio").symlink_to(tmp_path / "moved")
    assert "symbolic link" in only(check_cache(arguments(tiny_cache.folder)), FAULT).message


@pytest.mark.parametrize("harm", ["gone", "short", "altered"])
def test_files_that_are_gone_or_damaged_are_made_again(tiny_cache, harm):
    wav, args = wav_of(tiny_cache), arguments(tiny_cache.folder)
    content = wav.read_bytes()
    wav.unlink()
    if harm == "short":
        wav.write_bytes(content[:-2])
    elif harm == "altered":
        wav.write_bytes(content[:-2] + bytes(byte ^ 1 for byte in content[-2:]))
    fault = only(check_cache(args), FAULT)
    assert ("1 of 15" in fault.message) is True
    shell(fault.command)
    assert worst(check_cache(args)) == OK
    assert wav.read_bytes() == content


def test_without_the_recordings_no_line_is_promised(tiny_cache, tmp_path):
    entries = [entry._replace(place=str(tmp_path / "gone")) for entry in tiny_cache.utterances.values()]
    (tiny_cache.folder / INDEX).write_text("".join(map(index_line, entries)))
    wav_of(tiny_cache).unlink()
    fault = only(check_cache(arguments(tiny_cache.folder)), FAULT)
    assert fault.command is None and "recordings are not there" in fault.message


def test_entries_made_with_other_settings_and_lines_that_can_not_be_read_are_done_again(tiny_cache):
    first, *others = tiny_cache.utterances.values()
    lines = [index_line(first._replace(made_with="00000000")), *map(index_line, others[:-1]), "{torn"]
    (tiny_cache.folder / INDEX).write_text("".join(lines))
    args = arguments(tiny_cache.folder)
    assert "1 line of" in only(check_cache(args), WARNING).message
    shell(only(check_cache(args), FAULT).command)
    assert [finding.result for finding in check_cache(args)] == [OK]


def test_a_large_cache_is_looked_at_in_part_and_that_is_said(tiny_cache, monkeypatch):
    monkeypatch.setattr(cache_checks, "HASHING_SECONDS", 0)
    assert "1 taken at random" in only(check_cache(arguments(tiny_cache.folder)), OK).message


# Inputs


@pytest.mark.long
def test_inputs_are_made_where_there_are_none_and_again_where_they_are_stale_or_damaged(tiny_cache):
    args, path = arguments(tiny_cache.folder), tiny_cache.folder / "full_inputs.pkl"
    shell(only(check_inputs(args), WARNING).command + " --test_speakers p362 --num_filters 20 --disturbed_copies 1")
    assert "1 held out; read whole" in only(check_inputs(args), OK).message
    entries = [entry._replace(session="evening") for entry in tiny_cache.utterances.values()]
    (tiny_cache.folder / INDEX).write_text("".join(map(index_line, entries)))
    stale = only(check_inputs(args), WARNING)
    assert "--num_filters 20 --disturbed_copies 1 --seed 0 --test_speakers p362" in stale.command
    shell(stale.command)
    assert worst(check_inputs(args)) == OK
    path.write_bytes(path.read_bytes()[:-1000])
    shell(only(check_inputs(args), FAULT).command)
    assert worst(check_inputs(args)) == OK


@pytest.mark.parametrize("cut", [1, 500, 5000])
def test_large_inputs_are_looked_at_from_both_ends(tiny_cache, tiny_inputs_path, monkeypatch, cut):
    monkeypatch.setattr(cache_checks, "READ_WHOLE", 0)
    path = Path(shutil.copy(tiny_inputs_path, tiny_cache.folder))
    assert "beginning and its end" in only(check_inputs(arguments(tiny_cache.folder)), OK).message
    path.write_bytes(path.read_bytes()[:-cut])
    assert "not usable" in only(check_inputs(arguments(tiny_cache.folder)), FAULT).message


def test_shards_are_counted_and_one_of_another_size_is_a_fault(tiny_cache, monkeypatch):
    monkeypatch.setattr("batcher.generate.LARGEST_FILE", 0)
    generate_inputs(tiny_cache, tiny_cache.folder / "full_inputs.pkl", ("p362",))
    assert (
        "1 held out; in 1 shard, all of the right size" in only(check_inputs(arguments(tiny_cache.folder)), OK).message
    )
    (shard,) = (tiny_cache.folder / "full_inputs.shards").glob("*.shard")
    shard.write_bytes(shard.read_bytes()[:-1])
    damaged = only(check_inputs(arguments(tiny_cache.folder)), FAULT)
    assert shard.name in damaged.message
    assert "--generate_training_inputs" in damaged.command


# Runs


def trained(run_dir: Path, stage: str = "softmax", finished: bool = True, **changes) -> TrainingOptions:
    """Write a run as training does, with next to nothing in its checkpoints."""
    given = {"batch_size": 64, "learning_rate": 2e-3, "max_epochs": 7, "window_seconds": (0.8, 1.2)}
    data = {"data_filename": run_dir.parent / "full_inputs.pkl", "run_dir": run_dir}
    options = TrainingOptions(stage=stage, **{**given, **data, **changes})
    description = CheckpointDescription(stage, 300, finished, NetworkOptions(), {}, ("a/b",), (), ("a/b",))
    for name in ("last.npz", "best.npz"):
        save_checkpoint(run_dir / stage / name, Checkpoint(description, {"weights": np.arange(100.0)}))
    (run_dir / stage / "options.json").write_text(json.dumps(options.as_json()))
    (run_dir / stage / "history.csv").write_text("epoch,step,train_loss\n1.0,100,2.5\n")
    return options


def test_finished_runs_are_well(tmp_path):
    assert "nothing was trained" in only(check_runs(arguments(tmp_path)), OK).message
    trained(tmp_path / "runs")
    assert "softmax (300 steps)" in only(check_runs(arguments(tmp_path)), OK).message


@pytest.mark.parametrize(
    "stage, changes",
    [
        ("softmax", {"augmentation": False, "speeds": (1.0, 0.9), "teacher": Path("-teacher's.npz"), "max_steps": 350}),
        ("softmax_fine", {"weight_averaging": False, "softmax_margin": 0.1, "speeds": (1.0,)}),
        ("triplet", {"triplet_selection": "random", "margin": 0.25, "seed": 3, "normalize_embeddings": True}),
        ("softmax_frozen", {"embedding_activation": "tanh", "copied": 0.25, "patience": 5, "mixed_precision": True}),
        (
            "adapted",
            {
                "checkpoint": Path("/some where/x.npz"),
                "shares": 2,
                "distribute": "multi_worker",
                "speeds": (1.0,),
                "softmax_margin": 0.1,
            },
        ),
    ],
)
def test_an_unfinished_stage_is_a_warning_with_the_line_that_goes_on_as_it_began(tmp_path, stage, changes):
    options = trained(tmp_path / "runs", stage, finished=False, **changes)
    command = only(check_runs(arguments(tmp_path)), WARNING).command
    program, *words = shlex.split(command)[1:]
    assert program == str(ROOT / "train_cli.py")
    assert training_options(train_cli.build_parser().parse_args(words)) == options


def test_a_run_that_is_trained_now_is_not_unfinished(tmp_path):
    from storage.lock import folder_lock

    trained(tmp_path / "runs", finished=False)
    with folder_lock(tmp_path / "runs"):
        assert worst(check_runs(arguments(tmp_path))) == OK


def harm(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def test_a_damaged_last_checkpoint_is_replaced_by_the_best_else_the_run_is_set_aside(tmp_path):
    trained(tmp_path / "runs")
    folder, args = tmp_path / "runs" / "softmax", arguments(tmp_path)
    harm(folder / "last.npz")
    shell(only(check_runs(args), FAULT).command)
    assert worst(check_runs(args)) == OK
    assert load_checkpoint(folder / "last.npz").description.step == 300
    for name in ("last.npz", "best.npz"):
        (folder / name).write_bytes(b"PK")
    shell(only(check_runs(args), FAULT).command)
    assert worst(check_runs(args)) == OK
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["softmax.1"]


@pytest.mark.parametrize("name", ["best.npz", "options.json", "history.csv"])
def test_what_training_can_do_without_is_a_warning(tmp_path, name):
    trained(tmp_path / "runs")
    (tmp_path / "runs" / "softmax" / name).write_bytes(b"\0\xff")
    shell(only(check_runs(arguments(tmp_path)), WARNING).command)
    assert worst(check_runs(arguments(tmp_path))) == OK


# Profiles


@pytest.fixture
def store(tmp_path) -> Path:
    profiles = Profiles("f" * 64, (Profile("ann", 1, 2.0, "2026-01-01"),), np.eye(1, dtype=np.float32))
    write_profiles(tmp_path / "profiles.npz", profiles)
    return tmp_path / "profiles.npz"


def test_profiles_that_others_may_open_are_closed(store, tmp_path):
    args = arguments(tmp_path, profiles=store)
    assert "1 speaker in" in only(check_profiles(args), OK).message
    store.chmod(0o644)
    shell(only(check_profiles(args), FAULT).command)
    assert worst(check_profiles(args)) == OK


def test_damaged_profiles_and_what_is_no_file_are_moved_away(store, tmp_path):
    args = arguments(tmp_path, profiles=store)
    harm(store)
    shell(only(check_profiles(args), FAULT).command)
    assert worst(check_profiles(args)) == OK
    store.with_name("profiles.npz.damaged").unlink()
    os.mkfifo(store)
    shell(only(check_profiles(args), FAULT).command)
    assert worst(check_profiles(args)) == OK


# Hostile content


DEEP = b"[" * 100_000
HOSTILE = [b"", b"\0" * 5000, DEEP, b'{"tool": ' + DEEP, os.urandom(5000), b"cos\nsystem\n(S'touch x'\ntR.", None]


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_content_is_told_of_and_never_raises(tiny_cache, tiny_inputs_path, content, capsys):
    shutil.copy(tiny_inputs_path, tiny_cache.folder)
    trained(tiny_cache.folder / "runs")
    softmax = tiny_cache.folder / "runs" / "softmax"
    names = [*softmax.iterdir(), *(tiny_cache.folder / name for name in (MARK, INDEX, "full_inputs.pkl"))]
    for path in [*names, wav_of(tiny_cache)]:
        kept = path.read_bytes()
        path.unlink()
        os.mkfifo(path) if content is None else path.write_bytes(content)
        for name in ("cache", "inputs", "runs", "disk"):
            for finding in CHECKS[name](arguments(tiny_cache.folder)):
                assert "\n" not in (finding.command or "")
        path.unlink()
        path.write_bytes(kept)


def test_names_that_steer_a_terminal_are_spelt_out(tmp_path, capsys):
    folder = tmp_path / "\x1b[31mred\nfault    Python: no"
    (folder / "other").mkdir(parents=True)
    assert doctor(arguments(folder)) == 1
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert not any(text.startswith("fault    Python") for text in said.splitlines())


def test_it_takes_a_moment(tiny_cache):
    began = time.process_time()
    for name, check in CHECKS.items():
        if name != "packages":  # which wait for a process of their own
            list(check(arguments(tiny_cache.folder)))
    assert time.process_time() - began < 2.5
