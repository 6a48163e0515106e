"""Runs killed at any instant: what they leave is sound, and the next run makes of it what an undisturbed one makes.

The instants are drawn over the time that an undisturbed run takes from when it holds the folder, or from its first
result, to its end. Every other cache is one of recordings that have changed since.
"""

import contextlib
import hashlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from command_line import PATIENCE, ROOT, environment, plain_lines, succeed
from conftest import VOICES, copy_voices

from audio.feature_settings import FeatureSettings
from batcher.generate import generate_inputs
from cache.entries import read_signal
from cache.parts import read_index
from cache.update import update
from cache.utterances import INPUTS_NAME, UtteranceCache
from corpus.discovery import find_recordings
from storage.atomic import temporary_name
from storage.lock import HOLDER_NAME, LOCK_NAME

UPDATES, GENERATIONS = 3, 2  # kills in each round
VICTIMS = ("all", "parent", "worker")
FIRST_RESULT = {"update": "index.jsonl", "generate": ".tmp-*"}
COPIES = "abc"  # of each bundled voice, 432 files: enough for a run to be caught halfway
POLL = 0.002  # s
WORKER_KILLED = "error: a worker process was killed (out of memory?); run the command again"

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds workers in Linux's /proc")


class Undisturbed(NamedTuple):
    """A cache with inputs that nobody disturbed, and its runs' seconds from what they `shows` to their end."""

    earlier: Path  # the cache of the recordings as they were before
    folder: Path
    seconds: dict[str, dict[str, float]]


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    """The arguments of the two commands, but for the cache's folder."""
    corpus = tmp_path_factory.mktemp("corpus")
    for voice, copy in itertools.product(sorted(VOICES.glob("p*")), COPIES):
        shutil.copytree(voice, corpus / f"{voice.name}{copy}")
    workers = ("--num_workers", "2")
    return {
        "update": ("--update_cache", *workers, "--audio_dir", str(corpus)),
        "generate": ("--generate_training_inputs", *workers),
    }


def change_recordings(corpus: Path) -> None:
    """Let half of the voices' first recording be their last one, of another length, and the other way round."""
    for voice in sorted(corpus.iterdir())[::2]:
        recordings = sorted(voice.iterdir())
        contents = [recording.read_bytes() for recording in recordings]
        for recording, content in zip(recordings, reversed(contents)):
            recording.write_bytes(content)


@pytest.fixture(scope="module")
def undisturbed(commands, tmp_path_factory):
    """The second of two caches made in the same way, when the files are in the system's memory."""
    earlier, first, folder = (tmp_path_factory.mktemp(name) for name in ("earlier", "first", "second"))
    succeed("cli.py", *commands["update"], "--cache_output_dir", earlier)
    change_recordings(Path(commands["update"][-1]))
    succeed("cli.py", *commands["update"], "--cache_output_dir", first)
    seconds = {name: timed(name, arguments, folder) for name, arguments in commands.items()}
    succeed("cli.py", *commands["generate"], "--cache_output_dir", first)
    assert contents(first) == contents(folder)
    return Undisturbed(earlier, folder, seconds)


def start(arguments, cache: Path) -> subprocess.Popen:
    command = [sys.executable, "cli.py", *arguments, "--cache_output_dir", str(cache)]
    how = {"cwd": ROOT, "env": environment(), "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True, **how)


def wait_until(condition, process: subprocess.Popen) -> bool:
    """Whether it came true before the process ended."""
    while not condition():
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(POLL)
            return False
    return True


def shows(what: str, cache: Path, process: subprocess.Popen, size: int = 0) -> bool:
    """Whether the run holds the folder, or has a first result: more than `size` of the index, or a part of the inputs.

    (Beside a line end, with which a run makes sure that the index has one.)
    """
    with contextlib.suppress(OSError):  # files come and go
        if what == "held":
            return str(process.pid) in (cache / HOLDER_NAME).read_text()
        return any(path.stat().st_size > size + 1 for path in cache.glob(FIRST_RESULT[what]))
    return False


def timed(name: str, arguments, cache: Path) -> dict[str, float]:
    """Seconds from what a run shows first and next to its end."""
    with start(arguments, cache) as process:
        times = {}
        for what in ("held", name):
            assert wait_until(lambda what=what: shows(what, cache, process), process)
            times[what] = time.monotonic()
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    return {what: time.monotonic() - since for what, since in times.items()}


def workers_of(process: subprocess.Popen) -> list[int]:
    with contextlib.suppress(OSError):  # it ends while we look
        tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
        return [int(pid) for children in tasks for pid in children.read_text().split()]
    return []


def kill(process: subprocess.Popen, victim: str) -> str:
    """Kill one worker, the parent or all; returns whom, since there may be no worker at that instant."""
    workers = workers_of(process)
    victim = victim if workers or victim != "worker" else "all"
    with contextlib.suppress(ProcessLookupError):
        if victim == "all":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            os.kill(workers[-1] if victim == "worker" else process.pid, signal.SIGKILL)
    return victim


def killed_run(arguments, cache: Path, victim: str, what: str, delay: float) -> None:
    """Start a run and kill it `delay` seconds after it `shows` something.

    One that lost a worker ends by itself and says why, unless it needed none any more.
    """
    index = cache / FIRST_RESULT["update"]
    size = index.stat().st_size if index.exists() and what == "update" else 0
    with start(arguments, cache) as process:
        wait_until(lambda: shows(what, cache, process, size), process)
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            victim = kill(process, victim)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode in ((0, 1) if victim == "worker" else (0, -signal.SIGKILL)), said
    assert process.returncode != 1 or plain_lines(said) == [WORKER_KILLED], said


def contents(folder: Path) -> dict[str, str]:
    """A digest of each file, whatever its name is, except the lock."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != LOCK_NAME)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def check(cache: Path, undisturbed: Undisturbed) -> int:
    """Whatever the index and the inputs' name stand for is whole, the old or the new; returns how many are new."""
    before, known, entries = (read_index(folder) for folder in (undisturbed.earlier, undisturbed.folder, cache))
    for key, entry in entries.items():
        assert entry in (before[key], known[key])
        read_signal(cache, entry)  # which compares with the digest
    if (cache / INPUTS_NAME).exists():
        assert (cache / INPUTS_NAME).read_bytes() == (undisturbed.folder / INPUTS_NAME).read_bytes()
    return len(entries.items() & known.items())


@pytest.mark.long
@pytest.mark.parametrize("rounds", [5])
def test_a_run_killed_at_random_instants_is_completed_to_the_same_bytes(tmp_path, commands, undisturbed, rounds):
    draw, victims = np.random.default_rng(25), itertools.cycle(VICTIMS)
    complete, left = contents(undisturbed.folder), []
    for number in range(rounds):
        cache = tmp_path / str(number)
        if number % 2:
            shutil.copytree(undisturbed.earlier, cache)
        for name, kills in (("update", UPDATES), ("generate", GENERATIONS)):
            for what in (name, *["held"] * (kills - 1)):
                delay = draw.uniform(0, undisturbed.seconds[name][what]) / (1 + number % 2)  # half is done there
                killed_run(commands[name], cache, next(victims), what, delay)
                left.append((number % 2, check(cache, undisturbed)))
            succeed("cli.py", *commands[name], "--cache_output_dir", cache)
            made = {path: digest for path, digest in complete.items() if path != INPUTS_NAME or name == "generate"}
            assert contents(cache) == made
        shutil.rmtree(cache)
    assert len(left) == rounds * (UPDATES + GENERATIONS)
    if rounds < 5:
        return  # too few to be sure that one meets the work halfway
    same = len(read_index(undisturbed.earlier).items() & read_index(undisturbed.folder).items())
    for changed, none in ((False, 0), (True, same)):  # the work was met halfway, of new recordings and of changed ones
        assert any(none < count < len(read_index(undisturbed.folder)) for kind, count in left if kind == changed), left


@pytest.mark.parametrize("name, begun", [("update", "staging/*"), ("generate", ".tmp-*")])
def test_a_run_that_loses_a_worker_says_so_and_leaves_nothing_behind(tmp_path, commands, undisturbed, name, begun):
    cache = tmp_path / "cache"
    if name == "generate":
        shutil.copytree(undisturbed.folder, cache, ignore=shutil.ignore_patterns(INPUTS_NAME))
    with start(commands[name], cache) as process:
        assert wait_until(lambda: any(cache.glob(begun)) and len(workers_of(process)) == 2, process)
        kill(process, "worker")
        _, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, plain_lines(said)) == (1, [WORKER_KILLED])
    check(cache, undisturbed)
    assert not [path for path in contents(cache) if ".tmp-" in path]
    assert not (cache / "staging").exists()


def test_a_run_killed_before_the_folder_bore_its_mark_is_begun_again(tmp_path):
    (tmp_path / "cache").mkdir()
    temporary_name(tmp_path / "cache").touch()
    succeed("cli.py", "--update_cache", "--audio_dir", VOICES / "p225", "--cache_output_dir", tmp_path / "cache")
    assert not list((tmp_path / "cache").glob(".tmp-*"))


def made_inputs(corpus: Path, cache: Path, seed: int = 0, workers: int = 1) -> bytes:
    update(UtteranceCache(cache), find_recordings(corpus), workers)
    generate_inputs(UtteranceCache.open(cache), cache / INPUTS_NAME, (), FeatureSettings(dither_seed=seed), workers)
    return (cache / INPUTS_NAME).read_bytes()


def test_inputs_depend_on_audio_and_seed_and_not_on_places_times_and_workers(tmp_path):
    corpus = copy_voices(tmp_path / "corpus", ("p225", "p226"), 10)
    expected = made_inputs(corpus, tmp_path / "cache")
    moved = Path(shutil.copytree(corpus, tmp_path / "another" / "corpus"))
    for number, path in enumerate(moved.rglob("*.flac")):
        os.utime(path, (number, number))
    assert made_inputs(moved, tmp_path / "second", workers=2) == expected
    assert made_inputs(corpus, tmp_path / "cache", seed=1) != expected
