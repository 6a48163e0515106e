"""What the entry points do with mistakes, interruptions and things that are not what they seem."""

import argparse
import os
import pickle
import pty
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import PATIENCE, ROOT, environment, fail, run, succeed

import cli
import train_cli
from audio.feature_settings import FeatureSettings
from batcher.inputs import load_inputs
from inference.network_choice import find_checkpoint
from models.checkpoint import load_checkpoint
from models.onnx_file import BUNDLED_CHECKPOINT

VOICES = ROOT / "samples" / "voices"
TWO_VOICES = ("p225", "p226")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Two of the bundled voices."""
    folder = tmp_path_factory.mktemp("corpus")
    for name in TWO_VOICES:
        (folder / name).symlink_to(VOICES / name)
    return folder


@pytest.fixture
def cache(tmp_path):
    """A cache of two voices, with training inputs."""
    where = ("--cache_output_dir", tmp_path / "cache")
    for name in TWO_VOICES:
        succeed("cli.py", "--update_cache", "--audio_dir", VOICES / name, *where)
    succeed("cli.py", "--generate_training_inputs", *where)
    return tmp_path / "cache"


@pytest.mark.parametrize("module", [cli, train_cli])
def test_every_flag_has_help_that_names_its_default(module):
    parser = module.build_parser()
    formatter = parser._get_formatter()
    for action in parser._actions[1:]:
        if action.default is argparse.SUPPRESS:
            continue  # prints something and ends
        assert "default: " in formatter._get_help_string(action), action.dest


def test_features_are_those_of_the_inputs_unless_flags_say_otherwise(cache):
    parser = cli.build_parser()
    settings = FeatureSettings()
    assert (parser.get_default("num_cepstra"), parser.get_default("num_filters")) == (
        settings.num_cepstra,
        settings.num_filters,
    )
    v1 = ("--num_cepstra", "13", "--num_filters", "26")
    succeed("cli.py", "--generate_training_inputs", *v1, "--cache_output_dir", cache)
    assert load_inputs(cache / "full_inputs.pkl").feature_settings.size == 39
    succeed("cli.py", "--generate_training_inputs", "--num_filters", "64", "--cache_output_dir", cache)
    assert load_inputs(cache / "full_inputs.pkl").feature_settings.fft_size == 512


@pytest.mark.parametrize("program", ["cli.py", "train_cli.py", "train_triplet_softmax_model.py"])
def test_help_is_printed(program):
    assert "$CACHE_DIR" in succeed(program, "--help").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("cli.py",),
        ("cli.py", "--regenerate_full_cache", "--update_cache"),
        ("cli.py", "--update_cache", "--num_workers", "0"),
        ("cli.py", "--update_cache", "--output", "x.npz"),
        ("cli.py", "--update_cache", "--seed", "-1"),
        ("cli.py", "--update_cache", "--num_cepstra", "13"),
        ("cli.py", "--generate_training_inputs", "--num_cepstra", "13", "--num_filters", "6"),
        ("cli.py", "--generate_training_inputs", "--num_filters", "1000"),
        ("train_cli.py",),
        ("train_cli.py", "--loss_on_embeddings", "--batch_size", "9"),
        ("train_cli.py", "--loss_on_softmax", "--loss_on_embeddings"),
        ("train_cli.py", "--loss_on_embeddings", "--freeze_embedding_weights"),
        ("train_cli.py", "--loss_on_softmax", "--learning_rate", "-1"),
        ("train_cli.py", "--loss_on_softmax", "--window_seconds", "0.8,"),
        ("train_cli.py", "--loss_on_softmax", "--window_seconds", "0.8,50"),
        ("train_cli.py", "--loss_on_softmax", "--speeds", "0.9,1.1"),
        ("train_cli.py", "--loss_on_softmax", "--speeds", "1,0.9,0.9"),
        ("train_cli.py", "--loss_on_embeddings", "--fine_tune"),
        ("train_cli.py", "--adapt", "--from_scratch"),
        ("train_cli.py", "--adapt", "--loss_on_softmax"),
        ("train_cli.py", "--adapt", "--freeze_embedding_weights"),
        ("train_cli.py", "--loss_on_softmax", "--fine_tune", "--from_scratch"),
        ("train_cli.py", "--loss_on_softmax", "--from_scratch", "--checkpoint", "x.npz"),
    ],
)
def test_contradictory_flags_are_a_user_s_mistake(arguments):
    assert "error: " in fail(2, *arguments)


def test_a_wrong_audio_folder_is_named(tmp_path):
    line = fail(2, "cli.py", "--regenerate_full_cache", "--audio_dir", tmp_path / "nowhere")
    assert "nowhere does not exist" in line


def test_without_any_corpus_the_samples_serve_and_it_says_so(tmp_path):
    done = succeed("cli.py", "--regenerate_full_cache", DS_DIR=str(tmp_path))
    assert "144 utterances added" in done.stdout
    assert "synthetic voices" in done.stderr
    assert (tmp_path / "cache" / "index.jsonl").is_file()


def test_a_named_corpus_is_never_replaced_by_the_samples(tmp_path):
    fail(2, "cli.py", "--regenerate_full_cache", DS_DIR=str(tmp_path), AUDIO_DIR=str(tmp_path / "missing"))


def test_a_folder_of_other_files_is_left_alone(tmp_path, corpus):
    (tmp_path / "thesis.txt").write_text("years of work")
    where = ("--audio_dir", corpus, "--cache_output_dir", tmp_path)
    assert "not a cache" in fail(2, "cli.py", "--regenerate_full_cache", "--yes", *where)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_bad_recordings_are_skipped_and_listed(tmp_path):
    speaker = tmp_path / "corpus" / "ann"
    speaker.mkdir(parents=True)
    (speaker / "text.wav").write_text("this is not audio")
    (speaker / "empty.flac").touch()
    (speaker / "good.flac").write_bytes((VOICES / "p225" / "p225_001.flac").read_bytes())
    done = succeed("cli.py", "--update_cache", "--audio_dir", speaker, "--cache_output_dir", tmp_path / "cache")
    assert "1 utterance added, 0 unchanged, 2 skipped" in done.stdout
    assert "text.wav: not readable as audio" in done.stderr
    assert "empty.flac: " in done.stderr


def test_regenerating_on_a_terminal_asks_first(cache):
    before = sorted(cache.rglob("*"))
    controller, terminal = pty.openpty()
    command = [sys.executable, "cli.py", "--regenerate_full_cache", "--audio_dir", str(VOICES / "p225")]
    with subprocess.Popen(
        [*command, "--cache_output_dir", str(cache)],
        cwd=ROOT,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.write(controller, b"n\n")
        printed, said = process.communicate(timeout=PATIENCE)
    os.close(controller)
    os.close(terminal)
    assert process.returncode == 0
    assert f"Make the 24 utterances in {cache} anew" in said
    assert printed == ""  # stdout may be a file of results
    assert sorted(cache.rglob("*")) == before


def test_regenerating_keeps_trained_networks_and_inputs(cache):
    kept = cache / "runs" / "softmax" / "last.npz"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"weights")
    where = ("--audio_dir", VOICES / "p225", "--cache_output_dir", cache)
    done = succeed("cli.py", "--regenerate_full_cache", *where)
    assert f"12 utterances stay, whose recordings were not seen or not chosen, of {VOICES}" in done.stderr
    assert "24 utterances of 2 speakers in all" in done.stdout
    assert kept.read_bytes() == b"weights"
    assert (cache / "full_inputs.pkl").exists()  # and out of date, which training says


def test_cache_inputs_and_help_never_load_tensorflow(tmp_path, corpus):
    script = (
        "import sys, cli\n"
        "status = cli.main()\n"
        "assert status == 0, status\n"
        "print(sorted({'tensorflow', 'keras', 'matplotlib'} & set(sys.modules)))\n"
    )
    where = ("--audio_dir", corpus / "p225", "--cache_output_dir", tmp_path)
    assert succeed("-c", script, "--update_cache", *where).stdout.endswith("[]\n")
    succeed("cli.py", "--update_cache", "--audio_dir", VOICES / "p226", "--cache_output_dir", tmp_path)
    assert succeed("-c", script, "--generate_training_inputs", *where).stdout.endswith("[]\n")


def test_without_a_checkpoint_in_the_folder_that_was_named_it_is_named_again(cache):
    where = ("--cache_output_dir", cache, "--run_dir", cache / "elsewhere")
    line = fail(2, "cli.py", "--unseen_speakers", "p225,p226", *where)
    assert str(cache / "elsewhere") in line


def test_where_nothing_was_trained_the_bundled_network_serves_and_it_says_so(cache):
    done = succeed("cli.py", "--unseen_speakers", "p225,p226", "--cache_output_dir", cache)
    assert done.stdout.startswith("SAP = ")
    assert f"no trained network in {cache / 'runs'}" in done.stderr
    assert "using the bundled network" in done.stderr


@pytest.mark.long  # as tests/test_run.py adapts, too
def test_adaptation_starts_from_the_bundled_network_and_is_used_from_then_on(cache):
    inputs = cache / "full_inputs.pkl"
    brief = ["--max_steps", "2", "--batch_size", "8", "--window_seconds", "0.8"]
    done = succeed("train_cli.py", "--adapt", "--data_filename", inputs, *brief)
    assert f"starting from {BUNDLED_CHECKPOINT}" in done.stderr
    assert done.stdout.startswith("adapted, 2 steps: train loss")
    description = load_checkpoint(cache / "runs" / "adapted" / "last.npz").description
    assert set(load_checkpoint(BUNDLED_CHECKPOINT).description.trained_on) < set(description.trained_on)
    assert find_checkpoint(cache / "runs") == cache / "runs" / "adapted" / "last.npz"


def test_training_without_inputs_says_how_to_make_them(tmp_path):
    line = fail(2, "train_cli.py", "--loss_on_embeddings", DS_DIR=str(tmp_path))
    assert "--generate_training_inputs" in line


class Bomb:
    """Creates a file when unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_tampered_pickle_is_refused_before_it_runs(tmp_path):
    inputs = tmp_path / "full_inputs.pkl"
    inputs.write_bytes(pickle.dumps({"format": "deep-speaker-inputs-1", "speakers": Bomb(tmp_path / "ran")}))
    line = fail(2, "train_cli.py", "--loss_on_softmax", "--data_filename", inputs)
    assert "posix.mkdir" in line
    assert not (tmp_path / "ran").exists()


@pytest.mark.long  # as tests/test_run.py interrupts runs in other ways
def test_an_interrupted_run_saves_itself_and_goes_on(cache):
    flags = ("--loss_on_softmax", "--batch_size", "32", "--data_filename", str(cache / "full_inputs.pkl"))
    command = [sys.executable, "train_cli.py", *flags, "--max_steps", "100000", "--max_epochs", "1000"]
    with subprocess.Popen(command, cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        epochs = (line for line in process.stderr if "(step 100 of" in line)
        assert next(epochs, None) is not None, "the run ended before its first epoch did"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    done = succeed("train_cli.py", *flags, "--max_steps", "150")
    assert "continuing" in done.stderr
    assert "softmax, 150 steps" in done.stdout


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["written at the end", "written at once"])
def test_a_reader_that_leaves_is_no_error(cache, unbuffered):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "cli.py", "--get_embeddings", "p225", "--cache_output_dir", str(cache)]
    with open(writer, "w") as pipe:
        variables = environment(PYTHONUNBUFFERED=unbuffered)
        done = subprocess.run(command, cwd=ROOT, env=variables, stdout=pipe, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 128 + signal.SIGPIPE, done.stderr
    for complaint in ("Traceback", "error", "Exception ignored", "Broken pipe"):
        assert complaint not in done.stderr


def test_a_cache_folder_that_is_a_file_is_refused(tmp_path, corpus):
    path = tmp_path / "cache"
    path.touch()
    assert "is a file" in fail(2, "cli.py", "--update_cache", "--audio_dir", corpus, "--cache_output_dir", path)


def test_a_test_speaker_that_nobody_has_is_reported(cache):
    done = run("cli.py", "--generate_training_inputs", "--test_speakers", "p999", "--cache_output_dir", cache)
    assert done.returncode == 2
    assert "p999" in done.stderr


def test_results_that_can_not_be_written_are_the_environment_s_failure(cache):
    variables = environment() | {"PYTHONUNBUFFERED": ""}  # as users have it: results leave at the end
    with open("/dev/full", "w") as full:
        where = ("--audio_dir", str(VOICES / "p225"), "--cache_output_dir", str(cache))
        command = [sys.executable, "cli.py", "--update_cache", *where]
        done = subprocess.run(command, cwd=ROOT, env=variables, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1, done.stderr
    assert "No space left" in done.stderr.splitlines()[-1]
    assert "Exception ignored" not in done.stderr


def test_a_cache_inside_the_corpus_is_not_taken_for_recordings(tmp_path):
    corpus = tmp_path / "corpus"
    shutil.copytree(VOICES / "p225", corpus / "p225")
    where = ("--audio_dir", corpus, "--cache_output_dir", corpus / "cache")
    assert "12 utterances added" in succeed("cli.py", "--update_cache", *where).stdout
    assert "0 utterances added, 12 unchanged" in succeed("cli.py", "--update_cache", *where).stdout
