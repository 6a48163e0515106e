"""The enrolled speakers."""

import argparse
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import entry_point
from commands.doctor.command_lines import line
from commands.doctor.findings import FAULT, OK, Finding
from inference.profile_file import ProfileError, read_profiles
from storage.atomic import PRIVATE_FILE
from storage.counting import counted


def check_profiles(args: argparse.Namespace) -> Iterator[Finding]:
    """Whether the store can be read, and by its owner only."""
    path = (args.profiles or entry_point.default_profiles()).absolute()
    if not path.exists():
        yield Finding("profiles", OK, f"nobody is enrolled in {path}")
        return
    if not path.is_file():
        yield Finding("profiles", FAULT, f"{path} is no file", line("mv", path, _beside(path)))
        return
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        message = f"{path} holds voices, and others than its owner may open it"
        yield Finding("profiles", FAULT, message, line("chmod", f"{PRIVATE_FILE:o}", path))
    if not os.access(path, os.R_OK):
        yield Finding("profiles", FAULT, f"{path} can't be read by this user", line("chmod", f"{PRIVATE_FILE:o}", path))
        return
    try:
        profiles = read_profiles(path)
    except ProfileError as error:
        yield Finding("profiles", FAULT, str(error), line("mv", path, _beside(path)))
        return
    yield Finding("profiles", OK, f"{counted(len(profiles.entries), 'speaker')} in {path}")


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged")
