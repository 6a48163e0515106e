"""What surrounds the tool: environment variables, folders to write to, the disk, cores and memory."""

import argparse
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import entry_point
from commands.arguments import cache_dir
from commands.doctor.command_lines import line
from commands.doctor.findings import FAULT, OK, WARNING, Finding
from storage.counting import counted
from storage.errors import UserError

GIGABYTE = 1e9  # bytes
LEAST_FREE = 1e8  # bytes, with which not even a small cache is finished
COPIES = 3  # of an utterance in the inputs: as recorded, and two disturbed ones, as --disturbed_copies has it
INPUTS_SHARE = 14_700 / 16_000  # bytes of inputs with these copies for each byte of the cache, see README.md
FILLED_LATER = ("DS_DIR", "CACHE_DIR")  # folders that commands make if need be
VARIABLES = (*FILLED_LATER, "AUDIO_DIR")


def check_variables() -> Iterator[Finding]:
    """Whether our environment variables name folders."""
    named = {name: value for name in VARIABLES if (value := os.environ.get(name))}
    findings = [finding for name, value in named.items() if (finding := _pointing_nowhere(name, value))]
    yield from findings
    if not findings:
        what = ", ".join(f"{name}={value}" for name, value in named.items())
        yield Finding("variables", OK, what or f"none of {', '.join(VARIABLES)} is set")


def _pointing_nowhere(name: str, value: str) -> Finding | None:
    unset = line("unset", name)
    try:
        path = entry_point.expanded(value)
        if path.is_dir():
            return None
        if os.path.lexists(path):
            return Finding("variables", FAULT, f"{name} is no folder: {path}", unset)
    except (UserError, OSError, ValueError) as error:
        return Finding("variables", FAULT, f"{name}: {error}", unset)
    if name in FILLED_LATER:
        return Finding("variables", WARNING, f"{name} names a folder that is not there yet: {path}", unset)
    return Finding("variables", FAULT, f"{name} names a folder that is not there: {path}", unset)


def check_folders(args: argparse.Namespace) -> Iterator[Finding]:
    """Whether what the commands write can be written: the cache, the runs, the profiles."""
    cache = cache_dir(args)
    profiles = args.profiles or entry_point.default_profiles()
    folders = dict.fromkeys(
        path.absolute() for path in (cache, args.run_dir or entry_point.run_dir_of(cache), profiles.parent)
    )
    faults = [finding for folder in folders if (finding := _unwritable(folder))]
    yield from {finding.message: finding for finding in faults}.values()
    if not faults:
        yield Finding("folders", OK, f"can be written to, or made: {', '.join(map(str, folders))}")


def _unwritable(folder: Path) -> Finding | None:
    """What keeps a folder from being written to, or from being made."""
    there = existing(folder)
    if not there.is_dir():
        moved = there.with_name(f"{there.name}.moved")
        return Finding("folders", FAULT, f"{there} is a file, and a folder belongs there", line("mv", there, moved))
    if os.access(there, os.R_OK | os.W_OK | os.X_OK):
        return None
    return Finding("folders", FAULT, f"{there} can't be read and written to by this user", _made_writable(there))


def _made_writable(folder: Path) -> str | None:
    """The line that makes a folder one's own to write to; none on a disk that nobody may write to."""
    if not hasattr(os, "getuid"):
        return None
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return None
    if folder.stat().st_uid == os.getuid():
        return line("chmod", "u+rwx", folder)
    return line("sudo", "chown", str(os.getuid()), folder)


def existing(path: Path) -> Path:
    """The path, or the nearest of the folders above it that is there."""
    return next((place for place in (path, *path.parents) if os.path.lexists(place)), path)


def check_disk(args: argparse.Namespace) -> Iterator[Finding]:
    """Whether the disk has room for what comes next: inputs of the cache as it is, beside those that it has."""
    from cache.entries import wav_size
    from cache.parts import Index

    folder = cache_dir(args).absolute()
    free = shutil.disk_usage(existing(folder)).free
    entries = (entry for part in Index(folder).parts() for entry in part.entries.values())
    cached = sum(wav_size(entry.samples) for entry in entries)
    needed = INPUTS_SHARE * cached
    message = f"{_gigabytes(free)} free at {existing(folder)}"
    if cached:
        message += (
            f"; the cache's speech is {_gigabytes(cached)}, its inputs with two disturbed copies {_gigabytes(needed)}"
        )
    if free < max(needed, LEAST_FREE):
        advice = "make room there, or name a cache on another disk with --cache_output_dir"
        yield Finding("disk", FAULT, f"{message}; {advice}")
    else:
        yield Finding("disk", OK, message)


def check_machine(args: argparse.Namespace) -> Iterator[Finding]:
    """How many cores there are, and whether the inputs fit into the memory that is free, as training reads them."""
    from cache.utterances import INPUTS_NAME

    cores, free = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        _free_memory(),
    )
    message = f"{counted(cores, 'core')}; --multi_threading uses all of them"
    if free is None:
        yield Finding("machine", OK, message)
        return
    message = f"{counted(cores, 'core')}, {_gigabytes(free)} of memory free"
    inputs = cache_dir(args) / INPUTS_NAME
    needed = inputs.stat().st_size if inputs.is_file() else 0
    if needed > free:
        message += (
            f"; training reads the inputs into memory, {_gigabytes(needed)}: fewer --disturbed_copies make them smaller"
        )
        yield Finding("machine", WARNING, message)
    else:
        yield Finding("machine", OK, message)


def _free_memory() -> float | None:
    """Bytes of memory that new work can have, by the kernel's estimate; None where it gives none."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            fields = dict(text.split(":", 1) for text in file)
        return 1024 * float(fields["MemAvailable"].split()[0])
    except (OSError, ValueError, KeyError, IndexError):
        return None


def _gigabytes(size: float) -> str:
    return f"{size / GIGABYTE:.1f} GB"
