"""The folder of one stage's run: options.json, history.csv, last.npz, best.npz, tensorboard/."""

import json
from pathlib import Path

import pandas as pd

from models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from storage.atomic import write_atomically


class RunFolder:
    """Paths and files of `<run_dir>/<stage>`."""

    def __init__(self, path: Path):
        self.path = path
        self.last = path / "last.npz"
        self.best = path / "best.npz"
        self.history_file = path / "history.csv"
        self.tensorboard = path / "tensorboard"

    def last_checkpoint(self) -> Checkpoint | None:
        """Where the run stands, if it has begun.

        Raises:
            CheckpointError: the file is damaged.
        """
        return load_checkpoint(self.last) if self.last.is_file() else None

    def set_aside(self) -> Path:
        """Rename the folder, so that another run can take its place; return the new name."""
        number = 1
        while (kept := self.path.with_name(f"{self.path.name}.{number}")).exists():
            number += 1
        return self.path.rename(kept)

    def write_options(self, options: dict) -> None:
        """Save what the run was asked to do."""
        write_atomically(self.path / "options.json", json.dumps(options, indent=2) + "\n")

    def save(self, checkpoint: Checkpoint, is_best: bool) -> None:
        """Save where the run stands, and keep it as the best if it is."""
        if is_best:
            save_checkpoint(self.best, checkpoint)
        save_checkpoint(self.last, checkpoint)

    def history(self, up_to_step: int) -> list[dict]:
        """Rows written so far; those past `up_to_step` belong to work that was lost and is done again."""
        if not self.history_file.is_file():
            return []
        try:
            rows = pd.read_csv(self.history_file)
            return rows[rows["step"] <= up_to_step].to_dict("records")
        except (ValueError, KeyError):  # pandas's parser errors are ValueErrors; an edited file is not worth a run
            return []

    def write_history(self, rows: list[dict]) -> None:
        """Replace history.csv, one row an epoch."""
        write_atomically(self.history_file, pd.DataFrame(rows).to_csv(index=False))
