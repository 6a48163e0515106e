"""Start the worker processes of programs that tests run as other systems do: spawn (Windows, macOS), forkserver."""

import os
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "in_children"


def started_by(method: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Environment variables by which Python programs start their workers so."""
    paths = [str(FOLDER), *filter(None, [environment.get("PYTHONPATH")])]
    return {"TESTS_START_METHOD": method, "PYTHONPATH": os.pathsep.join(paths)}
