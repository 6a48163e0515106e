"""Runs in a table: what was trained, how far it came, and which settings differ."""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import entry_point
from commands.arguments import cache_dir
from commands.results import print_json
from models.trained_runs import TrainedRun, find_runs
from storage.counting import counted
from storage.errors import UserError
from storage.text_table import aligned, printable

LOSS = "train_loss"  # which steers a run; a margin and the augmentation are in it
ACCURACIES = ("test_utterance_accuracy", "test_accuracy")  # of which the first that was measured is told
SAME_FOR_ALL = {"stage", "run_dir"}  # settings that name the run itself
DIGEST = "_sha256"  # how settings end that are digests
SHOWN_DIGITS = 12  # of a digest
LONGEST_VALUE = 40  # characters, of a setting in the table
NOTHING = "-"
HEADINGS = ("run", "step", "saved", "train loss", "lowest", "test accuracy", "highest", "speakers", "state")
TO_THE_RIGHT = frozenset({"step", "train loss", "lowest", "test accuracy", "highest", "speakers"})


def list_runs(args: argparse.Namespace) -> None:
    """Print what was trained in the run folder; that of the cache need not be there, one that was named must."""
    run_dir = args.run_dir or entry_point.run_dir_of(cache_dir(args))
    if args.run_dir is not None and not run_dir.exists():
        raise UserError(f"there is no folder {run_dir}")
    if run_dir.exists() and not run_dir.is_dir():
        raise NotADirectoryError(f"{run_dir} is a file, and no folder of runs")
    runs, others = find_runs(run_dir)
    differing = differing_settings(runs)
    if args.json:
        settings = {run.name: run.settings for run in runs}
        content = [{**figures(run), "settings": settings[run.name]} for run in runs]
        print_json({"run_dir": str(run_dir), "runs": content, "differing_settings": list(differing), "others": others})
        return
    print(
        "\n\n".join(
            filter(None, (_table(runs, str(run_dir)), _settings_table(runs, differing), _remarks(runs, others)))
        )
    )


def figures(run: TrainedRun) -> dict[str, Any]:
    """What is known of a run; None for what is not."""
    description = run.description
    last = dict(run.history[-1]) if run.history else _position(run, "metrics")
    name = next((name for name in ACCURACIES if name in last), None)
    losses, accuracies = ([row[key] for row in run.history if key in row] for key in (LOSS, name or ""))
    return {
        "name": run.name,
        "stage": run.stage,
        "set_aside": run.number > 0,
        "step": description and description.step,
        "planned_steps": _whole(_position(run).get("planned_steps")),
        "saved": _date(run.saved),
        "finished": description and description.finished,
        "loss": _number(last.get(LOSS)),
        "best_loss": min(losses, default=_number(last.get(LOSS))),
        "accuracy_of": name,
        "accuracy": _number(last.get(name)),
        "best_accuracy": max(accuracies, default=_number(last.get(name))),
        "last_epoch": {key: value for key, value in last.items() if _number(value) is not None},
        "speakers": description and len(description.speakers),
        "held_out": description and len(description.held_out),
        "version": description and description.version,
        "damage": list(run.damage.values()),
    }


def _date(seconds: float | None) -> str | None:
    """Date and time here, to the minute."""
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds).isoformat(" ", "minutes")
    except (ValueError, OverflowError, OSError):  # a file can be of the year 30,000
        return None


def _position(run: TrainedRun, name: str | None = None) -> Mapping[Any, Any]:
    """How far the run has come, by its checkpoint; or a part of that. It may be anybody's, and of any kind."""
    position: Any = {} if run.description is None else run.description.position
    part = position if name is None else position.get(name)
    return part if isinstance(part, Mapping) else {}


def _number(value: object) -> float | None:
    """A number that came out of a file, if it is one that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) <= sys.float_info.max else None  # nor is NaN


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def differing_settings(runs: Sequence[TrainedRun]) -> dict[str, list[Any]]:
    """The settings that are not the same in all runs, with each run's value; None where a run has none.

    A setting that only some runs tell of is left out, unless those differ: a damaged file is no difference.
    """
    names = dict.fromkeys(name for run in runs for name in run.settings if name not in SAME_FOR_ALL)
    values = {name: [run.settings.get(name) for run in runs] for name in names}
    return {name: found for name, found in values.items() if _differ(runs, name)}


def _differ(runs: Iterable[TrainedRun], name: str) -> bool:
    return len({_text(run.settings[name]) for run in runs if name in run.settings}) > 1


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _table(runs: Sequence[TrainedRun], place: str) -> str:
    if not runs:
        return printable(f"nothing was trained in {place}")
    return aligned([HEADINGS, *map(_row, runs)], TO_THE_RIGHT)


def _row(run: TrainedRun) -> list[str]:
    known = figures(run)
    step, planned = known["step"], known["planned_steps"]
    return [
        run.name,
        NOTHING if step is None else f"{step} of {planned}" if planned else str(step),
        known["saved"] or NOTHING,
        *(_rounded(known[name], ".4f") for name in ("loss", "best_loss")),
        *(_rounded(known[name], ".2%").replace("%", " %") for name in ("accuracy", "best_accuracy")),
        NOTHING if known["speakers"] is None else str(known["speakers"]),
        _state(run),
    ]


def _rounded(value: float | None, form: str) -> str:
    return NOTHING if value is None else format(value, form)


def _state(run: TrainedRun) -> str:
    if run.description is None:
        return "damaged"
    state = "finished" if run.description.finished else "unfinished"
    return f"{state}, set aside" if run.number else state


def _settings_table(runs: Sequence[TrainedRun], differing: Mapping[str, Sequence[Any]]) -> str:
    if not differing:
        return ""
    rows = [[printable(name), *(_shown(name, value) for value in values)] for name, values in differing.items()]
    return aligned([["setting that differs", *(run.name for run in runs)], *rows])


def _shown(name: str, value: object) -> str:
    if value is None:
        return NOTHING
    text = value if isinstance(value, str) else _text(value)
    if name.endswith(DIGEST):
        return printable(text[:SHOWN_DIGITS])
    return printable(text if len(text) <= LONGEST_VALUE else f"...{text[3 - LONGEST_VALUE :]}")


def _remarks(runs: Iterable[TrainedRun], others: Sequence[str]) -> str:
    lines = [f"damaged: {damage}" for run in runs for damage in run.damage.values()]
    if others:
        count = counted(len(others), "file or folder", "files and folders")
        lines.append(f"no run, and left alone: {count}: {', '.join(others)}")
    return "\n".join(map(printable, lines))
