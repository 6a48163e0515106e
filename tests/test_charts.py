"""What TensorBoard reads of a run: its own reader, its own protobuf, and (long) its own server."""

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny
from google.protobuf import text_format
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

from training.charts import Charts, write_map
from training.run_folder import RunFolder

COSINES = {"positive_cosines": np.linspace(-0.5, 1, 50)}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder of runs with the softmax and the triplet stage."""
    folder = tmp_path_factory.mktemp("charts")
    with pytest.MonkeyPatch.context() as patch:
        tiny.shrink_training(patch)
        with tiny.eagerly():
            tiny.run(tiny.training_options(folder, "softmax"))
            tiny.run(tiny.training_options(folder, "triplet", normalize_embeddings=True))
    return folder / "runs"


def row(step):
    return {"epoch": step / 4, "step": step, "seconds": 1.0, "train_loss": 1 / step, "test_loss": 2 / step}


def read(folder):
    accumulator = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    accumulator.Reload()
    tags = accumulator.Tags()["tensors"]
    return {tag: [(event.step, event.tensor_proto) for event in accumulator.Tensors(tag)] for tag in tags}


def steps(folder, tag):
    """The steps of all points in all files, also of those that TensorBoard would leave out."""
    events = (event for file in Path(folder).glob("events.*") for event in EventFileLoader(str(file)).Load())
    return sorted(event.step for event in events for value in event.summary.value if value.tag == tag)


def charts_of(folder, rows, to_add):
    charts = Charts(folder, rows, max((one["step"] for one in rows), default=0))
    for one in to_add:
        charts.add(one, COSINES)
    charts.close()


@pytest.mark.parametrize("stage", ["softmax", "triplet"])
def test_train_and_test_have_the_same_tags_and_the_history_s_values(runs, stage):
    history = pd.read_csv(runs / stage / "history.csv")
    sides = {side: read(runs / stage / side) for side in ("train", "test")}
    shared = {"loss", "accuracy"} if stage == "softmax" else {"loss", "active_share", "positive_cosine"}
    assert shared <= sides["train"].keys() & sides["test"].keys()
    for name in history.columns.drop("step"):
        side, _, tag = name.partition("_") if name.startswith(("train_", "test_")) else ("train", "", name)
        points = sides[side][tag]
        assert [step for step, _ in points] == history["step"].tolist()
        np.testing.assert_allclose([tensor.float_val[0] for _, tensor in points], history[name], rtol=1e-5)


@pytest.mark.parametrize(
    ("stage", "names"),
    [
        ("softmax", ("own_class_cosines", "nearest_other_class_cosines")),
        ("triplet", ("positive_cosines", "negative_cosines")),
    ],
)
def test_cosines_have_histograms(runs, stage, names):
    test = read(runs / stage / "test")
    for name in names:
        assert [step for step, _ in test[name]] == [tiny.EPOCH, 2 * tiny.EPOCH]
        buckets = np.frombuffer(test[name][-1][1].tensor_content, np.float64).reshape(-1, 3)  # left, right, count
        assert buckets[:, 2].sum() > 0
        assert -1.001 <= buckets[0, 0] <= buckets[-1, 1] <= 1.001
    if stage == "triplet":
        means = {name: histogram_mean(test[name][-1][1]) for name in names}
        last = pd.read_csv(runs / stage / "history.csv").iloc[-1]
        assert means["positive_cosines"] == pytest.approx(last["test_positive_cosine"], abs=0.05)
        assert means["negative_cosines"] == pytest.approx(last["test_negative_cosine"], abs=0.05)


def histogram_mean(tensor):
    left, right, count = np.frombuffer(tensor.tensor_content, np.float64).reshape(-1, 3).T
    return ((left + right) / 2 * count).sum() / count.sum()


@pytest.mark.parametrize("stage", ["softmax", "triplet"])
def test_the_projector_shows_the_test_utterances_with_their_speakers(runs, stage):
    folder = runs / stage / "test"
    (shown,) = text_format.Parse((folder / "projector_config.pbtxt").read_text(), ProjectorConfig()).embeddings
    vectors = np.loadtxt(folder / shown.tensor_path, delimiter="\t")
    header, *lines = (folder / shown.metadata_path).read_text().splitlines()
    count = len(tiny.SPEAKERS) * tiny.TEST_UTTERANCES
    assert vectors.shape == (count, tiny.TinyNetworkOptions.embedding_size)
    assert header == "speaker\tutterance"
    assert Counter(line.split("\t")[0] for line in lines) == dict.fromkeys(tiny.SPEAKERS, tiny.TEST_UTTERANCES)
    assert len({tuple(vector) for vector in vectors}) == count


def test_names_with_tabs_and_line_breaks_keep_the_table_whole(tmp_path, monkeypatch):
    names = [("a\tb\n", "c\r\x0b\x85\u2028d"), ("back\\slash", "\udce9"), ("é", "x")]
    write_map(tmp_path, np.eye(3), names)
    lines = (tmp_path / "test" / "speakers.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[1:] == [r"a\tb\n" + "\t" + r"c\r\x0b\x85\u2028d", r"back\\slash" + "\t" + r"\udce9", "é\tx"]
    monkeypatch.setattr("training.charts.MOST_PROJECTED", 2)
    write_map(tmp_path, np.eye(3), names)
    assert np.loadtxt(tmp_path / "test" / "embeddings.tsv").tolist() == [[1, 0, 0], [0, 0, 1]]


def test_a_restart_takes_out_what_was_lost_and_doubles_nothing(tmp_path):
    rows = [row(step) for step in (4, 8, 12, 16)]
    charts_of(tmp_path, [], rows[:3])
    charts_of(tmp_path, rows[:2], rows[2:])  # killed after the events of step 12, before its checkpoint
    for side, tag in (("train", "loss"), ("test", "loss"), ("test", "positive_cosines")):
        assert steps(tmp_path / side, tag) == [4, 8, 12, 16]
        assert [step for step, _ in read(tmp_path / side)[tag]] == [4, 8, 12, 16]
    assert not list(tmp_path.rglob(".tmp*"))


def test_a_run_that_was_killed_before_its_checkpoint_goes_on_in_the_same_charts(tmp_path, monkeypatch):
    tiny.shrink_training(monkeypatch)
    options = tiny.training_options(tmp_path, "triplet", from_scratch=True)
    plain, saved = RunFolder.save, []

    def die_at_the_second(folder, checkpoint, is_best):
        saved.append(checkpoint.description.step)
        if len(saved) == 2:
            raise OSError("the disk is gone")
        plain(folder, checkpoint, is_best)

    monkeypatch.setattr(RunFolder, "save", die_at_the_second)
    with tiny.eagerly():
        with pytest.raises(OSError, match="the disk is gone"):
            tiny.run(options)
        folder = tmp_path / "runs" / "triplet"
        assert steps(folder / "train", "loss") == [tiny.EPOCH, 2 * tiny.EPOCH]
        tiny.run(options)
    assert saved == [tiny.EPOCH, 2 * tiny.EPOCH, 2 * tiny.EPOCH]
    for side, tag in (("train", "loss"), ("test", "loss"), ("test", "negative_cosines")):
        assert steps(folder / side, tag) == [tiny.EPOCH, 2 * tiny.EPOCH]


def test_a_restart_puts_in_what_is_missing(tmp_path):
    rows = [row(step) for step in (4, 8, 12)]
    charts_of(tmp_path, [], rows[:2])
    (file,) = (tmp_path / "test").glob("events.*")
    file.write_bytes(file.read_bytes()[:-20])  # as a power cut may leave it
    charts_of(tmp_path, rows[:2], rows[2:])
    assert steps(tmp_path / "test", "loss") == steps(tmp_path / "train", "loss") == [4, 8, 12]
    charts_of(tmp_path / "older", rows, [])  # a run of an earlier version, which had other folders
    assert steps(tmp_path / "older" / "train", "loss") == [4, 8, 12]


def test_files_that_are_right_are_left_alone(tmp_path):
    rows = [row(step) for step in (4, 8)]
    charts_of(tmp_path, [], rows[:1])
    before = {path: path.read_bytes() for path in tmp_path.rglob("events.*")}
    charts_of(tmp_path, rows[:1], rows[1:])
    assert before.items() <= {path: path.read_bytes() for path in tmp_path.rglob("events.*")}.items()


def test_what_is_no_number_is_no_point(tmp_path):
    charts_of(tmp_path, [{**row(4), "test_loss": float("nan")}], [])
    assert steps(tmp_path / "test", "loss") == []
    assert steps(tmp_path / "train", "loss") == [4]


@pytest.mark.long
def test_a_real_server_shows_named_runs_in_one_chart_and_the_projector(runs):
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(runs), "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as server:
        try:
            address = next(found[0] for line in server.stderr if (found := re.search(r"http://127.0.0.1:\d+", line)))
            named = [f"{stage}/{side}" for stage in ("softmax", "triplet") for side in ("train", "test")]
            scalars = ask(address, "scalars/tags", lambda found: set(named) <= found.keys())
            assert all("loss" in scalars[name] for name in named)
            assert "positive_cosines" in ask(address, "histograms/tags", bool)["triplet/test"]
            assert set(ask(address, "projector/runs", bool)) == {"softmax/test", "triplet/test"}
            info = ask(address, "projector/info?run=softmax/test", bool)["embeddings"][0]
            assert info["tensorPath"] == "embeddings.tsv"
            of = "run=softmax/test&name=test%20utterances"
            with urllib.request.urlopen(f"{address}/data/plugin/projector/metadata?{of}", timeout=60) as answer:
                assert answer.read().decode().splitlines()[1].startswith("tiny/ann\t")
        finally:
            server.terminate()


def ask(address, what, enough):
    """TensorBoard's answer, as soon as it has loaded enough."""
    for _ in range(60):
        with urllib.request.urlopen(f"{address}/data/plugin/{what}", timeout=60) as answer:
            found = json.load(answer)
        if enough(found):
            return found
        time.sleep(1)
    raise AssertionError(f"{what}: {found}")
