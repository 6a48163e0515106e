"""What a training run is asked to do."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.run_names import ADAPTED, FINE, FROZEN, SOFTMAX, TRIPLET

STAGES_BEFORE = {  # the first that has run is taken; adaptation starts from the bundled network
    SOFTMAX: (),
    FINE: (SOFTMAX,),
    TRIPLET: (FINE, SOFTMAX),
    FROZEN: (TRIPLET, FINE, SOFTMAX),
    ADAPTED: (),
}

STEPS_PER_EPOCH = 100
WINDOWS_PER_SPEAKER = 5  # in a P x K batch
SMALLEST_TRIPLET_BATCH = 2 * WINDOWS_PER_SPEAKER  # two speakers
RANDOM_BATCH = 900  # windows: v1's 300 anchors, 300 positives, 300 negatives
SPEEDS = (1.0, 0.83, 0.9, 1.1, 1.2)  # each makes other speakers of all
SOFTMAX_MARGIN = 0.2
COPIED = 0.5
MIRRORED, MULTI_WORKER = "mirrored", "multi_worker"  # ways to distribute
WINDOW_SECONDS = (0.8, 1.2, 2.0, 2.8)  # of speech; each batch has one of them


@dataclass(frozen=True)
class StageDefaults:
    """A stage's settings where the command line is silent; see docs/training-notes.md for what was tried."""

    batch_size: int  # windows
    learning_rate: float  # at the first step; it falls along half a cosine
    max_epochs: int
    window_seconds: tuple[float, ...] = WINDOW_SECONDS
    speeds: tuple[float, ...] = SPEEDS
    softmax_margin: float = SOFTMAX_MARGIN
    copied: float = COPIED


DEFAULTS = {
    SOFTMAX: StageDefaults(batch_size=256, learning_rate=2e-3, max_epochs=200, copied=0.15),
    FINE: StageDefaults(256, 2e-4, max_epochs=40, window_seconds=(2.8, 4.0), speeds=(1.0,), softmax_margin=0.4),
    TRIPLET: StageDefaults(batch_size=300, learning_rate=5e-4, max_epochs=60),
    FROZEN: StageDefaults(batch_size=256, learning_rate=5e-3, max_epochs=10, window_seconds=(2.0,)),
    ADAPTED: StageDefaults(batch_size=128, learning_rate=1e-3, max_epochs=3, speeds=(1.0,), softmax_margin=0.1),
}


@dataclass(frozen=True)
class TrainingOptions:
    """The settings of one stage's run, saved as JSON in its folder and inside its checkpoints."""

    stage: str
    data_filename: Path
    run_dir: Path  # holds a folder for each stage
    batch_size: int
    learning_rate: float
    max_epochs: int  # of STEPS_PER_EPOCH steps
    max_steps: int | None = None  # ends the run earlier
    window_seconds: tuple[float, ...] = WINDOW_SECONDS  # lengths of windows, of which each batch has one
    patience: int = 100  # epochs without progress of the training loss before the run stops
    normalize_embeddings: bool = False
    embedding_activation: str | None = None  # None: what the checkpoint has, else linear
    triplet_selection: str = "semi-hard"
    margin: float = 0.2  # of the triplet loss, in cosine
    speeds: tuple[float, ...] = SPEEDS  # of which the first is 1; used where windows are augmented
    softmax_margin: float = SOFTMAX_MARGIN  # taken off the right speaker's cosine
    copied: float = COPIED  # share of disturbed windows that are from disturbed copies, where the inputs have any
    augmentation: bool = True  # of the windows that the embedder trains on
    weight_averaging: bool = True  # what is measured and passed on is a moving average of the weights
    seed: int = 0
    teacher: Path | None = None  # embeddings of the training utterances by another network, see `teacher`
    checkpoint: Path | None = None  # where to start from instead of the stage before
    from_scratch: bool = False
    distribute: str | None = None  # over what the batches are spread: see `distribution`; None: one process, one device
    shares: int | None = None  # in which each batch is drawn; None: one for each replica
    mixed_precision: bool = False  # convolutions and GRU in 16 bits, the rest in 32

    @property
    def augments(self) -> bool:
        """Whether training windows are augmented: never those of a frozen embedder."""
        return self.augmentation and self.stage != FROZEN

    @property
    def speeds_used(self) -> tuple[float, ...]:
        """The speeds at which each speaker is a class of the softmax, see `batcher.sampling.speeds.SpeedClasses`."""
        return self.speeds if self.augments else (1.0,)

    @property
    def windows_together(self) -> int:
        """How many windows of a batch are drawn together: one, a triplet, or those of a speaker."""
        if self.stage != TRIPLET:
            return 1
        return 3 if self.triplet_selection == "random" else WINDOWS_PER_SPEAKER

    @property
    def total_steps(self) -> int:
        """Gradient steps of the whole run; the learning rate's fall is laid out over them."""
        planned = self.max_epochs * STEPS_PER_EPOCH
        return planned if self.max_steps is None else min(planned, self.max_steps)

    def as_json(self) -> dict[str, Any]:
        """The fields as they come back from JSON: paths as text, tuples as lists."""
        return json.loads(json.dumps(dataclasses.asdict(self), default=str))
