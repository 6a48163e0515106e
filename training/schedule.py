"""How fast to learn, and when to stop.

Both look at the training side only: the test utterances never steer a run, so that the accuracy on them stays a test.
"""

import math
from dataclasses import dataclass

FLOOR_SHARE = 0.01  # of the first learning rate, reached at the last step
LEAST_PROGRESS = 1e-3  # relative fall of the loss that counts


def learning_rate(step: int, total_steps: int, first: float) -> float:
    """Half a cosine from `first` down to a hundredth of it (Loshchilov and Hutter, "SGDR", 2017, without restarts)."""
    progress = min(step / max(total_steps, 1), 1.0)
    return first * (FLOOR_SHARE + (1 - FLOOR_SHARE) * 0.5 * (1 + math.cos(math.pi * progress)))


@dataclass
class Progress:
    """The best training loss so far, and for how many epochs it has stood."""

    best: float = math.inf
    epochs_without: int = 0
    learned: bool = False  # there is nothing left to learn, by the stage's own rule

    def update(self, loss: float) -> bool:
        """Take an epoch's loss; True if it is a new best."""
        if loss < self.best * (1 - LEAST_PROGRESS):
            self.best, self.epochs_without = loss, 0
            return True
        self.epochs_without += 1
        return False
