"""The wheel: one name in site-packages, the network inside, and commands that work from any folder."""

import ast
import importlib.metadata
import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from command_line import PATIENCE, ROOT, environment
from conftest import SPEAKERS, VOICES, copy_voices

from deep_speaker import SpeakerEncoder, __version__
from hatch_build import RewriteError, first_party_modules, rewritten
from inference.encoder import SpeakerEncoder as Encoder

OURS = {"audio", "cli", "entry_point"}
HIDES_OPTIONAL = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
"""
HIDES_METADATA = """
import importlib.metadata as metadata
find = metadata.distribution
def hidden(name):
    if name.replace("scikit-learn", "sklearn") in {hidden!r}:
        raise metadata.PackageNotFoundError(name)
    return find(name)
metadata.distribution = hidden
"""
EXTRA = {
    *("keras", "matplotlib", "onnx", "pandas", "scipy", "sklearn", "tensorboard", "tensorflow", "tf2onnx"),
    *("jinja2", "librosa", "markupsafe"),
}
EVERY_MODULE = """
import pkgutil, deep_speaker
names = [module.name for module in pkgutil.walk_packages(deep_speaker.__path__, "deep_speaker.")]
for name in names: __import__(name)
print(len(names))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("built")
    build(ROOT, folder, "wheel", "sdist")
    return folder


def build(source: Path, folder: Path, *targets: str) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    for target in targets:
        subprocess.run([*command, "--target", target], cwd=source, check=True, capture_output=True, timeout=PATIENCE)


def wheel_in(folder: Path) -> Path:
    (wheel,) = folder.glob("*.whl")
    return wheel


class Installation:
    """A virtual environment with the wheel, outside the repository; our dependencies are those of the tests."""

    def __init__(self, folder: Path, wheel: Path):
        venv.create(folder / "venv", with_pip=False, symlinks=os.name != "nt")
        paths = {"base": str(folder / "venv"), "platbase": str(folder / "venv")}
        scheme = "venv" if "venv" in sysconfig.get_scheme_names() else sysconfig.get_default_scheme()
        self.scripts = Path(sysconfig.get_path("scripts", scheme, paths))
        self.packages = Path(sysconfig.get_path("purelib", scheme, paths))
        self.python = self.scripts / Path(sys.executable).name
        (self.packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
        self.folder = folder / "elsewhere"
        self.folder.mkdir()
        before = {path.name for path in self.packages.iterdir()}
        self.run(self.python, "-m", "pip", "install", "--no-deps", "--no-index", "--ignore-installed", wheel)
        self.added = {path.name for path in self.packages.iterdir()} - before

    def run(self, *command: str | Path, status: int = 0, **variables: str) -> subprocess.CompletedProcess:
        home = self.folder / "home"
        variables = {
            "HOME": str(home),
            "USERPROFILE": str(home),
            "PYTHONPATH": "",
            "PYTHONNOUSERSITE": "1",
            **variables,
        }
        done = subprocess.run(
            list(map(str, command)),
            cwd=self.folder,
            env=environment(**variables),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
        return done

    def __call__(self, *arguments: str | Path, **how) -> str:
        """Run `deep-speaker`; returns what it prints."""
        return self.run(self.scripts / "deep-speaker", *arguments, **how).stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory, built) -> Installation:
    return Installation(tmp_path_factory.mktemp("installed"), wheel_in(built))


@pytest.fixture(scope="module")
def without_extra(tmp_path_factory, installed) -> str:
    """A folder for PYTHONPATH, with which the packages of the extra `train` are missing, as after a plain install."""
    folder = tmp_path_factory.mktemp("plain")
    (folder / "sitecustomize.py").write_text((HIDES_OPTIONAL + HIDES_METADATA).format(hidden=EXTRA))
    return str(folder)


def test_the_wheel_holds_every_module_and_the_network_below_one_name(built):
    names = set(zipfile.ZipFile(wheel_in(built)).namelist())
    assert {name.partition("/")[0] for name in names} == {"deep_speaker", f"deep_speaker-{__version__}.dist-info"}
    modules = {f"deep_speaker/{path.relative_to(ROOT).as_posix()}" for path in first_party_modules(ROOT)}
    network = {f"deep_speaker/models/pretrained/{name}" for name in ("network.onnx", "checkpoint.npz")}
    page = {f"deep_speaker/evaluation/report/{name}" for name in ("page.html.jinja", "page.css", "page.js")}
    assert modules | network | page | {"deep_speaker/__init__.py", "deep_speaker/py.typed"} <= names
    assert "deep_speaker/batcher/sampling/windows.py" in names
    assert not [name for name in names if re.search(r"test|benchmark|hatch_build|/ci\.py", name)]


def test_two_builds_are_equal_and_the_source_distribution_makes_the_same_wheel(built, tmp_path):
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    build(tmp_path / source.name.removesuffix(".tar.gz"), tmp_path / "again", "wheel")
    assert wheel_in(tmp_path / "again").read_bytes() == wheel_in(built).read_bytes()


def test_nothing_but_one_name_is_installed(installed):
    assert installed.added == {"deep_speaker", f"deep_speaker-{__version__}.dist-info"}


def test_every_module_can_be_imported_outside_the_repository(installed):
    count = int(installed.run(installed.python, "-c", EVERY_MODULE).stdout.split()[-1])
    assert count >= len(first_party_modules(ROOT))


def test_no_name_of_the_repository_s_folders_is_importable(installed):
    names = {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in first_party_modules(ROOT)}
    code = f"import importlib.util as u; print([n for n in {sorted(names)} if u.find_spec(n)])"
    assert installed.run(installed.python, "-c", code).stdout.strip() == "[]"


def test_recordings_are_compared_enrolled_identified_and_embedded_without_the_extra(installed, without_extra):
    a, b, c = sorted((VOICES / "p225").iterdir())[:3]
    plain = {"PYTHONPATH": without_extra}
    assert installed("--verify", a, b, **plain).startswith("same speaker")
    installed("--enroll", "anna", a, b, **plain)
    assert "anna" in installed("--identify", c, **plain)
    installed("--embed", c, "--output", "embeddings.npz", **plain)
    assert (installed.folder / "embeddings.npz").stat().st_size > 0


def test_a_cache_is_made_and_read_without_the_extra(installed, without_extra):
    cache, plain = installed.folder / "plain-cache", {"PYTHONPATH": without_extra}
    installed("--update_cache", "--audio_dir", VOICES, "--cache_output_dir", cache, **plain)
    assert "SAN = " in installed("--unseen_speakers", "p225,p226", "--cache_output_dir", cache, **plain)


@pytest.mark.long
def test_without_the_extra_the_doctor_finds_no_fault_and_names_what_to_install(installed, without_extra, trained):
    said = json.loads(installed("--doctor", "--json", "--cache_output_dir", trained, PYTHONPATH=without_extra))
    warnings = [finding for finding in said["findings"] if finding["result"] == "warning"]
    assert said["result"] == "warning"
    (missing,) = [finding for finding in warnings if finding["check"] == "packages"]
    python, *install = shlex.split(missing["command"])
    assert (Path(python), install[:3]) == (installed.python, ["-m", "pip", "install"])
    names = {re.match(r"[\w-]+", text)[0].replace("scikit-learn", "sklearn") for text in install[3:]}
    assert {"keras", "pandas", "sklearn", "tensorflow"} <= names
    assert "finished" in installed("--list_runs", "--cache_output_dir", trained, PYTHONPATH=without_extra)


@pytest.mark.parametrize(
    "command", ["deep-speaker-train --adapt", "deep-speaker --export_model x.onnx", "deep-speaker --evaluate"]
)
def test_a_command_that_needs_the_extra_names_it(installed, without_extra, trained, command):
    name, *arguments = command.split()
    place = ("--data_filename", trained / "full_inputs.pkl") if "train" in name else ("--cache_output_dir", trained)
    plain = {"PYTHONPATH": without_extra}
    done = installed.run(installed.scripts / name, *arguments, *place, status=1, **plain)
    assert done.stderr.splitlines()[-1].endswith("with its extra: pip install '.[train]'")


@pytest.fixture(scope="module")
def trained(installed) -> Path:
    """A cache with inputs and two steps of training, all of it by the installed commands."""
    corpus = copy_voices(installed.folder / "corpus", SPEAKERS, 5)
    cache = installed.folder / "cache"
    here = ("--cache_output_dir", cache)
    installed("--update_cache", "--audio_dir", corpus, *here)
    installed("--generate_training_inputs", "--num_workers", "2", *here)
    inputs = ("--data_filename", cache / "full_inputs.pkl", "--max_steps", "2", "--batch_size", "8")
    installed.run(installed.scripts / "deep-speaker-train", "--loss_on_softmax", *inputs)
    return cache


@pytest.mark.long
def test_a_network_trained_by_the_installed_command_is_used_by_it(installed, trained):
    checkpoint = trained / "runs" / "softmax" / "last.npz"
    output = installed.folder / "trained.npz"
    installed("--embed", VOICES / "p225", "--checkpoint", checkpoint, "--output", output)
    assert output.stat().st_size > 0


def test_a_folder_of_samples_is_asked_for_where_there_are_none(installed):
    said = installed.run(
        installed.scripts / "deep-speaker", "--update_cache", "--cache_output_dir", "x", status=2
    ).stderr
    assert re.search(r"no corpus at .*--audio_dir", said)


def test_python_gets_the_encoder_and_the_version(installed):
    code = "import deep_speaker as d; print(d.__version__, d.SpeakerEncoder.__module__)"
    said = installed.run(installed.python, "-c", code).stdout.split()
    assert said == [__version__, "deep_speaker.inference.encoder"]


def test_the_repository_offers_the_same_names():
    assert SpeakerEncoder is Encoder


def test_the_version_stands_in_one_place(installed):
    (metadata,) = installed.packages.glob("*.dist-info")
    assert importlib.metadata.Distribution.at(metadata).version == __version__
    packaged = [*first_party_modules(ROOT), ROOT / "deep_speaker" / "__init__.py"]
    places = [*packaged, ROOT / "pyproject.toml", ROOT / "CITATION.cff"]
    stated = re.compile(r"^ *(?:__version__|VERSION|version) *[=:] *\"", re.MULTILINE)
    assert [path for path in places if stated.search(path.read_text())] == [ROOT / "deep_speaker" / "__init__.py"]


def test_an_editable_installation_is_refused_in_a_line(tmp_path):
    command = [sys.executable, "-m", "pip", "install", "--no-build-isolation", "--no-deps", "--target", str(tmp_path)]
    done = subprocess.run([*command, "-e", str(ROOT)], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1
    assert "error: an editable installation of Deep Speaker has nothing to add" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import cli", "from deep_speaker import cli"),
        ("import audio as a", "import deep_speaker.audio as a"),
        ("import audio.mfcc as m", "import deep_speaker.audio.mfcc as m"),
        ("from audio import mfcc", "from deep_speaker.audio import mfcc"),
        (
            "from  audio.mfcc import (\n    a,\n    b as c,\n)",
            "from  deep_speaker.audio.mfcc import (\n    a,\n    b as c,\n)",
        ),
        (
            "if x:\n    from audio import a; import cli",
            "if x:\n    from deep_speaker.audio import a; from deep_speaker import cli",
        ),
        ("ä = 'ß'; from audio import a", "ä = 'ß'; from deep_speaker.audio import a"),
        ("# from audio import a\nx = 'import cli'\n", "# from audio import a\nx = 'import cli'\n"),
        ("from audiobooks import a\nfrom . import audio", "from audiobooks import a\nfrom . import audio"),
        ("import os\nfrom deep_speaker import __version__", "import os\nfrom deep_speaker import __version__"),
    ],
)
def test_imports_get_their_place_and_nothing_else_changes(source, expected):
    assert rewritten(source, OURS, "module.py") == expected
    ast.parse(expected)


@pytest.mark.parametrize(
    "source", ["import audio.mfcc", "import os, cli", "import cli, os", "from \\\n audio import a"]
)
def test_an_import_that_has_no_place_is_refused(source):
    with pytest.raises(RewriteError, match=r"module\.py:1: "):
        rewritten(source, OURS, "module.py")
