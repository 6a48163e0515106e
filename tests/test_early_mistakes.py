"""Mistakes that show before a network, TensorFlow or inputs are loaded; and files of several kinds that are taken."""

import json

import pytest
from command_line import ROOT, fail, run, succeed
from conftest import VOICES

from inference.profiles import ProfileStore
from models.onnx_file import BUNDLED

A, A_AGAIN, B = (VOICES / name[:4] / f"{name}.flac" for name in ("p225_001", "p225_002", "p226_001"))
WITHOUT_NETWORKS = """
import sys
import cli, train_cli
sys.modules["onnxruntime"] = sys.modules["tensorflow"] = None
program = {"cli.py": cli, "train_cli.py": train_cli}[sys.argv.pop(1)]
sys.exit(program.main())
"""


def early(*arguments) -> str:
    """The line of a mistake that is found although no network can be loaded."""
    return fail(2, "-c", WITHOUT_NETWORKS, *arguments)


def test_recordings_that_do_not_exist_are_named_before_a_network_is_loaded(tmp_path):
    missing = tmp_path / "missing.wav"
    (tmp_path / "x.onnx").write_bytes(b"no network")
    for flags in (
        ("--verify", A, missing),
        ("--identify", missing),
        ("--enroll", "ann", missing),
        ("--embed", A, missing, "--output", tmp_path / "x.npz"),
    ):
        assert f"{missing}: does not exist" in early("cli.py", *flags, "--checkpoint", tmp_path / "x.onnx")


def test_a_name_that_is_taken_and_a_store_without_profiles_are_told_before(tmp_path):
    where = ("--profiles", tmp_path / "a.npz")
    assert "nobody is enrolled" in early("cli.py", "--identify", A, *where)
    assert "nobody of the name 'ann' is enrolled" in early("cli.py", "--enroll", "ann", A, "--add", *where)
    succeed("cli.py", "--enroll", "ann", A, A_AGAIN, *where)
    assert "--add adds recordings" in early("cli.py", "--enroll", "ann", B, *where)
    assert "nearest: ann" in early("cli.py", "--enroll", "anna", B, "--add", *where)


def test_a_misspelt_folder_for_results_is_no_new_folder(tmp_path, tiny_cache):
    cached = ("--cache_output_dir", tiny_cache.folder)
    for flags in (
        ("--embed", A, "--output", tmp_path / "nwe" / "x.npz"),
        ("--get_embeddings", "p225", "--output", tmp_path / "nwe" / "x.npz", *cached),
        ("--export_model", tmp_path / "nwe" / "x.onnx", "--checkpoint", tmp_path / "a.npz"),
    ):
        assert f"there is no folder {tmp_path / 'nwe'}" in early("cli.py", *flags)
    assert not (tmp_path / "nwe").exists()
    assert "to end in .npz" in early("cli.py", "--get_embeddings", "p225", "--output", tmp_path / "x.csv", *cached)


def test_speakers_and_trials_that_are_not_there_are_told_before(tmp_path, tiny_cache):
    cached = ("--cache_output_dir", tiny_cache.folder)
    assert "nearest: p22" in early("cli.py", "--unseen_speakers", "p225,p22", *cached)
    assert "p999" in early("cli.py", "--evaluate", "--test_speakers", "p999", *cached)
    assert "expected a text file of trials" in early("cli.py", "--evaluate", "--trials", tmp_path / "no", *cached)


def test_training_files_of_the_wrong_kind_are_told_before(tmp_path, tiny_inputs_path):
    stage = ("train_cli.py", "--loss_on_softmax", "--data_filename", tiny_inputs_path)
    line = early(*stage, "--checkpoint", BUNDLED)
    assert "expected --checkpoint to be a checkpoint, an .npz file. Received the exported network" in line
    assert "no checkpoint at" in early(*stage, "--checkpoint", tmp_path / "none.npz")
    assert "expected --teacher to be an .npz file" in early(*stage, "--teacher", tmp_path / "none.npz")
    (tmp_path / "file").touch()
    assert "expected --run_dir to be a folder" in early(*stage, "--run_dir", tmp_path / "file")


def test_a_package_that_is_missing_is_named_with_its_extra(tiny_inputs_path, tmp_path):
    stage = ("train_cli.py", "--loss_on_softmax", "--data_filename", tiny_inputs_path, "--run_dir", tmp_path)
    done = run("-c", WITHOUT_NETWORKS, *stage)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert done.stderr.splitlines()[-1].endswith("with its extra: pip install '.[train]'")


@pytest.mark.long
def test_a_folder_that_holds_the_inputs_serves_as_their_name(tiny_inputs_path, tmp_path):
    brief = ("--max_steps", "1", "--batch_size", "2", "--run_dir", tmp_path)
    done = succeed("train_cli.py", "--loss_on_softmax", "--data_filename", tiny_inputs_path.parent, *brief)
    assert done.stdout.startswith("softmax, 1 step:")
    assert f"no training inputs at {tmp_path / 'full_inputs.pkl'}" in fail(
        2, "train_cli.py", "--loss_on_softmax", "--data_filename", tmp_path
    )


def test_without_samples_a_corpus_is_asked_for(tmp_path):
    script = (
        "import pathlib, sys, entry_point, cli; entry_point.SAMPLES = pathlib.Path('/nowhere'); sys.exit(cli.main())"
    )
    assert "--audio_dir FOLDER names one" in fail(2, "-c", script, "--update_cache", DS_DIR=str(tmp_path))


def test_recordings_are_added_to_a_profile_as_if_they_had_been_there(tmp_path):
    everything, stepwise = tmp_path / "all.npz", tmp_path / "step.npz"
    files = sorted((VOICES / "p225").glob("*_00[1-4].flac"))
    succeed("cli.py", "--enroll", "ann", *files, "--profiles", everything)
    succeed("cli.py", "--enroll", "ann", *files[:1], "--profiles", stepwise)
    done = succeed("cli.py", "--enroll", "ann", *files, "--add", "--profiles", stepwise)
    assert f"{files[0]} is part of the profile of ann already" in done.stderr
    assert done.stdout.startswith("added ")
    whole, added = ProfileStore(everything).read(), ProfileStore(stepwise).read()
    assert added.entries[0].files == whole.entries[0].files == 4
    assert added.entries[0].length == pytest.approx(whole.entries[0].length, abs=1e-5)
    assert abs(added.embeddings - whole.embeddings).max() < 1e-5
    before = stepwise.read_bytes()
    assert "holds these recordings already" in fail(
        2, "cli.py", "--enroll", "ann", *files, "--add", "--profiles", stepwise
    )
    assert stepwise.read_bytes() == before


def test_a_recording_of_somebody_else_is_remarked_on_when_it_is_added(tmp_path):
    where = ("--profiles", tmp_path / "a.npz")
    succeed("cli.py", "--enroll", "ann", *sorted((VOICES / "p225").glob("*_00[1-4].flac")), *where)
    done = succeed("cli.py", "--enroll", "ann", VOICES / "p226" / "p226_003.flac", "--add", *where, "--json")
    assert any("another speaker than those enrolled before" in remark for remark in json.loads(done.stdout)["remarks"])


def test_folders_are_enrolled_and_identified_without_what_is_no_audio(tmp_path):
    where = ("--profiles", tmp_path / "a.npz")
    folder = tmp_path / "ann" / "deep"
    folder.mkdir(parents=True)
    for path in (A, A_AGAIN):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "text.wav").write_text("no audio")
    done = succeed("cli.py", "--enroll", "ann", tmp_path / "ann", *where)
    assert "in 2 recordings" in done.stdout
    assert "skipped" in done.stderr
    found = json.loads(succeed("cli.py", "--identify", tmp_path / "ann", *where, "--json").stdout)
    assert [result["file"] for result in found["results"]] == [str(folder / A.name), str(folder / A_AGAIN.name)]
    for result in found["results"]:
        shares = sum(speaker["probability"] for speaker in result["ranking"])
        assert shares + result["unknown_probability"] == pytest.approx(1)
    (tmp_path / "empty").mkdir()
    assert "no recording in this folder" in fail(2, "cli.py", "--identify", tmp_path / "empty", *where)


def test_a_cache_tells_programs_what_it_skipped(tmp_path):
    speaker = tmp_path / "corpus" / "ann"
    speaker.mkdir(parents=True)
    (speaker / "text.wav").write_text("this is not audio")
    (speaker / "good.flac").write_bytes(A.read_bytes())
    where = ("--audio_dir", tmp_path / "corpus", "--cache_output_dir", tmp_path / "cache", "--json")
    report = json.loads(succeed("cli.py", "--update_cache", *where).stdout)
    assert (report["added"], report["unchanged"], report["utterances"], report["speakers"]) == (1, 0, 1, 1)
    (skipped,) = report["skipped"]
    assert skipped["path"] == str(speaker / "text.wav")
    assert "not readable as audio" in skipped["reason"]


def test_no_message_names_a_program_that_an_installed_copy_has_not():
    rooms = ("corpus", "cache", "audio", "storage", "models", "inference", "evaluation", "commands")
    for path in (path for room in rooms for path in (ROOT / room).glob("*.py")):
        assert '"cli.py' not in path.read_text(), path
