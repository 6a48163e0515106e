"""The example for Docker Compose: its shape, that its files fit together, and its very commands without containers."""

import contextlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from command_line import PATIENCE, ROOT, environment
from conftest import copy_voices
from packaging.requirements import Requirement
from test_package import Installation, build, wheel_in

import cli
import train_cli

FOLDER = ROOT / "deploy"
COMPOSE, DOCKERFILE = FOLDER / "compose.yaml", FOLDER / "Dockerfile"
TEXT = COMPOSE.read_text(encoding="utf-8")
VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}|\$\$")
SETTINGS = {
    "CORPUS": "/mnt/corpus",
    "CACHE": "/mnt/cache",
    "RUNS": "/mnt/runs",
    "INPUT_FLAGS": "--test_speakers p362,p363",
    "TRAIN_FLAGS": "--max_steps 2 --batch_size 30",
}
POSIX = pytest.mark.skipif(os.name == "nt", reason="what runs in the containers is sh")
# What is used of https://github.com/compose-spec/compose-spec/blob/main/spec.md: a pattern for a text, a list of one
# pattern for a list of such texts, a table for a mapping, in which `*` is for any name.
DURATION = r"(\d+(us|ms|s|m|h))+"
MOUNTS = [r"[./\w]+:/\w+(:ro)?"]
SERVICE = {
    "image": r"[a-z0-9._/-]+(:[\w.-]+)?",
    "build": {"context": r"\S+", "dockerfile": r"\S+"},
    "init": bool,
    "cap_drop": [r"[A-Z_]+"],
    "security_opt": [r"no-new-privileges:true"],
    "volumes": MOUNTS,
    "command": [r"[\s\S]+"],
    "restart": r"no|always|unless-stopped|on-failure(:\d+)?",
    "ports": [r"[\d.]+:\d+:\d+"],
    "healthcheck": {"test": [r".+"], "interval": DURATION, "timeout": DURATION, "retries": int},
    "deploy": {"replicas": int},
    "depends_on": {"*": {"condition": r"service_(started|healthy|completed_successfully)"}},
    "environment": {"*": r".*"},
    "stop_grace_period": DURATION,
}
SPECIFICATION = {
    "name": r"[a-z0-9][a-z0-9_-]*",
    "x-tool": SERVICE,
    "services": {"*": SERVICE},
    "volumes": {"*": type(None)},
}
RECORDS = '#!/bin/sh\nprintf "%s\\0" "$(basename "$0")" "$@" >> "{log}"\nprintf "\\0" >> "{log}"\n'
DASK = "#!{python}\nfrom dask.__main__ import main\nif __name__ == '__main__':\n    main()\n"


def filled(text: str, **variables: str) -> str:
    """Put variables, or their defaults, in their places, as Compose does."""
    return VARIABLE.sub(lambda match: variables.get(match[1]) or match[2] if match[1] else "$", text)


def compose(**variables: str) -> dict:
    return yaml.safe_load(filled(TEXT, **variables))


SERVICES = compose()["services"]


def misfits(value: object, shape: object, place: str = "") -> list[str]:
    """The places at which a value is not of a shape of the specification."""
    if isinstance(shape, dict) and isinstance(value, dict):
        known = {name: shape.get(name, shape.get("*")) for name in value}
        return [
            wrong
            for name, inner in value.items()
            for wrong in (misfits(inner, known[name], f"{place}/{name}") if known[name] else [f"{place}/{name}"])
        ]
    if isinstance(shape, list) and isinstance(value, list):
        return [wrong for number, item in enumerate(value) for wrong in misfits(item, shape[0], f"{place}/{number}")]
    if isinstance(shape, str):
        return [] if isinstance(value, str) and re.fullmatch(shape, value) else [place]
    return [] if isinstance(shape, type) and type(value) is shape else [place]


def mounts(service: str, **variables: str) -> dict[str, tuple[str, bool]]:
    """What is mounted, and whether to be read only, by the container's path."""
    parts = [mount.split(":") for mount in compose(**variables)["services"][service]["volumes"]]
    return {target: (source, mode == ["ro"]) for source, target, *mode in parts}


def has_compose() -> bool:
    command = shutil.which("docker")
    return command is not None and subprocess.run([command, "compose", "version"], capture_output=True).returncode == 0


@pytest.mark.skipif(not has_compose(), reason="no Docker Compose, so its own check is left to where there is one")
@pytest.mark.parametrize("variables", [{}, SETTINGS])
def test_docker_compose_takes_the_file(variables):
    unset = {name: value for name, value in environment().items() if name not in SETTINGS}
    command = ["docker", "compose", "-f", str(COMPOSE), "config", "--quiet"]
    done = subprocess.run(command, env={**unset, **variables}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("variables", [{}, SETTINGS])
def test_the_file_has_the_shape_of_the_specification(variables):
    assert misfits(compose(**variables), SPECIFICATION) == []


@pytest.mark.parametrize(
    ("place", "value"),
    [("restart", "on_failure"), ("comand", ["x"]), ("ports", ["8786"]), ("init", "true"), ("volumes", ["cache"])],
)
def test_what_is_no_such_shape_is_found(place, value):
    assert misfits({"services": {"worker": {place: value}}}, SPECIFICATION)[0].startswith(f"/services/worker/{place}")


def test_one_service_builds_the_image_that_all_of_them_run():
    assert {service["image"] for service in SERVICES.values()} == {"deep-speaker:local"}
    (build_of,) = [service["build"] for service in SERVICES.values() if "build" in service]
    context = (FOLDER / build_of["context"]).resolve()
    assert context == ROOT
    assert context / build_of["dockerfile"] == DOCKERFILE


def test_a_scheduler_two_workers_and_a_trainer():
    assert {name: service.get("deploy", {}).get("replicas", 1) for name, service in SERVICES.items()} == {
        "scheduler": 1,
        "worker": 2,
        "trainer": 1,
    }


@pytest.mark.parametrize("variables", [{}, SETTINGS])
def test_all_see_corpus_and_cache_by_the_same_paths(variables):
    every = {name: mounts(name, **variables) for name in SERVICES}
    assert len({each["/cache"] for each in every.values()} | {each["/corpus"] for each in every.values()}) == 2
    assert every["worker"]["/corpus"] == (variables.get("CORPUS", "../samples/voices"), True)
    assert every["worker"]["/cache"] == (variables.get("CACHE", "cache"), False)
    assert every["trainer"]["/runs"] == (variables.get("RUNS", "runs"), False)


def test_what_is_mounted_without_variables_is_there():
    sources = {source for name in SERVICES for source, _ in mounts(name).values()}
    folders = {source for source in sources if "/" in source}
    assert all((FOLDER / folder).is_dir() for folder in folders)
    assert sources - folders == compose()["volumes"].keys()


def test_who_waits_waits_for_a_service_that_can_be_what_is_awaited():
    for service in SERVICES.values():
        for name, awaited in service.get("depends_on", {}).items():
            assert awaited["condition"] != "service_healthy" or "healthcheck" in SERVICES[name]


def test_nothing_is_published_beyond_this_machine_and_no_port_of_dask_s_own():
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:8787:8787"]


def ignored(path: Path) -> bool:
    """Whether a file of the repository is kept out of what the image is built of."""
    for pattern in (line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] not in ("", "#")):
        everywhere, name = pattern.startswith("**/"), pattern.removeprefix("**/")
        assert "/" not in name and not name.startswith("!"), "more than this test understands"
        if any(fnmatch(part, name) for part in (path.parts if everywhere else path.parts[:1])):
            return True
    return False


def kept_out(folder: str, names: list[str]) -> list[str]:
    """Those of a folder's names that are ignored, for `shutil.copytree`."""
    return [name for name in names if ignored(Path(folder).relative_to(ROOT) / name)]


def instructions() -> list[list[str]]:
    """The Dockerfile's lines as words."""
    lines = DOCKERFILE.read_text(encoding="utf-8").splitlines()
    return [shlex.split(line) for line in lines if line and not line.startswith("#")]


def test_what_the_dockerfile_copies_is_there_and_gets_in():
    copied = [words[1:-1] for words in instructions() if words[0] == "COPY" and not words[1].startswith("--")]
    assert copied
    for name in (name for names in copied for name in names):
        assert (ROOT / name).exists()
        assert not ignored(Path(name))


def test_the_image_installs_extras_that_exist_by_the_lock_file_and_does_not_run_as_root():
    (asked,) = [
        words[-1] for words in instructions() if words[:3] == ["RUN", "pip", "install"] and "." in words[-1][:1]
    ]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert Requirement(asked.replace(".", "it")).extras == project["optional-dependencies"].keys()
    assert all("constraints.txt" in words for words in instructions() if words[:3] == ["RUN", "pip", "install"])
    (user,) = [words[1] for words in instructions() if words[0] == "USER"]
    assert user != "root"
    assert any("useradd" in words and user in words for words in instructions())


@pytest.mark.parametrize("name", [".venv", ".git", ".pretrained/cache", "samples/voices", "tests", "audio/__pycache__"])
def test_environments_caches_and_voices_stay_outside(name):
    assert ignored(Path(name))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, made of nothing but what gets into the image's build."""
    folder = tmp_path_factory.mktemp("image")
    context = folder / "context"
    shutil.copytree(ROOT, context, ignore=kept_out)
    build(context, folder, "wheel")
    return wheel_in(folder)


@pytest.mark.long
def test_what_gets_in_makes_the_same_wheel_as_the_repository(wheel, tmp_path):
    build(ROOT, tmp_path, "wheel")
    assert wheel.read_bytes() == wheel_in(tmp_path).read_bytes()


def commands_of(script: list[str], folder: Path) -> list[list[str]]:
    """What a service's command runs, as words, each of which succeeds."""
    log = folder / "log"
    for name in ("deep-speaker", "deep-speaker-train"):
        executable(folder / name, RECORDS.format(log=log))
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(script, env=environment(PATH=path), check=True, capture_output=True)
    return [command.split("\0") for command in log.read_text().removesuffix("\0\0").split("\0\0")]


def executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def check(command: list[str]) -> None:
    """End the test where a command has a flag that does not exist, or that contradicts another."""
    name, *words = command
    module = {"deep-speaker": cli, "deep-speaker-train": train_cli}[name]
    parser = module.build_parser()
    args = parser.parse_args(words)
    if module is cli:
        (action,) = [action for action in cli.ACTIONS if getattr(args, action) not in (None, False)]
        cli.check_flags(parser, args, action)


@POSIX
@pytest.mark.parametrize("variables", [{}, SETTINGS])
def test_the_trainer_s_commands_are_of_flags_that_exist(variables, tmp_path):
    script = compose(**variables)["services"]["trainer"]["command"]
    commands = commands_of(script, tmp_path)
    for command in commands:
        check(command)
    assert [command[0] for command in commands] == ["deep-speaker"] * 2 + ["deep-speaker-train"] * 3
    assert sum("--max_steps" in command for command in commands) == (3 if variables else 0)
    assert sum("--test_speakers" in command for command in commands) == (1 if variables else 0)


def test_the_readme_s_second_trainer_is_started_by_flags_that_exist():
    lines = re.findall(r"trainer (deep-speaker-train .*)", (FOLDER / "README.md").read_text(encoding="utf-8"))
    assert len(lines) == 2
    for line in lines:
        check(shlex.split(line))


@POSIX
def test_a_trainer_that_is_stopped_begins_nothing_else(tmp_path):
    """As tini does for Docker, the signal goes to the whole process group; the command then saves, and ends well."""
    executable(
        tmp_path / "deep-speaker", "#!/bin/sh\ntrap 'exit 0' TERM\ntouch begun-$$\nwhile :; do sleep 0.05; done\n"
    )
    variables = environment(PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    script = SERVICES["trainer"]["command"]
    process = subprocess.Popen(script, cwd=tmp_path, env=variables, stderr=subprocess.DEVNULL, start_new_session=True)
    wait_for(lambda: list(tmp_path.glob("begun-*")))
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(timeout=PATIENCE) == 130
    assert len(list(tmp_path.glob("begun-*"))) == 1


def wait_for(condition) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def free_ports(count: int) -> list[str]:
    """Ports of this machine, as text, at which nobody listens."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [str(each.getsockname()[1]) for each in sockets]


@pytest.fixture
def services(wheel, tmp_path):
    """Runs the services' commands with the wheel installed, on loopback, with folders in the place of the volumes."""
    first, second = free_ports(2)
    places = {"scheduler:8786": f"127.0.0.1:{first}", r"\b8786\b": first, r"\b8787\b": second}
    places |= {rf"(?<=\s)/{name}\b": str(tmp_path / name) for name in ("corpus", "cache", "runs")}
    installed = Installation(tmp_path, wheel)
    executable(installed.scripts / "dask", DASK.format(python=installed.python))
    started = []

    def start(words: list[str], **how) -> subprocess.Popen:
        for place, here in places.items():
            words = [re.sub(place, here, word) for word in words]
        path = f"{installed.scripts}{os.pathsep}{os.environ['PATH']}"
        variables = environment(PATH=path, PYTHONPATH="", HOME=str(tmp_path))
        process = subprocess.Popen(words, cwd=installed.folder, env=variables, **how)
        started.append(process)
        return process

    yield start
    for process in reversed(started):
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        process.kill()


@POSIX
@pytest.mark.long
def test_the_services_commands_fill_the_cache_and_train_three_stages(services, tmp_path):
    copy_voices(tmp_path / "corpus", ("p225", "p226", "p362", "p363"), 6)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    described = compose(**SETTINGS)["services"]
    services([*described["scheduler"]["command"], "--host", "127.0.0.1"], **quiet)
    kind, *probe = described["scheduler"]["healthcheck"]["test"]
    assert kind == "CMD"
    wait_for(lambda: services(probe, **quiet).wait() == 0)
    for _ in range(described["worker"]["deploy"]["replicas"]):
        services(described["worker"]["command"], **quiet)
    trainer = services(described["trainer"]["command"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = trainer.communicate(timeout=2 * PATIENCE)
    assert trainer.returncode == 0, err
    assert "24 utterances added, 0 unchanged, 0 skipped" in out
    assert "2 speakers, 10 train and 2 test utterances; 2 speakers held out" in out
    first, second = re.findall(r"working on [12] workers? of (tcp://[\d.]+:\d+)", err)  # the cache, and the inputs
    assert {path.name for path in (tmp_path / "runs").iterdir()} >= {"softmax", "triplet", "softmax_frozen"}
    page = (
        "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8787/info/main/workers.html').read().decode())"
    )
    shown, _ = services(["python", "-c", page], stdout=subprocess.PIPE, text=True).communicate(timeout=PATIENCE)
    assert first == second
    assert len(set(re.findall(r"tcp://[\d.]+:\d+", shown)) - {first}) == 2  # workers
