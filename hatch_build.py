"""Builds the package: the repository's folders, moved below `deep_speaker/`, so that an installation adds one name.

The repository keeps its folders at the top, where `python cli.py` finds them as `audio`, `models`, `training`. Names as
common as these would collide with other people's in site-packages. So the wheel holds copies of them as
`deep_speaker.audio` and so on, in which every import of a name of ours is given its new place. Imports are found by
Python's own parser; texts and comments stay as they are.
"""

import ast
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "deep_speaker"
FOLDERS = (
    *("audio", "batcher", "cache", "commands", "corpus", "evaluation", "inference", "models", "storage", "training"),
    "triplet_loss",
)
MODULES = ("cli.py", "entry_point.py", "flags.py", "train_cli.py")
DATA = ("models/pretrained/network.onnx", "models/pretrained/checkpoint.npz", "models/pretrained/model_card.md")
OURS = {*FOLDERS, *(name.removesuffix(".py") for name in MODULES)}


class PackageBuildHook(BuildHookInterface):
    """Hatchling calls it for each wheel (https://hatch.pypa.io/latest/plugins/build-hook/reference/)."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the package to a folder of its own, and tell hatchling to put it into the wheel.

        Raises:
            ValueError: an editable installation, or an import that has no place in the package.
        """
        if version == "editable":
            raise ValueError("an editable installation has nothing to add: in the repository, run python cli.py")
        self.folder = Path(tempfile.mkdtemp(prefix="deep-speaker-wheel-"))
        write_package(Path(self.root), self.folder / PACKAGE)
        build_data["force_include"][str(self.folder / PACKAGE)] = PACKAGE

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Delete that folder again."""
        shutil.rmtree(self.folder, ignore_errors=True)


def write_package(root: Path, target: Path) -> None:
    """Write all modules with their imports rewritten, and the data they need."""
    folders = (PACKAGE, *FOLDERS)
    modules = [
        *(path for folder in folders for path in sorted((root / folder).rglob("*.py"))),
        *map(root.joinpath, MODULES),
    ]
    for module in modules:
        name = module.relative_to(root)
        place = target / (name.relative_to(PACKAGE) if name.parts[0] == PACKAGE else name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(rewritten(module.read_text(encoding="utf-8"), str(name)), encoding="utf-8", newline="\n")
    shutil.copyfile(root / PACKAGE / "py.typed", target / "py.typed")
    for data in DATA:
        (target / data).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / data, target / data)


def rewritten(source: str, name: str) -> str:
    """The source of a module whose imports of our folders and modules start with the package.

    Raises:
        ValueError: an import binds a folder's name, as `import audio.mfcc` does; `from audio import mfcc` is as good.
    """
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source, name)):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and _is_ours(node.module or ""):
            _replace(lines, node, f"from {node.module}", f"from {PACKAGE}.{node.module}")
        elif isinstance(node, ast.Import) and any(_is_ours(alias.name) for alias in node.names):
            (alias,) = node.names if len(node.names) == 1 else [None]
            if alias is None or ("." in alias.name and alias.asname is None):
                raise ValueError(f"{name}:{node.lineno}: import one module a line, as `from package import module`")
            _replace(lines, node, f"import {alias.name}", f"from {PACKAGE} import {alias.name}")
    return "".join(lines)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in OURS


def _replace(lines: list[str], node: ast.stmt, old: str, new: str) -> None:
    row, column = node.lineno - 1, len(lines[node.lineno - 1].encode()[: node.col_offset].decode())
    line = lines[row]
    if not line[column:].startswith(old):
        raise ValueError(f"line {node.lineno}: expected {old!r}. Found {line.strip()!r}")
    lines[row] = line[:column] + new + line[column + len(old) :]
