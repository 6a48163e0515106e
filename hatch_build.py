"""Build the wheel: the repository's folders, moved below `deep_speaker/`, so that an installation adds one name.

The repository keeps its folders at the top, where `python cli.py` finds them as `audio`, `models` or `training`. In
site-packages such common names would collide with other people's. So the wheel holds a copy of each module as
`deep_speaker.audio.decode` and so on, in which every import of a module of ours names its new place. Python's parser
finds the imports and their positions; strings and comments are never touched.

Hatchling calls `PackageBuildHook` when a wheel is built (https://hatch.pypa.io/latest/plugins/build-hook/reference/).
"""

import ast
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "deep_speaker"
NOT_PACKAGED = {"hatch_build.py", "ci.py", "train_triplet_softmax_model.py"}  # modules that stay in the repository
DATA = (
    *(f"models/pretrained/{name}" for name in ("network.onnx", "checkpoint.npz", "model_card.md")),
    *(f"evaluation/report/{name}" for name in ("page.html.jinja", "page.css", "page.js")),
)
EDITABLE = (
    "an editable installation of Deep Speaker has nothing to add: in the repository, run python cli.py, or put its "
    "root on PYTHONPATH to import deep_speaker; elsewhere, pip install without -e"
)


class RewriteError(ValueError):
    """An import that can't be given its place in the package; the message says how to write it instead."""


class PackageBuildHook(BuildHookInterface):
    """Adds the package to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the package to a temporary folder, and have hatchling include it.

        Raises:
            SystemExit: an editable installation was asked for.
            RewriteError: a module has an import that can't be rewritten.
        """
        if version == "editable":
            raise SystemExit(f"error: {EDITABLE}")
        self._folder = tempfile.TemporaryDirectory(prefix="deep-speaker-wheel-")  # deleted with this object
        package = Path(self._folder.name) / PACKAGE
        write_package(Path(self.root), package)
        build_data["force_include"][str(package)] = PACKAGE

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Delete the temporary folder."""
        self._folder.cleanup()


def write_package(root: Path, target: Path) -> None:
    """Write every module of the repository at `root`, with its imports rewritten, and the data they need to `target`.

    Raises:
        RewriteError: a module has an import that can't be rewritten.
    """
    modules = [path.relative_to(root) for path in first_party_modules(root)]
    ours = {path.parts[0].removesuffix(".py") for path in modules}
    for path in modules:
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        source = (root / path).read_text(encoding="utf-8")
        place.write_text(rewritten(source, ours, path.as_posix()), encoding="utf-8", newline="\n")
    for path in (root / PACKAGE).glob("*.py"):
        source = path.read_text(encoding="utf-8")
        (target / path.name).write_text(rewritten(source, ours, path.name), encoding="utf-8", newline="\n")
    shutil.copyfile(root / PACKAGE / "py.typed", target / "py.typed")
    for name in DATA:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, target / name)


def first_party_modules(root: Path) -> list[Path]:
    """The modules at the repository's top and those of its packages: folders with an `__init__.py`, at any depth."""
    folders = [path.parent for path in root.glob("*/__init__.py") if path.parent.name != PACKAGE]
    at_top = [path for path in root.glob("*.py") if path.name not in NOT_PACKAGED]
    return sorted([*at_top, *(path for folder in folders for path in folder.rglob("*.py"))])


def rewritten(source: str, ours: set[str], name: str) -> str:
    """Return a module's source whose imports of first-party modules name their place in the package.

    `from audio.mfcc import mfcc` becomes `from deep_speaker.audio.mfcc import mfcc`, `import audio.mfcc as m` becomes
    `import deep_speaker.audio.mfcc as m`, and `import cli` becomes `from deep_speaker import cli`, since it has to bind
    the same name.

    Args:
        source: the module's text.
        ours: names of first-party modules and packages at the top of the repository.
        name: the module's path, for messages.

    Raises:
        RewriteError: an import binds a package by a dotted name, or imports several modules at once.
    """
    lines = [line.encode() for line in re.split(r"(?<=\n)", source)]  # as `ast` counts lines, and in bytes, as it does
    for row, column, prefix in sorted(_insertions(source, ours, name), reverse=True):
        line = lines[row - 1]
        lines[row - 1] = line[:column] + prefix.encode() + line[column:]
    return b"".join(lines).decode()


def _insertions(source: str, ours: set[str], name: str) -> Iterator[tuple[int, int, str]]:
    """Yield what to insert, as line (counted from 1), byte in it, and text."""
    for node in ast.walk(ast.parse(source, name)):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and _top(node.module or "") in ours:
            yield node.lineno, _module_column(source, node, name), f"{PACKAGE}."
        elif isinstance(node, ast.Import) and any(_top(alias.name) in ours for alias in node.names):
            (alias, *others) = node.names
            if alias.asname is not None and not others:
                yield alias.lineno, alias.col_offset, f"{PACKAGE}."
            elif "." not in alias.name and not others:
                yield node.lineno, node.col_offset, f"from {PACKAGE} "
            else:
                raise RewriteError(f"{name}:{node.lineno}: import one module a line, as `from package import module`")


def _module_column(source: str, node: ast.ImportFrom, name: str) -> int:
    """Where the module's name begins in `from module import …`, whose position `ast` does not tell."""
    statement = ast.get_source_segment(source, node) or ""
    match = re.match(rf"from[ \t]+(?={re.escape(node.module or '')}\s)", statement)
    if match is None:
        raise RewriteError(f"{name}:{node.lineno}: expected `from {node.module} import …` on one line")
    return node.col_offset + match.end()


def _top(module: str) -> str:
    return module.partition(".")[0]
