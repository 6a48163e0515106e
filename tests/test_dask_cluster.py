"""A Dask cluster of processes of their own gives the bytes that processes of this machine give, whatever is killed."""

import dataclasses
import logging
import os
import signal
import threading
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from command_line import ROOT, fail, run

pytest.importorskip("distributed")
from distributed import Client, LocalCluster

from batcher.generate import generate_inputs
from batcher.recipe import Recipe
from cache.update import update
from cache.utterances import INPUTS_NAME, UtteranceCache
from commands.arguments import version_of_front_end
from corpus.discovery import find_recordings
from corpus.recording import Speaker
from evaluation.cuts import CUTS, embed_groups
from inference.bulk_embedding import embed_files
from inference.encoder import SpeakerEncoder
from storage.counting import counted
from storage.dask_cluster import Cluster, ClusterError, Here, on_worker, seen_at
from storage.parallel import CHUNKS_AHEAD, parallel_map

VOICES = ROOT / "samples" / "voices"


def square(number: int) -> int:
    return number * number


def worker_of(number: int) -> int:
    return os.getpid()


def slow(folder: Path, number: int) -> int:
    """Leave a mark of each time that it is called."""
    (folder / f"{number}-{os.getpid()}-{time.monotonic_ns()}").touch()
    time.sleep(0.02)
    return number


@pytest.fixture(scope="module")
def address():
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        yield cluster.scheduler_address


@pytest.fixture(scope="module")
def cluster(address):
    return Cluster(address, version_of_front_end)


@pytest.fixture
def kill_a_worker(address):
    """Kill one of the workers when a condition is met."""

    def kill(condition):
        with Client(address, set_as_default=False) as client:
            pids = client.run(os.getpid)
        victim = sorted(pids.items())[0]

        def wait():
            while not condition():
                time.sleep(0.01)
            os.kill(victim[1], signal.SIGKILL)

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        return victim[0], thread

    return kill


def test_items_come_in_order_from_processes_of_their_own(cluster):
    assert list(parallel_map(square, range(100), cluster)) == [number * number for number in range(100)]
    pids = set(parallel_map(worker_of, range(200), cluster, chunk=1))
    assert os.getpid() not in pids
    assert len(pids) == 2


def test_what_a_function_raises_comes_through(cluster):
    with pytest.raises(ZeroDivisionError):
        list(parallel_map(partial(divmod, 1), [1, 0], cluster))


def test_of_a_lost_worker_only_the_unfinished_share_is_done_again(cluster, kill_a_worker, tmp_path, caplog):
    total = 400
    victim, killing = kill_a_worker(lambda: len(list(tmp_path.iterdir())) > total // 2)
    assert list(parallel_map(partial(slow, tmp_path), range(total), cluster, chunk=4)) == list(range(total))
    killing.join()
    calls = [int(path.name.partition("-")[0]) for path in tmp_path.iterdir()]
    assert set(calls) == set(range(total))
    again = int(caplog.messages[-1].removeprefix("done again, as workers were lost: ").split()[0])
    assert (len(calls) - total) / 4 <= again <= 2 * CHUNKS_AHEAD  # shares that are under way, all on one worker at most
    assert again > 0
    assert f"worker {victim} is lost, with {counted(again, 'share')} under way, to be done again" in caplog.text


def test_the_cache_of_a_cluster_that_lost_a_worker_is_that_of_one_process(cluster, kill_a_worker, tmp_path):
    listing = find_recordings(VOICES)
    here, there = UtteranceCache(tmp_path / "here"), UtteranceCache(tmp_path / "there")
    listing = dataclasses.replace(listing, recordings=listing.recordings[:30])
    update(here, listing, workers=1)
    _, killing = kill_a_worker(lambda: any((there.folder / "staging").glob("*")))
    update(there, listing, workers=cluster)
    killing.join()
    assert contents(there.folder) == contents(here.folder)
    for cache, workers in ((here, 1), (there, cluster)):
        generate_inputs(cache, cache.folder / INPUTS_NAME, (), workers=workers, recipe=Recipe(copies=1))
    assert contents(there.folder) == contents(here.folder)


def test_shards_of_a_cluster_that_lost_a_worker_are_those_of_one_process(
    cluster, kill_a_worker, tiny_cache, tmp_path, monkeypatch
):
    monkeypatch.setattr("batcher.generate.LARGEST_FILE", 0)
    monkeypatch.setattr("batcher.generate_shards.GROUP", 1)
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    generate_inputs(tiny_cache, here / INPUTS_NAME, ("p999",), recipe=Recipe(copies=1))
    _, killing = kill_a_worker(lambda: list(there.rglob("*.shard")))
    counts = generate_inputs(tiny_cache, there / INPUTS_NAME, ("p999",), workers=cluster, recipe=Recipe(copies=1))
    killing.join()
    assert counts["shards"] == 3
    assert contents(there) == contents(here)


def test_embeddings_of_a_cluster_are_those_of_one_process(cluster, tmp_path):
    encoder = SpeakerEncoder()
    files = [str(recording.path) for recording in find_recordings(VOICES / "p225").recordings]
    np.testing.assert_array_equal(
        embed_files(encoder, files, set(), cluster)[0], embed_files(encoder, files, set(), 1)[0]
    )
    caches = {name: UtteranceCache(tmp_path / name) for name in ("here", "there")}
    for cache in caches.values():
        update(cache, find_recordings(VOICES / "p225"))
    utterances = caches["here"].of_speaker(Speaker("voices", "p225"))
    groups = [utterances[:3], utterances[3:6], utterances[6:]]
    for workers, cache in zip((1, cluster), caches.values()):
        list(embed_groups(encoder, cache, groups, CUTS, "samples", workers))
    assert len(list((caches["there"].folder / "embeddings").iterdir())) == len(groups)
    assert contents(caches["there"].folder) == contents(caches["here"].folder)


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a cache by name."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_command_line_uses_it(address, tmp_path):
    done = run(
        "cli.py",
        "--update_cache",
        "--cache_output_dir",
        tmp_path,
        "--scheduler",
        address,
        "--audio_dir",
        VOICES / "p225",
    )
    assert done.returncode == 0
    assert f"working on 2 workers of {address}" in done.stderr


def test_a_worker_that_sees_another_file_is_named(tmp_path):
    file = tmp_path / "cache.json"
    file.write_text("ours")
    cluster = Cluster.__new__(Cluster)
    cluster._here = Here(version_of_front_end, version_of_front_end(), {})
    cluster._client = SimpleNamespace(run=lambda look, path: {"tcp://here:1": look(path), "tcp://there:2": None})
    with pytest.raises(ClusterError, match=r"is not on a path that all machines share: tcp://there:2 sees"):
        cluster.check_shared(file)


def test_a_worker_that_joins_later_has_to_have_the_same_version_and_files(tmp_path):
    file = tmp_path / "cache.json"
    file.write_text("ours")
    same = Here(version_of_front_end, version_of_front_end(), {file: seen_at(file)})
    assert on_worker(same, square, 3) == 9
    with pytest.raises(ClusterError, match="has another version of this tool"):
        on_worker(same._replace(found=("1.0",)), square, 3)
    file.write_text("another's")
    with pytest.raises(ClusterError, match=r"sees something else at .*cache\.json"):
        on_worker(same, square, 3)


def test_workers_of_another_version_are_refused(address):
    with pytest.raises(ClusterError, match=r"another version of this tool, or other settings: tcp://"):
        Cluster(address, os.getpid)


@pytest.mark.long  # as the client tries to reach it again
def test_a_scheduler_that_ends_is_said(tmp_path):
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=":0") as local:
        alone = Cluster(local.scheduler_address, version_of_front_end)
        results = parallel_map(partial(slow, tmp_path), range(1000), alone, chunk=1)
        assert next(results) == 0
        local.close()
        with pytest.raises(OSError, match="the scheduler has gone"):
            list(results)


def test_where_there_is_no_scheduler_a_line_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr("storage.dask_cluster.CONNECTING", 0.5)
    with pytest.raises(
        OSError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1; `dask scheduler` starts one"
    ):
        Cluster("tcp://127.0.0.1:1", version_of_front_end)
    line = fail(2, "cli.py", "--update_cache", "--cache_output_dir", tmp_path, "--scheduler", "somewhere")
    assert line.startswith("error: expected a scheduler as tcp://host:8786. Received 'somewhere'")


def test_a_scheduler_and_processes_of_this_machine_contradict_each_other(tmp_path):
    done = run("cli.py", "--update_cache", "--scheduler", "tcp://here:8786", "--num_workers", "2")
    assert done.returncode == 2
    assert "--scheduler names workers elsewhere" in done.stderr


def test_no_worker_is_said(monkeypatch, caplog):
    monkeypatch.setattr("storage.dask_cluster.CONNECTING", 0.5)
    caplog.set_level(logging.INFO)
    with (
        LocalCluster(n_workers=0, dashboard_address=":0") as local,
        pytest.raises(OSError, match=r"no worker has joined the scheduler at .*; `dask worker .* starts one"),
    ):
        Cluster(local.scheduler_address, version_of_front_end)
