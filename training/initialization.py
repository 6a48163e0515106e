"""Decide where a run starts: where it was interrupted, from the stage before, or from random weights."""

import dataclasses
import logging
from pathlib import Path
from typing import Any

import keras
import numpy as np

from audio.feature_settings import FeatureSettings
from batcher.inputs import TrainingInputs
from batcher.sampling.speeds import SpeedClasses
from models.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from models.network import check_size
from models.network_options import NetworkOptions
from models.onnx_file import BUNDLED_CHECKPOINT
from models.run_names import ADAPTED, BEST, FINE, FROZEN, SOFTMAX, TRIPLET
from storage.digest import file_sha256
from storage.errors import UserError
from training.head import kept_head, mean_directions
from training.network_state import NetworkState, Trained, build_state
from training.options import STAGES_BEFORE, TrainingOptions
from training.run_folder import RunFolder

# Two runs that differ in nothing but these are one run: it can be moved, prolonged and continued.
UNUSED = {
    TRIPLET: {"softmax_margin"},
    SOFTMAX: {"margin", "triplet_selection"},
    FINE: {"margin", "triplet_selection"},
    FROZEN: {"margin", "triplet_selection", "speeds", "copied"},
    ADAPTED: {"margin", "triplet_selection"},
}
NOT_IDENTITY = {
    *("run_dir", "data_filename", "teacher", "checkpoint"),  # whose content counts, wherever it is
    *("from_scratch", "max_steps", "max_epochs", "patience", "distribute"),
}
USUAL = {"shares": None, "mixed_precision": False}  # as earlier runs were, whose identities lack these

TRAINED = {FROZEN: Trained.NOTHING, ADAPTED: Trained.WEIGHTS}  # the other stages train everything
HEADS_KEPT = {SOFTMAX, FINE}  # stages that keep the origin's head, if it is of the same speakers
LEAST_SPEAKERS = 2  # to adapt to

logger = logging.getLogger(__name__)


class StartError(UserError):
    """The run can't start as asked; the message says what to do."""


def find_origin(options: TrainingOptions) -> Path | None:
    """The checkpoint whose embedder the stage starts from; None starts from random weights.

    Raises:
        StartError: a frozen embedder was asked for and none was ever trained.
    """
    if options.from_scratch:
        return None
    if options.checkpoint is not None:
        return options.checkpoint
    if options.stage == ADAPTED:
        return BUNDLED_CHECKPOINT
    for stage in STAGES_BEFORE[options.stage]:
        path = RunFolder(options.run_dir / stage).last
        if path.is_file():
            return path
    if options.stage in (FROZEN, FINE):
        what = "embeddings to freeze" if options.stage == FROZEN else "softmax stage to go on from"
        raise StartError(f"there is no {what} in {options.run_dir}; train it with --loss_on_softmax first")
    if options.stage == TRIPLET:
        logger.warning("no softmax stage in %s: triplets start from random weights, which is slow", options.run_dir)
    return None


def run_identity(options: TrainingOptions, origin: Path | None) -> dict[str, Any]:
    """What tells a run apart from others: its settings, its data, and the checkpoint that it started from."""
    ignored = NOT_IDENTITY | UNUSED[options.stage]
    given = options.as_json().items()
    settings = {name: value for name, value in given if name not in ignored and USUAL.get(name, ...) != value}
    taught = {} if options.teacher is None else {"teacher_sha256": file_sha256(options.teacher)}
    data = {"data_sha256": file_sha256(options.data_filename), **taught}
    return {**settings, **data, "origin_sha256": origin and _origin_sha256(origin)}


def _origin_sha256(origin: Path) -> str:
    if not origin.is_file():
        raise CheckpointError(f"no checkpoint at {origin}")
    return file_sha256(origin)


def build_start(
    options: TrainingOptions, inputs: TrainingInputs, origin: Checkpoint | None, lessons: np.ndarray | None = None
) -> NetworkState:
    """Build the network for `inputs`, with the embedder of `origin` if there is one.

    Args:
        lessons: a teacher's embeddings of the training utterances, as `teacher.read_lessons` gives them.

    Raises:
        StartError: `origin` was trained on other features, or with another activation; or there is a single speaker to
            adapt to.
        CheckpointError: its weights do not fit, or its feature settings make no sense.
    """
    if options.stage == ADAPTED and len(inputs.speakers) < LEAST_SPEAKERS:
        raise StartError(
            f"expected {LEAST_SPEAKERS} speakers or more to adapt to, as speakers are learned by telling them apart. "
            f"Received {len(inputs.speakers)}"
        )
    keras.utils.set_random_seed(options.seed)
    network = _network_options(options, inputs, origin)
    classes = SpeedClasses(len(inputs.speakers), options.speeds_used)
    state = build_state(
        network,
        (inputs.mean, inputs.deviation) if origin is None else origin.normalization,  # the scale that it was trained on
        classes=0 if options.stage == TRIPLET else classes.count,
        trained=TRAINED.get(options.stage, Trained.ALL),
        first_rate=options.learning_rate,
        averaged=options.weight_averaging,
        taught=0 if lessons is None else lessons.shape[1],
        mixed_precision=options.mixed_precision,
    )
    if origin is None:
        return state
    state.start_from(origin.part("embedder"))
    if options.stage in HEADS_KEPT and (head := kept_head(origin, inputs.speakers, classes)) is not None:
        state.start_head(head)
        return dataclasses.replace(state, first_margin=_margin(origin))
    if options.stage == ADAPTED:
        state.start_head(classes.at_every_speed(mean_directions(state.embedder, network, inputs)))
    return state


def _margin(origin: Checkpoint) -> float:
    """The margin that a softmax stage ended with; 0 where it is not known."""
    margin = origin.description.run.get("softmax_margin", 0.0)
    return float(margin) if isinstance(margin, int | float) and 0 <= margin <= 1 else 0.0


def load_origin(path: Path | None) -> Checkpoint | None:
    """Open the checkpoint to start from, if there is one.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    if path is None:
        return None
    try:
        checkpoint = load_checkpoint(path)
    except CheckpointError as error:
        best = path.with_name(BEST)
        if path == best or not best.is_file():
            raise
        raise CheckpointError(f"{error}; --checkpoint {best} starts from the best one of that stage") from error
    description = checkpoint.description
    logger.info("starting from %s (%s, step %s)", path, description.stage, description.step)
    if not description.finished:
        logger.warning("that stage was not finished; run it again to complete it")
    return checkpoint


def trained_speakers(inputs: TrainingInputs, origin: Checkpoint | None) -> tuple[str, ...]:
    """Every speaker who has trained the weights, in this stage or an earlier one."""
    earlier = origin.description.trained_on if origin else ()
    return tuple(sorted({*inputs.speakers, *earlier}))


def _network_options(options: TrainingOptions, inputs: TrainingInputs, origin: Checkpoint | None) -> NetworkOptions:
    asked, normalizes = options.embedding_activation, options.normalize_embeddings
    if origin is None:
        activation = asked or NetworkOptions.embedding_activation
        return NetworkOptions(
            feature_size=inputs.feature_settings.size, embedding_activation=activation, normalize_embeddings=normalizes
        )
    check_size(origin)
    otherwise = "" if options.stage == ADAPTED else ", or start with --from_scratch"
    features, earlier = _features(origin), origin.description.network
    if dataclasses.replace(features, dither_seed=inputs.feature_settings.dither_seed) != inputs.feature_settings:
        raise StartError(
            f"the checkpoint was trained on other features ({dataclasses.asdict(features)}); "
            f"make the inputs again with those{otherwise}"
        )
    if asked not in (None, earlier.embedding_activation):
        raise StartError(
            f"the checkpoint's embeddings are {earlier.embedding_activation}, not {asked}; "
            f"drop --embedding_activation{otherwise}"
        )
    if options.stage == ADAPTED and not normalizes:
        return earlier
    return dataclasses.replace(earlier, normalize_embeddings=normalizes)


def _features(origin: Checkpoint) -> FeatureSettings:
    try:
        return FeatureSettings.from_json(origin.description.features)
    except ValueError as error:
        raise CheckpointError(f"the checkpoint is of another version of this tool ({error})") from error
