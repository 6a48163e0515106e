"""Fixtures that several test modules share: real recordings, a tiny cache, tiny training inputs."""

import multiprocessing
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from start_method import started_by

from batcher.generate import generate_inputs
from batcher.inputs import TrainingInputs, load_inputs
from cache.update import update
from cache.utterances import UtteranceCache
from corpus.discovery import find_recordings

VOICES = Path(__file__).resolve().parents[1] / "samples" / "voices"
SPEAKERS = ("p225", "p226", "p362")
UTTERANCES = 5  # of each speaker in the tiny cache: the fewest of which one is kept for tests


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--start_method spawn`: worker processes as on Windows and macOS, also in the commands that tests run."""
    parser.addoption("--start_method", choices=multiprocessing.get_all_start_methods(), help="of worker processes")


def pytest_configure(config: pytest.Config) -> None:
    """Name our marks, and start worker processes as asked, in this process and its children."""
    if method := config.getoption("--start_method"):
        multiprocessing.set_start_method(method)
        os.environ.update(started_by(method))
    config.addinivalue_line("markers", "long: repeats what a quicker test shows, for a minute; CI leaves it out")
    config.addinivalue_line("markers", "slow: waits rather than computes, for 20 s; leave it out by -m 'not slow'")


def copy_voices(target: Path, speakers: tuple[str, ...], utterances: int) -> Path:
    """Copy the first `utterances` sample recordings of each speaker to `target`/<speaker>/."""
    for speaker in speakers:
        (target / speaker).mkdir(parents=True)
        for path in sorted((VOICES / speaker).iterdir())[:utterances]:
            shutil.copy(path, target / speaker)
    return target


def write_noise(path: Path, seed: int = 0) -> Path:
    """Write half a second of noise, of which nobody would say that it is speech."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).normal(0, 0.1, 4000), 8000)
    return path


def write_tone(path: Path, seconds: float = 0.5, rate: int = 8000, hertz: float = 500, **how) -> Path:
    """Write a sine of half of full scale; `how` goes to `soundfile.write`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(int(seconds * rate)) / rate
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * hertz * time), rate, **how)
    return path


def write_voice(path: Path, seed: int | list[int] = 0) -> Path:
    """Write most of a second of a sample voice, no two of them alike."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    samples, rate = soundfile.read(rng.choice(sorted(VOICES.rglob("*.flac"))), frames=16_000 * 4 // 5)
    soundfile.write(path, samples + rng.normal(0, 1e-4, len(samples)), rate)
    return path


@pytest.fixture
def corpus(tmp_path) -> Path:
    """Two speakers with two utterances each, in a folder that a test may change."""
    return copy_voices(tmp_path / "corpus", SPEAKERS[:2], 2)


@pytest.fixture(scope="session")
def cache_template(tmp_path_factory) -> Path:
    """A cache of three speakers with five utterances each; copied, never changed."""
    folder = tmp_path_factory.mktemp("template")
    cache = UtteranceCache(folder / "cache")
    update(cache, find_recordings(copy_voices(folder / "corpus", SPEAKERS, UTTERANCES)))
    return cache.folder


@pytest.fixture
def tiny_cache(tmp_path, cache_template) -> UtteranceCache:
    """A cache of three speakers with five utterances each, which a test may change."""
    return UtteranceCache.open(Path(shutil.copytree(cache_template, tmp_path / "cache")))


@pytest.fixture(scope="session")
def tiny_inputs_path(tmp_path_factory, cache_template) -> Path:
    """`full_inputs.pkl` of the tiny cache without its held-out speaker p362; never changed."""
    path = tmp_path_factory.mktemp("inputs") / "full_inputs.pkl"
    generate_inputs(UtteranceCache.open(cache_template), path, ("p362",))
    return path


@pytest.fixture(scope="session")
def tiny_inputs(tiny_inputs_path) -> TrainingInputs:
    """The content of `tiny_inputs_path`."""
    return load_inputs(tiny_inputs_path)
