"""Corpora and caches on an object store: moto's server speaks S3, and s3fs and botocore speak to it as to any other."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from command_line import ROOT, environment, fail, succeed

pytest.importorskip("moto")
pytest.importorskip("s3fs")
import boto3
from moto.server import ThreadedMotoServer
from test_dask_cluster import contents

from batcher import generate
from batcher.generate import generate_inputs
from cache.parts import read_index
from cache.update import regenerate, update
from cache.utterances import INPUTS_NAME, UtteranceCache
from corpus.discovery import find_recordings
from corpus.manifest import read_manifest
from corpus.recording import Speaker
from evaluation.cuts import embed_groups
from inference.encoder import SpeakerEncoder
from storage import lease
from storage.atomic import remove_if_empty
from storage.growing_object import FEWEST_LINES, GrowingObject
from storage.lock import LOCK_NAME, folder_lock, shared_folder_lock, writer_in
from storage.places import is_below, is_remote, local_copy, path_of, size_and_time

VOICES = ROOT / "samples" / "voices"
SPEAKERS = {"p225": 3, "p226": 3, "p362": 2}  # utterances
BUCKET = "voices"


@pytest.fixture(scope="module")
def credentials():
    """A store, and what reaches it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }
    server.stop()


@pytest.fixture
def store(credentials, monkeypatch):
    """An empty bucket."""
    for name, value in credentials.items():
        monkeypatch.setenv(name, value)
    bucket = boto3.resource("s3").Bucket(BUCKET)
    bucket.create()
    path_of(f"s3://{BUCKET}").fs.invalidate_cache()
    yield path_of(f"s3://{BUCKET}")
    bucket.objects.delete()
    bucket.delete()


@pytest.fixture
def corpus(store):
    """Some of the samples, as objects."""
    place = store / "corpus" / "wav48"
    for speaker, count in SPEAKERS.items():
        for file in sorted((VOICES / speaker).iterdir())[:count]:
            (place / speaker / file.name).write_bytes(file.read_bytes())
    return place


@pytest.fixture
def here(tmp_path):
    """The same as files, in a cache of this machine."""
    for speaker, count in SPEAKERS.items():
        for file in sorted((VOICES / speaker).iterdir())[:count]:
            target = tmp_path / "corpus" / "wav48" / speaker / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    cache = UtteranceCache(tmp_path / "cache")
    update(cache, find_recordings(tmp_path / "corpus" / "wav48"))
    return cache


@pytest.fixture
def there(store, corpus):
    cache = UtteranceCache(store / "cache")
    update(cache, find_recordings(corpus))
    return cache


def without_places(folder):
    """The index but for where the recordings are and when they were stored."""
    return [entry._replace(place="", mtime_ns=0) for entry in read_index(folder).values()]


def stored(folder):
    """The objects below a folder by name."""
    folder.fs.invalidate_cache()
    names = folder.fs.find(str(folder))
    return {name.removeprefix(f"{folder.path}/"): folder.fs.cat_file(name) for name in names}


def test_a_cache_on_a_store_is_that_of_this_machine(here, there):
    assert without_places(there.folder) == without_places(here.folder)
    ours, theirs = contents(here.folder), stored(there.folder)
    assert theirs.keys() == ours.keys()
    changed = {name for name in ours if ours[name] != theirs[name]}
    assert changed == {"index.jsonl"}


def test_what_is_cached_is_not_done_again_unless_it_changed(there, corpus):
    again = UtteranceCache(there.folder)
    report = update(again, find_recordings(corpus))
    assert (report.added, report.unchanged) == (0, sum(SPEAKERS.values()))
    changed, other = (sorted((VOICES / speaker).iterdir())[-1] for speaker in ("p225", "p226"))
    (corpus / "p225" / "p225_001.flac").write_bytes(changed.read_bytes())
    (corpus / "p227" / "p227_001.flac").write_bytes(other.read_bytes())
    report = update(again, find_recordings(corpus))
    assert (report.added, report.unchanged) == (2, sum(SPEAKERS.values()) - 1)
    digests = {entry.sha256 for entry in again}
    assert {name.rpartition("/")[2] for name in again.folder.fs.find(str(again.folder / "audio"))} == {
        f"{digest}.wav" for digest in digests
    }


def test_what_is_no_longer_recorded_is_deleted(there, corpus):
    gone = next(entry.sha256 for entry in there if entry.utterance == "p225_002")
    beside = there.folder / "audio" / gone[:2] / "not-ours.wav"
    beside.write_bytes(b"somebody's")
    (corpus / "p225" / "p225_002.flac").unlink()
    report = regenerate(there, find_recordings(corpus))
    assert (report.added, report.deleted) == (sum(SPEAKERS.values()) - 1, 1)
    wanted = {f"audio/{entry.sha256[:2]}/{entry.sha256}.wav" for entry in there} | {f"audio/{gone[:2]}/not-ours.wav"}
    assert {name for name in stored(there.folder) if name.startswith("audio")} == wanted


def test_inputs_on_a_store_are_those_of_this_machine(here, there, monkeypatch):
    for most in (generate.LARGEST_FILE, 1):  # bytes, beyond which there are shards
        monkeypatch.setattr(generate, "LARGEST_FILE", most)
        for cache in (here, there):
            generate_inputs(cache, cache.folder / INPUTS_NAME, ("p362",))
        ours, theirs = contents(here.folder), stored(there.folder)
        inputs = {name for name in ours if name.startswith("full_inputs")}
        assert inputs == {name for name in theirs if name.startswith("full_inputs")}
        assert all(ours[name] == theirs[name] for name in inputs)
        assert not [name for name in theirs if name.startswith("staging")]
    assert any(name.endswith(".shard") for name in inputs)


def test_embeddings_are_those_of_this_machine(here, there):
    encoder, found = SpeakerEncoder(), []
    for cache in (here, there):
        groups = [cache.of_speaker(speaker) for speaker in cache.speakers()[:2]]
        assert list(map(len, groups)) == [3, 3]
        found.append([one.embeddings for one in embed_groups(encoder, cache, groups, (None,), "")])
    np.testing.assert_array_equal(*found)
    assert len(list((there.folder / "embeddings").iterdir())) == 2


def test_a_manifest_may_name_objects(store, corpus, tmp_path):
    manifest = tmp_path / "list.csv"
    rows = [f"{corpus}/p225/p225_00{number}.flac,ann" for number in (1, 2)]
    manifest.write_text("\n".join(["path,speaker", *rows]))
    cache = UtteranceCache(store / "cache")
    assert update(cache, read_manifest(manifest)).added == 2
    assert cache.speakers() == [Speaker("list", "ann")]


def test_the_commands_take_urls(store, corpus, credentials):
    flags = ("--audio_dir", str(corpus), "--cache_output_dir", str(store / "cache"))
    done = succeed("cli.py", "--update_cache", "--json", "--num_workers", "2", *flags, **credentials)
    assert json.loads(done.stdout)["added"] == sum(SPEAKERS.values())
    assert "credentials" not in done.stderr
    assert fail(2, "train_cli.py", "--loss_on_softmax", CACHE_DIR=str(store / "cache"), **credentials).startswith(
        "error: training maps its inputs into memory: copy full_inputs.pkl"
    )


@pytest.mark.long  # as the client tries again and again
def test_a_store_that_does_not_answer_is_said(credentials):
    nobody = {**credentials, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    assert "127.0.0.1:1" in fail(1, "cli.py", "--update_cache", "--cache_output_dir", "s3://voices/cache", **nobody)


def test_a_killed_run_keeps_what_it_stored_and_the_next_one_ends_as_an_undisturbed_one(store, here, credentials):
    place, folder = store / "corpus" / "wav48", store / "cache"
    originals = [file for speaker in SPEAKERS for file in sorted((VOICES / speaker).iterdir())]
    for file in originals:
        (place / file.parent.name / file.name).write_bytes(file.read_bytes())
    command = [sys.executable, "cli.py", "--update_cache", "--audio_dir", str(place), "--cache_output_dir", str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment(**credentials), stderr=subprocess.DEVNULL)
    while process.poll() is None and not folder.fs.find(str(folder / "audio"), refresh=True):
        folder.fs.invalidate_cache()
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    folder.fs.invalidate_cache()
    assert writer_in(folder).startswith(f"process {process.pid} on ")
    (folder / LOCK_NAME).unlink()
    cache = UtteranceCache(folder)
    update(cache, find_recordings(place))
    assert len(cache) == len(originals)
    assert len(folder.fs.find(str(folder / "audio"))) == len(originals)


def test_one_writes_at_a_time(store, monkeypatch, caplog):
    monkeypatch.setattr(lease, "POLLED", 0.05)
    order = []

    def second():
        with folder_lock(store / "cache"):
            order.append("second")

    with folder_lock(store / "cache"):
        waiting = threading.Thread(target=second)
        waiting.start()
        while "waiting for it to finish" not in caplog.text:
            time.sleep(0.01)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
    assert f"is in use by process {os.getpid()} on " in caplog.text
    assert writer_in(store / "cache") is None


def test_who_lives_renews_the_lock_and_who_was_killed_is_named(store, monkeypatch):
    monkeypatch.setattr(lease, "POLLED", 0.05)
    monkeypatch.setattr(lease, "RENEWED", 0.1)
    monkeypatch.setattr(lease, "SILENT", 1.0)
    with folder_lock(store / "cache"):
        time.sleep(0.5)
        assert int(writer_in(store / "cache").rpartition(" ")[2]) > 0
    lock = store / "cache" / LOCK_NAME
    lock.write_bytes(b"process 7 on another (ab12) 3")
    for held in (folder_lock, shared_folder_lock):
        with (
            pytest.raises(OSError, match=r"in use by process 7 on another .* delete s3://voices/cache/.lock"),
            held(store / "cache"),
        ):
            pass
    assert lock.read_bytes() == b"process 7 on another (ab12) 3"


def test_no_folder_is_removed_with_what_is_in_it(store, tmp_path):
    """`rmdir` of a URL's path deletes all that is below it."""
    for folder in (store / "cache", tmp_path / "cache"):
        folder.mkdir(exist_ok=True)
        (folder / "file").write_bytes(b"1")
        remove_if_empty(folder)
        assert (folder / "file").is_file()
    (tmp_path / "cache" / "file").unlink()
    remove_if_empty(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
    ours = [*(ROOT / "cache").glob("*.py"), *(ROOT / "batcher").rglob("*.py"), *(ROOT / "corpus").glob("*.py")]
    assert not [path for path in ours if "rmdir" in path.read_text(encoding="utf-8")]


def test_lines_are_stored_as_they_come(store):
    path = store / "lines"
    path.write_text("a line that was tor")
    with GrowingObject(path) as lines:
        for number in range(FEWEST_LINES + 1):
            lines.write(f"{number}\n")
        assert f"\n{FEWEST_LINES - 2}\n" in path.read_text()
    expected = ["a line that was tor", *map(str, range(FEWEST_LINES + 1))]
    assert path.read_text().split("\n") == [*expected, ""]


def test_a_lock_that_was_taken_ends_the_run_that_had_it(store, credentials):
    program = (
        "import sys, time; from storage import lease; from storage.lock import folder_lock; "
        "from storage.places import path_of; lease.RENEWED = 0.1\n"
        "with folder_lock(path_of(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(store / "cache")]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(**credentials), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout.readline() == "held\n"
        lock = store / "cache" / LOCK_NAME
        lock.unlink()
        with lease.lease(lock, lambda _: None):
            assert first.wait(timeout=30) == 1
            assert writer_in(store / "cache").startswith(f"process {os.getpid()} on ")
        assert "was taken from this run, which ends here" in first.stderr.read()


def test_a_manifest_of_cached_objects_names_them_and_does_not_double_them(there, corpus, tmp_path):
    manifest = tmp_path / "list.csv"
    manifest.write_text(f"path,speaker\n{corpus}/p225/p225_001.flac,ann\n{corpus}/p225/p225_002.flac,ann\n")
    report = update(there, read_manifest(manifest, "wav48"))
    assert (report.added, report.unchanged) == (0, 2)
    assert len(there) == sum(SPEAKERS.values())


def test_what_is_here_and_what_is_there_is_never_mixed_up(store, corpus, here, credentials):
    assert not is_below(store / "a", Path("/"))
    assert not is_below(Path("/a"), store)
    assert is_below(corpus / "p225", store)
    flags = ("--update_cache", "--cache_output_dir", str(here.folder), "--audio_dir")
    line = fail(2, "cli.py", *flags, str(store / "nothing"), **credentials)
    assert line.startswith(f"error: expected a folder of recordings. {store / 'nothing'} does not exist")
    assert "argument --audio_dir" in fail(2, "cli.py", *flags, "foo://nothing")


def test_parts_of_seconds_do_not_count_of_objects():
    """Some stores tell them in listings, and not when they are asked for a single object."""
    stat = SimpleNamespace(st_size=1, st_mtime_ns=5_123_000_000)
    assert size_and_time(SimpleNamespace(stat=lambda: stat, fs=None)) == (1, 5_000_000_000)


def test_urls_and_paths_are_told_apart(store, tmp_path):
    assert path_of(f"file://{tmp_path}/a%20b") == tmp_path / "a b"
    assert path_of(f"file://localhost{tmp_path}/a") == tmp_path / "a"
    assert not is_remote(path_of("a", "b"))
    assert path_of("/corpus", "s3://voices/a.wav") == store / "a.wav"
    (store / "a.wav").write_bytes(b"1")
    with local_copy(store / "a.wav") as copy:
        assert (copy.read_bytes(), copy.suffix) == (b"1", ".wav")
    assert not copy.exists()
    with local_copy(tmp_path) as same:
        assert same is tmp_path


def test_other_files_are_named_by_paths():
    assert "expected a path on this machine. Received the URL 's3://voices/store'" in fail(
        2, "cli.py", "--list_profiles", "--profiles", "s3://voices/store"
    )
