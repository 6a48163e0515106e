"""The steps of continuous integration, for whatever has no make: `python ci.py lint test`, with our tools installed.

`make lint`, `make test`, `make docs`, .ci/run and .github/workflows/ci.yml all run these.
"""

import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent
SCRIPTS = Path(sysconfig.get_path("scripts"))
PYTHON = sys.executable
PAGES = "build/docs"
PUBLIC = ("deep_speaker", "inference", "evaluation", "corpus", "cache", "audio", "storage")  # without TensorFlow
STEPS: dict[str, tuple[tuple[str, ...], ...]] = {
    "lint": (
        (PYTHON, "-m", "ruff", "check", "."),
        (PYTHON, "-m", "ruff", "format", "--check", "."),
        (str(SCRIPTS / "lint-imports"),),
        (PYTHON, "-m", "mypy"),
    ),
    "test": ((PYTHON, "-m", "pytest", "-n", "auto", "--dist", "worksteal", "-m", "not long"),),
    "long": ((PYTHON, "-m", "pytest", "-n", "auto", "--dist", "worksteal", "-m", "long"),),
    "docs": ((PYTHON, "-m", "pdoc", "--docformat", "google", "--output-directory", PAGES, *PUBLIC),),
}


def main(names: list[str]) -> int:
    """Run the steps of these names in order; returns the status of the first command that fails, else 0."""
    if not names or not set(names) <= STEPS.keys():
        print(f"expected steps of {', '.join(STEPS)}. Received: {' '.join(names) or 'none'}", file=sys.stderr)
        return 2
    for command in (command for name in names for command in STEPS[name]):
        if status := subprocess.run(command, cwd=ROOT).returncode:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
