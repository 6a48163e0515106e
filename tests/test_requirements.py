"""What requirements.txt and pyproject.toml say of the same packages is the same."""

import re
import tomllib

from command_line import ROOT
from packaging.requirements import Requirement

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NOT_FOR_INFERENCE = {
    "tensorflow",
    "keras",
    "tensorboard",
    "pandas",
    "matplotlib",
    "scipy",
    "scikit-learn",
    "jinja2",
    "librosa",
    "onnx",
    "tf2onnx",
}


def named(requirements: list[str]) -> dict[str, str]:
    """Ranges and markers by the package's name, quotes and spaces aside."""
    plain = (re.sub(r"\s", "", line).replace('"', "'") for line in requirements)
    return {re.match(r"[\w-]+", line)[0]: line for line in plain}


def in_file(name: str) -> list[str]:
    lines = (line.split("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("-")]


def test_the_package_with_its_extra_asks_for_what_requirements_txt_does():
    assert named([*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["train"]]) == named(
        in_file("requirements.txt")
    )


def test_the_extra_for_clusters_asks_for_what_its_file_does():
    assert named(PROJECT["optional-dependencies"]["cluster"]) == named(in_file("requirements-cluster.txt"))


def test_the_plain_package_asks_for_nothing_that_only_training_uses():
    assert not NOT_FOR_INFERENCE & named(PROJECT["dependencies"]).keys()
    assert named(PROJECT["optional-dependencies"]["train"]).keys() == NOT_FOR_INFERENCE


def test_the_tests_ask_for_nothing_twice():
    assert not set(named(in_file("requirements.txt"))) & set(named(in_file("requirements-test.txt"))) - {"filelock"}


def test_the_lock_file_has_one_release_of_each_within_its_range_and_no_path():
    pinned = dict(line.split("==") for line in in_file("constraints.txt"))
    releases = {name.lower().replace("_", "-"): release for name, release in pinned.items()}
    for line in (line for name in ("", "-cluster", "-test") for line in in_file(f"requirements{name}.txt")):
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate():
            assert releases[requirement.name.lower().replace("_", "-")] in requirement.specifier
