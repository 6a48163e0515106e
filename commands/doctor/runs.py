"""Runs: stages that are not finished, and files in them that are damaged."""

import argparse
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import entry_point
from commands.arguments import cache_dir
from commands.doctor.command_lines import Word, in_turn, line, own_training
from commands.doctor.findings import FAULT, OK, WARNING, Finding
from models.checkpoint import CheckpointError, load_checkpoint, load_description
from models.run_names import ADAPTED, BEST, DAMAGED, FINE, FROZEN, LAST, SOFTMAX, TRIPLET
from models.trained_runs import TrainedRun, find_runs
from storage.counting import counted
from storage.errors import UserError, first_few
from storage.lock import writer_in
from training.options import DEFAULTS, TrainingOptions

READ_WHOLE = 1 << 27  # bytes of a checkpoint that is read with its weights
SHOWN = 5  # names in a message
STAGE_FLAGS = {
    SOFTMAX: ("--loss_on_softmax",),
    FINE: ("--loss_on_softmax", "--fine_tune"),
    TRIPLET: ("--loss_on_embeddings",),
    FROZEN: ("--loss_on_softmax", "--freeze_embedding_weights"),
    ADAPTED: ("--adapt",),
}
OFF = {"augmentation": "--no_augmentation", "weight_averaging": "--no_weight_averaging"}
ON = {"normalize_embeddings", "from_scratch", "mixed_precision"}  # flags without a value


def check_runs(args: argparse.Namespace) -> Iterator[Finding]:
    """Whether each stage that was trained is finished, and can be read; runs that were set aside may be anyhow."""
    run_dir = (args.run_dir or entry_point.run_dir_of(cache_dir(args))).absolute()
    if run_dir.exists() and not run_dir.is_dir():
        yield Finding("runs", FAULT, f"{run_dir} is a file", line("mv", run_dir, _beside(run_dir)))
        return
    runs, others = find_runs(run_dir)
    current = [run for run in runs if not run.number]
    try:
        writer = writer_in(run_dir)
    except UserError as error:
        lock = run_dir / ".lock"
        yield Finding("runs", FAULT, str(error), line("mv", lock, _beside(lock)))
        writer = None
    if writer is not None:
        yield Finding("runs", OK, f"{run_dir} is in use by {writer}, which trains")
    findings = [finding for run in current for finding in _check_run(run, run_dir, writer is not None)]
    yield from findings
    if others:
        yield Finding("runs", OK, f"in {run_dir} stands what is no run, and is left alone: {first_few(others, SHOWN)}")
    if not findings:
        trained = ", ".join(f"{run.stage} ({_steps(run)})" for run in current)
        message = f"nothing was trained in {run_dir}; the bundled network serves"
        yield Finding("runs", OK, f"finished in {run_dir}: {trained}" if trained else message)


def _steps(run: TrainedRun) -> str:
    return counted(run.description.step, "step") if run.description is not None else "?"


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.moved")


def _check_run(run: TrainedRun, run_dir: Path, in_training: bool) -> Iterator[Finding]:
    last, best = run.path / LAST, run.path / BEST
    problem = _problem(last)
    if problem is not None and not (in_training and not last.exists()):
        usable = _problem(best) is None
        mended = in_turn(line("mv", last, run.path / DAMAGED), line("cp", best, last)) if last.exists() else ""
        mended = mended or line("cp", best, last)
        yield Finding("runs", FAULT, problem, mended if usable else line("mv", run.path, _free_number(run)))
        return
    if best.exists() and (problem := _problem(best)):
        yield Finding("runs", WARNING, problem, line("mv", best, _beside(best)))
    for name, damage in run.damage.items():
        if name not in (LAST, BEST):
            yield Finding("runs", WARNING, damage, line("mv", run.path / name, _beside(run.path / name)))
    if run.description is not None and not run.description.finished and not in_training:
        message = f"the {run.stage} stage in {run_dir} is not finished; it stands at step {run.description.step}"
        yield Finding("runs", WARNING, message, continued(run, run_dir))


def _problem(checkpoint: Path) -> str | None:
    """What is wrong with a checkpoint; large ones are read without their weights."""
    try:
        if checkpoint.is_file() and checkpoint.stat().st_size > READ_WHOLE:
            load_description(checkpoint)
        else:
            load_checkpoint(checkpoint)
    except CheckpointError as error:
        return str(error)
    return None


def _free_number(run: TrainedRun) -> Path:
    number = 1
    while (path := run.path.with_name(f"{run.stage}.{number}")).exists():
        number += 1
    return path


def continued(run: TrainedRun, run_dir: Path) -> str | None:
    """The line that goes on with a run, by its options.json; None where that makes no sense."""
    words: list[Word] = [*STAGE_FLAGS[run.stage], "--run_dir", run_dir]
    usual = {field.name: field.default for field in dataclasses.fields(TrainingOptions)} | vars(DEFAULTS[run.stage])
    for name, value in run.options.items():
        if name in ("stage", "run_dir") or name not in usual or value is None or _same(value, usual[name]):
            continue
        if name in OFF:
            words.append(OFF[name])
        elif name in ON:
            words.append(f"--{name}")
        elif (text := _value(value)) is not None:
            words += [f"--{name}", text]
    return own_training(*words) if isinstance(run.options.get("data_filename"), str) else None


def _same(value: Any, usual: object) -> bool:
    return value == (list(usual) if isinstance(usual, tuple) else usual)


def _value(value: Any) -> str | None:
    """A setting as the command line takes it."""
    if isinstance(value, str):
        return value
    values = value if isinstance(value, list) else [value]
    numbers = [number for number in values if isinstance(number, int | float) and not isinstance(number, bool)]
    return ",".join(map(json.dumps, numbers)) if numbers and len(numbers) == len(values) else None
