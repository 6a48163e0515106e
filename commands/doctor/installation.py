"""Python, the packages, and the bundled network."""

import importlib.metadata
import importlib.util
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from commands.doctor.command_lines import IN_REPOSITORY, ROOT, in_turn, line, pip_install
from commands.doctor.findings import FAULT, OK, WARNING, Finding
from commands.doctor.requirements import EXTRA, NAME, Requirement, required, within
from storage.counting import counted
from storage.onnx_runtime import forbid_telemetry

IMPORT_PATIENCE = 60  # s, for all packages but those for training; a warm machine takes one
SECONDS, RATE, PITCH = 2, 8000, 120  # s, Hz and Hz, of the made-up samples
SHOWN = 160  # characters of an error
# A package that ends the process as it is loaded, as a broken library may, is the one after the last that is printed.
IMPORTS = """
import json, sys
for name in sys.argv[1:]:
    try:
        __import__(name)
        failure = None
    except BaseException as error:
        failure = f"{type(error).__name__}: {error}"
    print(json.dumps([name, failure]), flush=True)
"""


def check_python() -> Iterator[Finding]:
    """Whether this Python is one that the tool runs on."""
    version, wanted = platform.python_version(), required().python
    if within(version, wanted):
        yield Finding("Python", OK, f"{version} ({sys.executable})")
        return
    newest = next((name for name in _newer_pythons() if shutil.which(name)), "python3")
    place = (
        Path(sys.prefix).with_name(f"{Path(sys.prefix).name}-new") if sys.prefix != sys.base_prefix else Path("venv")
    )
    install = line(place / "bin" / "python", "-m", "pip", "install", *_what_was_installed())
    command = in_turn(line(newest, "-m", "venv", place), install)
    yield Finding("Python", FAULT, f"{version}, and this tool needs {wanted}", command)


def _newer_pythons() -> list[str]:
    return [f"python3.{minor}" for minor in range(20, 10, -1)]


def _what_was_installed() -> list[str]:
    return ["-r", str(ROOT / "requirements.txt")] if IN_REPOSITORY else [NAME]


def check_packages() -> Iterator[Finding]:
    """Whether each package is there, in a release that was tested, and can be imported.

    Those for training are looked for and not imported, as TensorFlow alone takes seconds.
    """
    everything = required().packages
    versions = {needed: _version(needed.package) for needed in everything}
    missing = [needed for needed in everything if versions[needed] is None]
    wrong = [needed for needed in everything if (found := versions[needed]) and not within(found, needed.ranges)]
    present = [needed for needed in everything if needed not in missing]
    failures = _import_failures([needed.module for needed in present if not needed.training])
    failures |= {needed.module: "its files are gone" for needed in present if needed.training and _is_gone(needed)}
    yield from _missing([needed for needed in missing if not needed.training], everything, FAULT)
    yield from _missing([needed for needed in missing if needed.training], everything, WARNING)
    for needed in wrong:
        message = f"{needed.package} {versions[needed]}, which was not tested; the range is {needed.ranges}"
        yield Finding("packages", WARNING, message, pip_install(str(needed)))
    for needed in present:
        if needed.module in failures:
            message = f"{needed.package} {versions[needed]} is installed, and can't be imported: "
            command = pip_install("--force-reinstall", "--no-deps", f"{needed.package}=={versions[needed]}")
            yield Finding("packages", FAULT, message + failures[needed.module][:SHOWN], command)
    fine = [needed for needed in present if needed not in wrong and needed.module not in failures]
    training = sum(needed.training for needed in fine)
    message = f"{len(fine)} of {counted(len(everything), 'package')} in a release that was tested"
    yield Finding("packages", OK, message + (f", {training} of them for training, not loaded" if training else ""))


def _missing(missing: Collection[Requirement], everything: Collection[Requirement], result: str) -> Iterator[Finding]:
    if not missing:
        return
    training = result == WARNING
    names = ", ".join(needed.package for needed in missing)
    alone = "; only inputs, training, --evaluate and --export_model need that" if training else ""
    all_of_extra = len(missing) == sum(needed.training for needed in everything)
    if training and all_of_extra and IN_REPOSITORY:
        command = pip_install(f"{ROOT}[{EXTRA}]")
    else:
        command = pip_install(*map(str, missing))
    yield Finding("packages", result, f"not installed: {names}{alone}", command)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _is_gone(needed: Requirement) -> bool:
    try:
        return importlib.util.find_spec(needed.module) is None
    except (ImportError, ValueError):
        return True


def _import_failures(modules: list[str]) -> dict[str, str]:
    """Import modules in a process of their own; why some of them can't be."""
    forbid_telemetry()
    command = [sys.executable, "-c", IMPORTS, *modules]
    done = subprocess.run(command, capture_output=True, text=True, timeout=IMPORT_PATIENCE, stdin=subprocess.DEVNULL)
    outcomes = dict(_outcome(text) for text in done.stdout.splitlines() if text.startswith("["))
    failures = {module: failure for module, failure in outcomes.items() if failure is not None}
    untried = [module for module in modules if module not in outcomes]
    if untried:
        failures[untried[0]] = f"it ends the process with status {done.returncode}"
    return failures


def _outcome(text: str) -> tuple[str, str | None]:
    name, failure = json.loads(text)
    return name, failure if failure is None else " ".join(failure.split())


def check_network() -> Iterator[Finding]:
    """Whether ONNX Runtime loads the bundled network and embeds made-up samples with it."""
    import numpy as np

    from inference.encoder import SpeakerEncoder
    from models.checkpoint import CheckpointError
    from models.onnx_file import BUNDLED

    time = np.arange(SECONDS * RATE) / RATE
    buzz = sum(np.sin(2 * np.pi * PITCH * harmonic * time) / harmonic for harmonic in range(1, 30))
    syllables = np.clip(np.sin(2 * np.pi * 3 * time), 0, 1)
    try:
        encoder = SpeakerEncoder()
        embedding = encoder.embed_utterances([(5000 * buzz * syllables).astype(np.int16)])[0]
    except CheckpointError as error:
        yield Finding("network", FAULT, str(error), _restored(BUNDLED))
        return
    message = f"the bundled one embeds made-up samples: {len(embedding)} values, fingerprint {encoder.fingerprint[:12]}"
    yield Finding("network", OK, message)


def _restored(path: Path) -> str | None:
    """The line that puts a file of ours back; there is none where nobody knows what it was copied from."""
    if not IN_REPOSITORY:
        return pip_install("--force-reinstall", "--no-deps", _origin())
    return line("git", "-C", ROOT, "checkout", "--", path.relative_to(ROOT)) if (ROOT / ".git").exists() else None


def _origin() -> str:
    """Where the installation came from, as pip noted it; else its name in the index."""
    try:
        noted = json.loads(importlib.metadata.distribution(NAME).read_text("direct_url.json") or "{}")
        return str(noted.get("url") or NAME)
    except (importlib.metadata.PackageNotFoundError, ValueError, AttributeError):
        return NAME
