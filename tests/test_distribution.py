"""Training by several processes on loopback, and by several devices: the weights of one with the same batches."""

import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny

from models.checkpoint import load_checkpoint
from training.cluster import Cluster
from training.distribution import Distribution, DistributionError, WorkerLostError, distribution_of
from training.initialization import StartError
from training.options import MIRRORED
from training.run import _Run, check_speakers, warn_of_small_hands, with_shares
from training.run_folder import RunFolder
from training.stages import STAGES
from triplet_loss.loss import deep_speaker_loss

WORKER = Path(__file__).with_name("training_worker.py")
MIXED = WORKER.with_name("mixed_replicas.py")
STEPS, EPOCH = 20, 5
PATIENCE = 300  # s, for a machine that does much else
WINDOW = 0.2  # s
BATCH = {"softmax": 20, "random": 24, "semi-hard": 20}
INPUTS = tiny.inputs()


def worker(folder, runs, *flags, batch=20, **environment):
    """Start a process that trains; its standard error is that of the result."""
    given = {"--data_filename": folder / "full_inputs.pkl", "--run_dir": runs, "--max_steps": STEPS}
    given |= {"--batch_size": batch, "--window_seconds": WINDOW, "--learning_rate": 3e-3}
    words = [str(word) for pair in given.items() for word in pair]
    command = [sys.executable, str(WORKER), str(EPOCH), *flags, *words]
    variables = {**os.environ, **environment}
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def cluster(count=2):
    """The environment of each worker of a cluster on loopback."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    config = {"cluster": {"worker": addresses}}
    return [{"TF_CONFIG": json.dumps({**config, "task": {"type": "worker", "index": n}})} for n in range(count)]


def ended(process, status=0):
    """What a process wrote to standard error; it has to end with this status."""
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == status, (out, err)
    return err


def one_process(folder, stage="softmax", **changes):
    """The run of one process that draws both shares."""
    options = {"shares": 2, "max_steps": STEPS, "max_epochs": 200, "augmentation": True, "window_seconds": (WINDOW,)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny, "EPOCH", EPOCH)
        tiny.shrink_training(patch)
        speeds = {"copied": 0.15} if stage == "softmax" else {}
        tiny.run(tiny.training_options(folder, stage, **options, **speeds, **changes))


def assert_same_weights(runs, expected, stage="softmax"):
    checkpoints = [load_checkpoint(RunFolder(each / stage).last) for each in (runs, expected)]
    mine, theirs = (checkpoint.arrays for checkpoint in checkpoints)
    assert checkpoints[0].description.run == checkpoints[1].description.run
    assert [checkpoint.description.step for checkpoint in checkpoints] == [STEPS] * 2
    assert mine.keys() == theirs.keys()
    for name, array in theirs.items():
        tolerance = 1e-3 if name.startswith("optimizer/") else 0  # whose moments are of the gradients' size
        np.testing.assert_allclose(mine[name], array, atol=1e-4, rtol=tolerance, err_msg=name)


@pytest.fixture
def folder(tmp_path):
    tiny.write_inputs(tmp_path / "full_inputs.pkl", INPUTS)
    return tmp_path


@pytest.mark.long  # TensorFlow starts in four processes
def test_two_workers_of_which_one_is_killed_end_with_the_weights_of_one_undisturbed_process(folder):
    flags = ("--loss_on_softmax", "--distribute", "multi_worker")
    first, second = cluster()
    chief = worker(folder, folder / "two", *flags, **first)
    killed = worker(folder, folder / "two", *flags, **second, DIE_AT_STEP=str(2 * EPOCH + 2))
    one_process(folder)
    ended(killed, -signal.SIGKILL)
    again = worker(folder, folder / "two", *flags, **second)
    told = ended(chief)
    assert re.search(
        r"worker 0 has lost another one \(Collective ops .+\); the run stands at its last checkpoint; starting", told
    )
    assert f"continuing {folder / 'two' / 'softmax'} at step {2 * EPOCH}" in told
    assert "epoch 4 (step 20 of 20" in told
    assert "epoch" not in ended(again)  # which writes nothing either
    assert_same_weights(folder / "two", folder / "runs")
    history = RunFolder(folder / "two" / "softmax").history(up_to_step=STEPS)
    assert [row["step"] for row in history] == [5, 10, 15, 20]


@pytest.mark.long
def test_a_killed_chief_comes_back_too(folder):
    flags = ("--loss_on_softmax", "--distribute", "multi_worker")
    first, second = cluster()
    killed = worker(folder, folder / "two", *flags, **first, DIE_AT_STEP=str(EPOCH + 2))
    other = worker(folder, folder / "two", *flags, **second)
    one_process(folder)
    ended(killed, -signal.SIGKILL)
    again = worker(folder, folder / "two", *flags, **first)
    assert "worker 1 has lost another one" in ended(other)
    assert "at step 5" in ended(again)
    assert_same_weights(folder / "two", folder / "runs")


@pytest.mark.long
@pytest.mark.parametrize("selection", ["semi-hard", "random"])
def test_two_workers_mine_triplets_in_the_batch_of_both(folder, selection):
    flags = ("--loss_on_embeddings", "--triplet_selection", selection, "--distribute", "multi_worker")
    workers = [worker(folder, folder / "two", *flags, batch=BATCH[selection], **one) for one in cluster()]
    one_process(folder, "triplet", triplet_selection=selection, batch_size=BATCH[selection])
    for each in workers:
        ended(each)
    assert_same_weights(folder / "two", folder / "runs", "triplet")


@pytest.mark.long
def test_two_workers_learn_a_teacher_s_lessons_once(folder):
    teacher = tiny.write_teacher(folder / "teacher.npz")
    flags = ("--loss_on_softmax", "--teacher", str(teacher), "--distribute", "multi_worker")
    workers = [worker(folder, folder / "two", *flags, **one) for one in cluster()]
    one_process(folder, teacher=teacher)
    for each in workers:
        ended(each)
    assert_same_weights(folder / "two", folder / "runs")


@pytest.mark.long
def test_two_devices_of_one_process_end_with_the_weights_of_one(folder):
    ended(worker(folder, folder / "two", "--loss_on_softmax", "--distribute", "mirrored", CPU_DEVICES="2"))
    one_process(folder)
    assert_same_weights(folder / "two", folder / "runs")


@pytest.mark.long
def test_a_signal_to_one_worker_ends_all_of_them_with_what_is_done_saved(folder):
    flags = ("--loss_on_softmax", "--distribute", "multi_worker")
    first, second = cluster()
    asked = {**second, "END_AT_STEP": "7"}
    for each in [worker(folder, folder / "two", *flags, **one) for one in (first, asked)]:
        assert "interrupted; the same command goes on from what is saved" in ended(each, 130)
    assert RunFolder(folder / "two" / "softmax").last_checkpoint().description.step == 7
    for each in [worker(folder, folder / "two", *flags, **one) for one in (first, second)]:
        ended(each)
    one_process(folder)
    assert_same_weights(folder / "two", folder / "runs")


@pytest.mark.long
def test_the_chief_s_losses_say_when_all_workers_end(folder):
    flags = ("--loss_on_softmax", "--distribute", "multi_worker")
    first, second = cluster()
    others = {**second, "LOSS_FACTOR": "1e-6"}  # by which nothing would be left to learn after an epoch
    workers = [worker(folder, folder / "two", *flags, **one) for one in (first, others)]
    one_process(folder)
    for each in workers:
        assert "lost another one" not in ended(each)
    assert_same_weights(folder / "two", folder / "runs")


@pytest.mark.long
def test_workers_that_do_not_share_a_run_folder_are_refused_by_each_of_them(folder):
    flags = ("--loss_on_softmax", "--distribute", "multi_worker", "--max_steps", "1")
    several = cluster()
    for each in [worker(folder, folder / "two", *flags, **one) for one in several]:
        ended(each)
    apart = [worker(folder, folder / name, *flags[:3], **one) for name, one in zip(("two", "other"), several)]
    for each in apart:
        assert "a --run_dir that all of them share" in ended(each, 2)


def stage_of(tmp_path, name, index=None, inputs=INPUTS, **changes):
    options = tiny.training_options(tmp_path, name, shares=2, augmentation=True, **changes)
    keras.utils.set_random_seed(11)
    state = tiny.state(speakers=0 if name == "triplet" else 20)
    workers = Cluster(("a:1", "b:1") if index is not None else ("a:1",), index or 0)
    return STAGES[name](options, inputs, state, Distribution(tf.distribute.get_strategy(), workers))


@pytest.mark.parametrize(
    "name, changes", [("softmax", {}), ("triplet", {"triplet_selection": "random", "batch_size": 24})]
)
def test_each_worker_draws_its_own_share_of_the_batch_from_its_own_speakers(tmp_path, name, changes):
    whole = stage_of(tmp_path, name, **changes).draw(np.random.default_rng([0, 7]))
    parts = [stage_of(tmp_path, name, k, **changes).draw(np.random.default_rng([0, 7])) for k in (0, 1)]
    for both, array in zip(zip(*parts), whole, strict=True):
        np.testing.assert_array_equal(np.concatenate(both), array)
    speakers = [set(part.labels % len(tiny.SPEAKERS)) for part in parts]
    assert speakers[0].isdisjoint(speakers[1])
    assert [len(part.labels) for part in parts] == [len(whole.labels) // 2] * 2


def test_windows_of_all_shares_have_one_length_and_it_changes_from_step_to_step(tmp_path):
    first, second = (stage_of(tmp_path, "softmax", k, window_seconds=(0.16, 0.3)) for k in (0, 1))
    lengths = [
        {stage.draw(np.random.default_rng([0, step])).windows.shape[1] for stage in (first, second)}
        for step in range(9)
    ]
    assert all(len(each) == 1 for each in lengths)
    assert set.union(*lengths) == {16, 30}


def test_random_triplets_of_several_shares_stay_triplets(tmp_path):
    stage = stage_of(tmp_path, "triplet", triplet_selection="random", batch_size=24)
    embeddings = np.random.default_rng(0).normal(size=(24, 8)).astype(np.float32)
    loss, _ = stage.loss_of(embeddings, np.zeros(24, np.int64), np.zeros(24, np.int64))
    shares = [deep_speaker_loss(*np.split(share, 3), margin=0.2) for share in np.split(embeddings, 2)]
    assert float(loss) == pytest.approx(np.mean(shares), rel=1e-6)


@pytest.mark.parametrize(
    ("stage", "changes", "multiple"),
    [
        ("softmax", {"batch_size": 25}, 2),
        ("triplet", {"batch_size": 45}, 10),
        ("triplet", {"batch_size": 45, "triplet_selection": "random"}, 6),
    ],
)
def test_a_batch_that_can_not_be_shared_out_is_refused(tmp_path, stage, changes, multiple):
    options = tiny.training_options(tmp_path, stage, **changes)
    assert with_shares(options, 1) == options
    with pytest.raises(StartError, match=f"a multiple of {multiple}. Received {options.batch_size}"):
        with_shares(options, 2)


def test_shares_go_to_replicas_evenly(tmp_path):
    options = tiny.training_options(tmp_path, "softmax", shares=3, batch_size=24)
    assert with_shares(options, 3).shares == 3
    with pytest.raises(StartError, match="--shares to be a multiple of the 2 replicas"):
        with_shares(options, 2)


def test_fewer_speakers_than_the_shares_need_are_refused(tmp_path):
    options = tiny.training_options(tmp_path, "triplet", shares=3)
    with pytest.raises(StartError, match="expected 6 speakers or more for 3 shares"):
        check_speakers(options, INPUTS)
    check_speakers(dataclasses.replace(options, shares=2), INPUTS)
    check_speakers(dataclasses.replace(options, shares=None), INPUTS)


def test_shares_with_fewer_speakers_than_a_batch_has_room_for_are_told_of(tmp_path, caplog):
    options = tiny.training_options(tmp_path, "triplet", shares=2, batch_size=40)
    for fits in ({"batch_size": 20}, {"shares": None}, {"triplet_selection": "random"}, {"stage": "softmax"}):
        warn_of_small_hands(dataclasses.replace(options, **fits), INPUTS)
    assert not caplog.messages
    warn_of_small_hands(options, INPUTS)
    assert caplog.messages == [
        "each of 2 shares of a batch gets 2 speakers and has room for 4, so batches have 20 windows and not "
        "--batch_size 40"
    ]


def of_two(index):
    return Distribution(tf.distribute.get_strategy(), Cluster(("a:1", "b:1"), index))


LOST_PEER = """Graph execution error:

Detected at node gradients/CollectiveReduceV2 defined at (most recent call last):
  File "train_cli.py", line 5, in <module>

Collective ops is aborted by: Socket closed
The error could be from a previous operation."""


@pytest.mark.parametrize("kind", ["Unavailable", "Aborted", "Cancelled", "DeadlineExceeded", "FailedPrecondition"])
def test_what_tensorflow_raises_for_a_lost_worker_is_told_with_its_cause(kind):
    error = getattr(tf.errors, f"{kind}Error")(None, None, LOST_PEER)
    told = r"lost another one \(Collective ops is aborted by: Socket closed\); the run"
    with pytest.raises(WorkerLostError, match=told), of_two(1).watching():
        raise error


@pytest.mark.parametrize("kind", ["InvalidArgument", "ResourceExhausted", "NotFound", "Internal"])
def test_what_is_wrong_in_this_worker_is_no_lost_worker(kind):
    with pytest.raises(getattr(tf.errors, f"{kind}Error"), match="shapes do not match"), of_two(1).watching():
        raise getattr(tf.errors, f"{kind}Error")(None, None, "shapes do not match")


def test_every_worker_goes_by_the_chief_s_figures_to_the_last_bit(monkeypatch):
    figures = [{"loss": 0.1, "accuracy": np.nextafter(1.0, 2.0)}, {"loss": np.nextafter(0.1, 1.0), "accuracy": 1.0}]
    everyones = np.concatenate([np.array(list(each.values())).view(np.int32) for each in figures])
    monkeypatch.setattr(Distribution, "_everyones", lambda self, own: everyones)
    assert [of_two(index).of_chief(figures[index]) for index in (0, 1)] == [figures[0]] * 2
    assert of_two(1).of_chief({}) == {}


def test_a_step_is_left_out_where_the_gradients_of_one_replica_overflow():
    """Of the last one, as Keras asks the first."""
    command = [sys.executable, str(MIXED), "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    (first, second, third), factors = json.loads(done.stdout)
    assert second == first
    assert third == pytest.approx(first - 0.1, abs=1e-5)  # Adam's first step is the learning rate
    assert factors == [2.0**14, 2.0**14]  # half of Keras's first


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="this machine has a GPU")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"distribute": MIRRORED}, "needs several GPUs, and TensorFlow sees 0"),
        ({"mixed_precision": True}, "needs a GPU"),
    ],
)
def test_what_needs_gpus_is_refused_without(tmp_path, changes, message):
    with pytest.raises(DistributionError, match=message):
        distribution_of(tiny.training_options(tmp_path, "softmax", **changes))


def test_mixed_precision_keeps_weights_whole_and_its_scale_over_an_interruption(tmp_path, monkeypatch):
    monkeypatch.setattr("training.distribution.has_gpu", lambda: True)  # a processor does it too, slowly
    tiny.shrink_training(monkeypatch)
    folders = [tmp_path / "whole", tmp_path / "halves"]
    for folder in folders:
        folder.mkdir()
    options = [tiny.training_options(folder, "softmax", mixed_precision=True) for folder in folders]
    with tiny.eagerly():
        tiny.run(options[0])
        with monkeypatch.context() as patch:
            interrupt_at(patch, 6)
            with pytest.raises(KeyboardInterrupt):
                tiny.run(options[1])
        halfway = load_checkpoint(RunFolder(folders[1] / "runs" / "softmax").last).arrays
        tiny.run(options[1])
    whole, halves = (load_checkpoint(RunFolder(folder / "runs" / "softmax").last).arrays for folder in folders)
    assert {array.dtype for name, array in whole.items() if "embedder/" in name} == {np.dtype(np.float32)}
    assert any(name.endswith("dynamic_scale") for name in whole)
    for name, array in whole.items():
        np.testing.assert_allclose(halves[name], array, atol=1e-6, err_msg=name)
    assert not np.array_equal(whole["embedder/conv_1/kernel"], halfway["embedder/conv_1/kernel"])


def interrupt_at(patch, step):
    taken, plain = [], _Run._step

    def stepping(run, batch):
        taken.append(1)
        if len(taken) == step:
            os.kill(os.getpid(), signal.SIGINT)
        plain(run, batch)

    patch.setattr(_Run, "_step", stepping)
