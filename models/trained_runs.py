"""What was trained in a run folder, as its files tell: checkpoints, options.json, history.csv. Without TensorFlow.

Everything there may be damaged, or another program's: what can't be read is said in a remark, and never raised.
"""

import csv
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.checkpoint import CheckpointDescription, CheckpointError, load_description
from models.run_names import BEST, HISTORY, LAST, OPTIONS, STAGES
from storage.atomic import TEMPORARY_PATTERN
from storage.lock import LOCK_FILES

LARGEST_TEXT = 1 << 26  # bytes, of options.json or history.csv; a row for each of 100,000 epochs takes less

_NAME = re.compile(rf"({'|'.join(STAGES)})(?:\.(\d{{1,9}}))?")  # of a run's folder; with a number, of one set aside


@dataclass(frozen=True)
class TrainedRun:
    """A stage as it was trained once."""

    path: Path  # its folder
    stage: str
    number: int  # 0 for the run that is continued and used; 1 and more for those that were set aside
    description: CheckpointDescription | None  # of the last checkpoint, else of the best; None if neither can be read
    saved: float | None  # when that checkpoint was, in seconds since 1970
    options: Mapping[str, Any]  # what it was asked to do; {} where that can't be read
    history: tuple[Mapping[str, float], ...]  # figures of each epoch
    damage: Mapping[str, str] = field(default_factory=dict)  # by the file's name, what is wrong with it

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.path.name

    @property
    def settings(self) -> dict[str, Any]:
        """What it was asked to do and what it was trained on, by digests; where both tell, as it was asked last."""
        identity = {} if self.description is None else self.description.run
        return {**identity, **self.options}


def find_runs(run_dir: Path) -> tuple[list[TrainedRun], list[str]]:
    """Read every run in a folder, in the order of the stages, the one that is used first.

    Returns:
        the runs, and the names of what else is there.

    Raises:
        OSError: the folder is there and can't be listed.
    """
    names = {path.name: path for path in run_dir.iterdir()} if run_dir.is_dir() else {}
    matches = {name: match for name, path in names.items() if (match := _NAME.fullmatch(name)) and path.is_dir()}
    runs = [_read(names[name], match[1], int(match[2] or 0)) for name, match in matches.items()]
    others = [name for name in names if name not in matches and name not in LOCK_FILES]
    others = [name for name in others if not names[name].match(TEMPORARY_PATTERN)]
    return sorted(runs, key=lambda run: (STAGES.index(run.stage), run.number)), sorted(others)


def _read(path: Path, stage: str, number: int) -> TrainedRun:
    damage: dict[str, str] = {}
    description, saved = None, None
    for file in (path / LAST, path / BEST):
        try:
            read = load_description(file)
        except CheckpointError as error:
            damage[file.name] = str(error)
            continue
        if description is None:
            description, saved = read, file.stat().st_mtime
    if not (path / BEST).exists() and LAST not in damage:
        damage.pop(BEST, None)  # no epoch has ended yet
    readable: dict[str, Any] = {OPTIONS: {}, HISTORY: ()}
    for name, read_file in ((OPTIONS, _read_options), (HISTORY, _read_history)):
        try:
            readable[name] = read_file(path / name)
        except FileNotFoundError:
            pass  # a run that was stopped in its first epoch has no history
        except (OSError, ValueError, csv.Error, RecursionError) as error:
            damage[name] = f"{path / name} can't be read ({error})"
    return TrainedRun(path, stage, number, description, saved, readable[OPTIONS], readable[HISTORY], damage)


def _read_options(path: Path) -> dict[str, Any]:
    options = json.loads(_text(path))
    if not isinstance(options, dict):
        raise ValueError("it holds no object")
    return options


def _read_history(path: Path) -> tuple[dict[str, float], ...]:
    rows = csv.DictReader(_text(path).splitlines(), restval="")
    history = tuple(dict(_numbers(row)) for row in rows)
    if not any("step" in row for row in history):
        raise ValueError("no row has a step")
    return history


def _numbers(row: Mapping[Any, Any]) -> Iterator[tuple[str, float]]:
    """The cells that are finite numbers."""
    for name, text in row.items():
        try:
            value = float(text)
        except (TypeError, ValueError):
            continue
        if isinstance(name, str) and math.isfinite(value):
            yield name, value


def _text(path: Path) -> str:
    if not path.is_file():
        raise FileNotFoundError(path) if not path.exists() else ValueError("it is no file")
    with open(path, "rb") as file:
        content = file.read(LARGEST_TEXT + 1)
    if len(content) > LARGEST_TEXT:
        raise ValueError(f"it is larger than {LARGEST_TEXT >> 20} MB")
    return content.decode(errors="replace")
