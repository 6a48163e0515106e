"""How far a run has come, and whether it still makes progress.

The training side alone decides that: the test utterances never steer a run, so that the accuracy on them stays a test.
"""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from storage.fields import Fields

LEAST_PROGRESS = 1e-3  # relative fall of the loss that counts

Metrics = dict[str, float]


@dataclass
class Progress:
    """The best training loss so far, and how many epochs have passed without a better one."""

    best: float = math.inf
    epochs_without: int = 0
    learned: bool = False  # there is nothing left to learn, by the stage's own rule

    def update(self, loss: float) -> bool:
        """Take in an epoch's loss; True if it is the best so far."""
        if loss < self.best * (1 - LEAST_PROGRESS):
            self.best, self.epochs_without = loss, 0
            return True
        self.epochs_without += 1
        return False


@dataclass
class Position:
    """How far a run has come. It is part of the checkpoint, so that a run can go on from there."""

    step: int = 0
    sums: Metrics = field(default_factory=dict)  # reports of the steps since the last epoch's end, added up
    summed: int = 0  # how many of them
    seconds: float = 0.0  # of training, earlier sessions included
    progress: Progress = field(default_factory=Progress)
    metrics: Metrics = field(default_factory=dict)  # of the last whole epoch
    planned_steps: int = 0

    def add(self, report: Metrics) -> None:
        """Add a step's report to the sums, and count the step."""
        self.sums = {name: self.sums.get(name, 0.0) + value for name, value in report.items()}
        self.summed += 1
        self.step += 1

    def take_means(self) -> Metrics:
        """Return the means of the reports since the last epoch's end, and begin new sums."""
        means = {f"train_{name}": total / self.summed for name, total in self.sums.items()}
        self.sums, self.summed = {}, 0
        return means

    @classmethod
    def from_json(cls, value: object) -> "Position":
        """Read what `as_json` wrote.

        Raises:
            ValueError: a field is missing, unknown or of another type.
        """
        fields = Fields(value)
        progress = Fields(fields.take("progress", dict))
        position = cls(
            step=fields.whole("step"),
            sums=fields.numbers_by_name("sums"),
            summed=fields.whole("summed"),
            seconds=fields.number("seconds"),
            progress=Progress(
                best=progress.number("best") if "best" in progress else math.inf,
                epochs_without=progress.whole("epochs_without"),
                learned=progress.take("learned", bool),
            ),
            metrics=fields.numbers_by_name("metrics"),
            planned_steps=fields.whole("planned_steps"),
        )
        progress.end()
        fields.end()
        return position

    def as_json(self) -> dict[str, Any]:
        """The fields for a checkpoint; numbers that JSON does not have are left out."""
        return {**asdict(self), "progress": _finite(asdict(self.progress)), "metrics": _finite(self.metrics)}


def _finite(numbers: Metrics) -> Metrics:
    return {name: number for name, number in numbers.items() if math.isfinite(number)}
