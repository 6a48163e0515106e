"""The bundled synthetic corpus is whole, and the program that rendered it still can."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
TRAINING = ["p225", "p226", "p227", "p228", "p229", "p230", "p231", "p232", "p233"]
UNSEEN = ["p362", "p363", "p364"]
UTTERANCES = 12  # per speaker
SIZE_LIMIT = 10_000_000  # bytes, the whole folder
SILENT = 1e-3  # of full scale, RMS


def start_render(*arguments, **environment):
    command = [sys.executable, "-B", str(SAMPLES / "render.py"), *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env={**os.environ, **environment})


def run_render(*arguments, **environment):
    """Returns (exit code, stdout, stderr)."""
    process = start_render(*arguments, **environment)
    stdout, stderr = process.communicate()
    return process.returncode, stdout, stderr


def test_the_speakers_are_the_documented_ones():
    assert sorted(path.name for path in (SAMPLES / "voices").iterdir()) == TRAINING + UNSEEN


@pytest.mark.parametrize("speaker", TRAINING + UNSEEN)
def test_utterances_are_16_khz_mono_and_not_silent(speaker):
    paths = sorted((SAMPLES / "voices" / speaker).iterdir())
    assert [path.name for path in paths] == [f"{speaker}_{n:03d}.flac" for n in range(1, UTTERANCES + 1)]
    for path in paths:
        samples, rate = soundfile.read(path)
        assert (rate, samples.ndim, soundfile.info(path).subtype) == (16000, 1, "PCM_16"), path
        assert len(samples) >= rate, path  # one second
        assert np.sqrt(np.mean(samples**2)) > SILENT, path


def test_utterances_start_and_end_in_near_silence():
    for path in (SAMPLES / "voices").glob("*/*_001.flac"):
        samples, rate = soundfile.read(path)
        edge = rate // 20  # 50 ms, half of the shortest silence
        loudest = np.abs(samples).max()
        assert np.abs(samples[:edge]).max() < 0.1 * loudest, path
        assert np.abs(samples[-edge:]).max() < 0.1 * loudest, path


def test_no_two_utterances_are_the_same_file():
    contents = [path.read_bytes() for path in (SAMPLES / "voices").glob("*/*.flac")]
    assert len(set(contents)) == len(contents)


def test_the_demonstration_recordings_differ_in_format():
    formats = set()
    for n in range(1, 7):
        samples, rate = soundfile.read(SAMPLES / "PhilippeRemy" / f"recording_{n}.wav", always_2d=True)
        assert len(samples) >= rate
        assert np.sqrt(np.mean(samples**2)) > SILENT
        formats.add((rate, samples.shape[1]))
    assert formats == {(48000, 2), (44100, 1), (22050, 1)}


def test_the_folder_stays_small():
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file()) <= SIZE_LIMIT


def test_help_names_the_synthesiser():
    code, stdout, _ = run_render("--help")
    assert code == 0
    assert "espeak-ng" in stdout


def test_an_unknown_speaker_is_a_usage_mistake(tmp_path):
    code, _, stderr = run_render("--output", tmp_path, "--speakers", "p999")
    assert code == 2
    assert "p999" in stderr


def test_without_espeak_one_clear_line(tmp_path):
    code, _, stderr = run_render("--output", tmp_path, PATH=str(tmp_path))
    assert code == 1
    assert len(stderr.splitlines()) == 1
    assert "apt-get install espeak-ng" in stderr


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_rendering_twice_gives_the_same_bytes(tmp_path):
    folders = [tmp_path / "first", tmp_path / "second"]
    processes = [start_render("--output", folder, "--speakers", "PhilippeRemy") for folder in folders]
    for process in processes:
        _, stderr = process.communicate()
        assert process.returncode == 0, stderr
    first, second = ({path.name: path.read_bytes() for path in folder.rglob("*.*")} for folder in folders)
    assert len(first) == 6
    assert first == second
