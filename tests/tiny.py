"""Data and networks small enough to train in a second, for the tests of models/, training/, inference/."""

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from audio.feature_settings import FRAME_STEP, FeatureSettings
from audio.mfcc import cepstra_with_derivatives
from batcher.inputs import TrainingInputs, load_inputs
from batcher.inputs_file import LOG_MEL_DTYPE, FrameStatistics, InputsHeader, InputsWriter, UtteranceRecord
from batcher.speaker_split import SpeakerSplit
from deep_speaker import __version__
from models.checkpoint import DESCRIPTION, FORMAT, Checkpoint, CheckpointDescription, load_checkpoint
from models.network_options import NetworkOptions
from training.network_state import NetworkState, Trained, build_state
from training.options import TrainingOptions
from training.run import run_stage

SETTINGS = FeatureSettings(num_filters=4, num_cepstra=2)  # 5 log mel values a frame, 6 features
SPEAKERS = ("tiny/ann", "tiny/bob", "tiny/cid", "tiny/dee")
UTTERANCES = 6  # of each speaker
TEST_UTTERANCES = 2  # of them, the last ones
SHORTEST, LONGEST = 40, 90  # frames
EPOCH = 4  # steps


@dataclass(frozen=True)
class TinyNetworkOptions(NetworkOptions):
    """`NetworkOptions` that cost next to nothing."""

    feature_size: int = SETTINGS.size
    window_frames: int = 16
    conv_filters: tuple[int, ...] = (6, 8)
    conv_kernels: tuple[int, ...] = (3, 3)
    conv_strides: tuple[int, ...] = (2, 2)
    gru_units: int = 6
    embedding_size: int = 8


def utterances(speakers=SPEAKERS, each=UTTERANCES, seed=0, size=SETTINGS.log_mel_size) -> list[list[np.ndarray]]:
    """Log mel values (frames, size) float16 of each speaker's utterances; speakers differ in their mean frame."""
    rng = np.random.default_rng(seed)
    means = rng.normal(0, 2, (len(speakers), size))
    return [
        [
            (mean + rng.normal(size=(rng.integers(SHORTEST, LONGEST + 1), size))).astype(LOG_MEL_DTYPE)
            for _ in range(each)
        ]
        for mean in means
    ]


def split(spoken: list[list[np.ndarray]], speakers=SPEAKERS) -> SpeakerSplit:
    """A split of utterances, which come as a list for each speaker."""
    frames = [utterance for of_speaker in spoken for utterance in of_speaker]
    lengths = np.array([len(u) for u in frames], np.int64)
    log_mel = np.concatenate(frames) if frames else np.zeros((0, SETTINGS.log_mel_size), LOG_MEL_DTYPE)
    labels = np.repeat(np.arange(len(spoken)), [len(of_speaker) for of_speaker in spoken])
    names = tuple(f"{speakers[label]}/{number:03}" for number, label in enumerate(labels))
    return SpeakerSplit(log_mel, np.cumsum(lengths) - lengths, lengths, labels, names=names)


def inputs(speakers=SPEAKERS, each=UTTERANCES, test_utterances=TEST_UTTERANCES, seed=0) -> TrainingInputs:
    """Training inputs in memory."""
    spoken = utterances(speakers, each, seed)
    train = split([of_speaker[: each - test_utterances] for of_speaker in spoken], speakers)
    test = split([of_speaker[each - test_utterances :] for of_speaker in spoken], speakers)
    everything = [np.float64(utterance) for of_speaker in spoken for utterance in of_speaker]
    frames = np.concatenate([cepstra_with_derivatives(log_mel, SETTINGS) for log_mel in everything])
    mean, deviation = frames.mean(axis=0).astype(np.float32), frames.std(axis=0).astype(np.float32)
    return TrainingInputs(tuple(speakers), ("zed",), SETTINGS, "made up", mean, deviation, train, test)


def write_inputs(path: Path, made: TrainingInputs) -> Path:
    """Save `made`, which has no disturbed copies, as generation saves inputs."""
    sides = {"train": made.train, "test": made.test}
    count = sum(len(split.labels) for split in sides.values())
    header = InputsHeader(made.feature_settings, made.held_out, made.speakers, made.cache_sha256, count)
    with open(path, "wb") as file:
        writer = InputsWriter(file, header)
        for side, split in sides.items():
            for number, (label, start, length) in enumerate(zip(split.labels, split.starts, split.lengths)):
                log_mel = split.log_mel[start : start + length].copy()
                corpus, speaker = made.speakers[label].split("/")
                writer.add(UtteranceRecord(corpus, speaker, "", f"{number:03}", side, 0, log_mel))
        writer.finish(FrameStatistics(made.mean, made.deviation))
    return path


def write_teacher(path: Path, size: int = 5, without: int = 0) -> Path:
    """A teacher's embeddings of `inputs()`, but for so many utterances."""
    names = inputs().train.names
    embeddings = np.random.default_rng(0).normal(1, 1, (len(names), size)).astype(np.float32)
    np.savez(path, utterances=np.array(names)[without:], embeddings=embeddings[without:])
    return path


def training_options(folder: Path, stage: str, **changes) -> TrainingOptions:
    """A stage of two epochs on `folder/full_inputs.pkl`, which is made unless it is there."""
    path = folder / "full_inputs.pkl"
    if not path.exists():
        write_inputs(path, inputs())
    short = (TinyNetworkOptions.window_frames * FRAME_STEP,)
    given = {"batch_size": 20, "learning_rate": 3e-3, "max_epochs": 2, "augmentation": False, "window_seconds": short}
    return TrainingOptions(**{"stage": stage, "data_filename": path, "run_dir": folder / "runs", **given, **changes})


def state(options: NetworkOptions = TinyNetworkOptions(), speakers: int = 4, train_embedder=True) -> NetworkState:
    """A fresh tiny network."""
    ones = np.ones(options.feature_size, np.float32)
    trained = Trained.ALL if train_embedder else Trained.NOTHING
    return build_state(options, (0 * ones, ones), speakers, trained, first_rate=1e-3)


def shrink_training(patch) -> None:
    """Make `run_stage` build the tiny network and count epochs of `EPOCH` steps; `patch` is a `MonkeyPatch`."""
    patch.setattr("training.initialization.NetworkOptions", TinyNetworkOptions)
    patch.setattr("training.run.STEPS_PER_EPOCH", EPOCH)
    patch.setattr("training.options.STEPS_PER_EPOCH", EPOCH)
    patch.setattr("training.stages.RANDOM_TRIPLETS", 40)


@contextmanager
def eagerly():
    """Run without graphs, whose making takes longer than the few steps of a test."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


def checkpoint(description: dict, arrays: dict) -> Checkpoint:
    """A checkpoint of a finished run; `description` has those fields of its JSON that matter."""
    run = {"stage": "softmax", "step": 0, "finished": True, "position": {}, "run": {}, "version": __version__}
    speakers = {"speakers": [], "held_out": [], "trained_on": []}
    given = {**run, **speakers, "network": TinyNetworkOptions().as_json(), "features": {}, **description}
    return Checkpoint(CheckpointDescription.from_json(json.loads(json.dumps(given))), arrays)


def edit_checkpoint(source: Path, target: Path, arrays: dict | None = None, **description) -> Path:
    """Copy a checkpoint with other arrays, or a description that need make no sense; a field of None is left out."""
    made = load_checkpoint(source)
    fields = {"format": FORMAT, **made.description.as_json(), **description}
    text = json.dumps({name: value for name, value in fields.items() if value is not None})
    with open(target, "wb") as file:
        np.savez(file, allow_pickle=False, **{DESCRIPTION: np.array(text)}, **{**made.arrays, **(arrays or {})})
    return target


def run(options: TrainingOptions):
    """`run_stage` as a process of its own would run it: Keras has not named anything before."""
    keras.utils.clear_session()
    return run_stage(options, load_inputs(options.data_filename))
