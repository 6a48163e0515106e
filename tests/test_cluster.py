"""`TF_CONFIG`: who trains, who is the chief, and what is refused."""

import argparse
import json

import pytest

from commands.train import train
from storage.errors import UserError
from training.cluster import VARIABLE, ClusterError, read_cluster

WORKERS = ["10.0.0.1:2222", "10.0.0.2:2222"]


def environment(cluster, kind="worker", index=0) -> dict[str, str]:
    return {VARIABLE: json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


def test_the_first_worker_is_the_chief():
    first, second = (read_cluster(environment({"worker": WORKERS}, index=index)) for index in (0, 1))
    assert first.workers == second.workers == tuple(WORKERS)
    assert (first.index, first.is_chief) == (0, True)
    assert (second.index, second.is_chief) == (1, False)


def test_a_chief_that_is_named_comes_before_the_workers():
    cluster = {"worker": WORKERS, "chief": ["10.0.0.9:1"]}
    assert read_cluster(environment(cluster, "chief")).is_chief
    second = read_cluster(environment(cluster, "worker", 0))
    assert (second.index, second.is_chief) == (1, False)
    assert second.workers[0] == "10.0.0.9:1"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, f"needs the environment variable {VARIABLE}, such as"),
        ({VARIABLE: ""}, "needs the environment variable"),
        ({VARIABLE: "{"}, "to be like"),
        ({VARIABLE: "[]"}, "to be like"),
        ({VARIABLE: '{"cluster": {"worker": ["a:1"]}}'}, "to be like"),
        ({VARIABLE: '{"cluster": {"worker": 5}, "task": {"type": "worker", "index": 0}}'}, "to be like"),
        (environment({}), "to name workers as HOST:PORT"),
        (environment({"worker": ["somewhere"]}), "to name workers as HOST:PORT"),
        (environment({"worker": ["somewhere:70000"]}), "to name workers as HOST:PORT"),
        (environment({"worker": [WORKERS[0]] * 2}), "to name each worker once"),
        (environment({"worker": WORKERS}, index=2), "to be one of its workers"),
        (environment({"worker": WORKERS}, index=-1), "to be one of its workers"),
        (environment({"worker": WORKERS}, index=True), "to be one of its workers"),
        (environment({"worker": WORKERS}, kind="ps"), "to be one of its workers"),
    ],
)
def test_what_names_no_cluster_is_refused(given, message):
    with pytest.raises(ClusterError, match=message):
        read_cluster(given)


def test_a_missing_cluster_is_refused_before_anything_is_read(tmp_path, monkeypatch):
    import train_cli

    monkeypatch.delenv(VARIABLE, raising=False)
    flags = ["--loss_on_softmax", "--distribute", "multi_worker", "--data_filename", str(tmp_path / "none.pkl")]
    args: argparse.Namespace = train_cli.build_parser().parse_args(flags)
    with pytest.raises(ClusterError):
        train(args)


def test_a_cluster_that_is_not_asked_for_is_told_of(tmp_path, monkeypatch, caplog):
    import train_cli

    flags = ["--loss_on_softmax", "--data_filename", str(tmp_path / "none.pkl")]
    for variables in ({}, environment({"worker": WORKERS})):
        monkeypatch.delenv(VARIABLE, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(UserError, match=r"none\.pkl"):
            train(train_cli.build_parser().parse_args(flags))
        told = f"{VARIABLE} is set, but without --distribute multi_worker each machine trains alone"
        assert (told in caplog.messages) == bool(variables)
