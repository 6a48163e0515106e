"""The folder that one stage's run is kept in, with options.json, history.csv, last.npz, best.npz, train/, test/."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from models.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from models.run_names import BEST, DAMAGED, HISTORY, LAST, OPTIONS
from storage.atomic import write_atomically

logger = logging.getLogger(__name__)


class RunFolder:
    """The paths in the folder `<run_dir>/<stage>`, and the reading and writing of its files."""

    def __init__(self, path: Path):
        self.path = path
        self.last = path / LAST
        self.best = path / BEST
        self.history_file = path / HISTORY

    def last_checkpoint(self) -> Checkpoint | None:
        """Load the last checkpoint of the run in the folder; None if no run has begun there.

        Raises:
            CheckpointError: the file is damaged.
        """
        return load_checkpoint(self.last) if self.last.is_file() else None

    def earlier_checkpoint(self, identity: dict[str, Any], from_scratch: bool) -> Checkpoint | None:
        """Load the last checkpoint of the run with this identity; None if it has not begun in the folder.

        Where the last checkpoint is damaged, the best one takes its place.

        Args:
            identity: what tells the run apart from others, as `initialization.run_identity` gives it.
            from_scratch: whether a finished run, or a damaged one, is not to be continued.

        Raises:
            CheckpointError: the last checkpoint is damaged, and there is no best one to go on from.
        """
        try:
            earlier = self.last_checkpoint()
        except CheckpointError as error:
            if from_scratch:
                logger.warning("%s; it is not needed, as the stage begins from scratch", error)
                return None
            return self._best_instead(identity, error)
        if earlier is None or earlier.description.run != identity:
            return None
        return None if from_scratch and earlier.description.finished else earlier

    def _best_instead(self, identity: dict[str, Any], damage: CheckpointError) -> Checkpoint | None:
        try:
            best = load_checkpoint(self.best)
        except CheckpointError as error:
            raise CheckpointError(
                f"{damage}, and there is no usable {BEST} beside it to go on from; "
                f"move the folder {self.path} away, and the stage begins anew"
            ) from error
        if best.description.run != identity:
            return None
        logger.warning("%s; going on from %s, which was saved at step %d", damage, BEST, best.description.step)
        self.replace_last(best)
        return best

    def set_aside(self) -> Path:
        """Rename the folder, so that another run can take its place; return the new name."""
        number = 1
        while (kept := self.path.with_name(f"{self.path.name}.{number}")).exists():
            number += 1
        return self.path.rename(kept)

    def write_options(self, options: dict[str, Any]) -> None:
        """Save what the run was asked to do."""
        write_atomically(self.path / OPTIONS, json.dumps(options, indent=2) + "\n")

    def save(self, checkpoint: Checkpoint, is_best: bool) -> None:
        """Save a checkpoint as the run's last one, and as its best one too if it is."""
        if is_best:
            save_checkpoint(self.best, checkpoint)
        save_checkpoint(self.last, checkpoint)

    def replace_last(self, checkpoint: Checkpoint) -> None:
        """Put a checkpoint in the place of a damaged last one, which is kept as `DAMAGED`."""
        self.last.replace(self.path / DAMAGED)
        save_checkpoint(self.last, checkpoint)

    def history(self, up_to_step: int) -> list[dict[str, float]]:
        """Read the rows of history.csv up to a step; later ones belong to work that was lost and is done again."""
        if not self.history_file.is_file():
            return []
        try:
            rows = pd.read_csv(self.history_file)
            kept = rows[rows["step"] <= up_to_step].to_dict("records")
            return [{str(name): value for name, value in row.items()} for row in kept]
        except (ValueError, KeyError, TypeError):  # pandas's parser errors are ValueErrors; an edited file costs no run
            return []

    def write_history(self, rows: Sequence[dict[str, float]]) -> None:
        """Replace history.csv by these rows, one for each epoch."""
        write_atomically(self.history_file, pd.DataFrame(rows).to_csv(index=False))
