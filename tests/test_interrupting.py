"""Ctrl-C at any time is one quiet end: status 130, at most one line, no traceback."""

import os
import signal
import subprocess
import sys
from multiprocessing import get_all_start_methods

import pytest
from command_line import PATIENCE, ROOT, environment, run

import entry_point
from storage.interrupt import (
    INTERRUPTED,
    WITHOUT_TIDYING,
    exit_quietly,
    interrupts,
    no_interruption_by_exception,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals to processes")

RECORDINGS = ("samples/PhilippeRemy/recording_1.wav", "samples/PhilippeRemy/recording_2.wav")
VERIFY = ("cli.py", "--verify", *RECORDINGS)
PROGRAMS = ("cli.py", "train_cli.py", "train_triplet_softmax_model.py")
# Runs a program that gets SIGINT so many seconds after it begins to load a module. (How long Python itself takes to
# start depends on the machine, and what it says if it is interrupted then is beyond the program.)
PRESSED = """
import os, runpy, signal, sys, threading
module, delay, program = sys.argv[1], float(sys.argv[2]), sys.argv[3]
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where pytest runs in the background
pressed = []

def press(event, about):
    if event == "import" and about[0] == module and not pressed:
        pressed.append(True)
        later = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
        later.daemon = True
        later.start() if delay else os.kill(os.getpid(), signal.SIGINT)

sys.addaudithook(press)
sys.argv = sys.argv[3:]
runpy.run_path(program, run_name="__main__")
"""
AS_INSTALLED = PRESSED.replace(
    'runpy.run_path(program, run_name="__main__")',
    "from deep_speaker.scripts import deep_speaker; sys.exit(deep_speaker())",
)
WORKERS = """
import multiprocessing, os, signal, sys, time
from storage.interrupt import interrupts
from storage.parallel import parallel_map

def work(item):
    os.write(1, b"up\\n")
    time.sleep(0.3)

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    with interrupts() as noted:
        try:
            os.write(1, b"starting\\n")
            list(parallel_map(work, range(64), 2, 1))
        except KeyboardInterrupt:
            sys.exit(noted.pressed)
"""
STUBBORN = """
import signal
from storage.interrupt import interrupts
signal.signal(signal.SIGINT, signal.default_int_handler)
with interrupts():
    while True:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            pass
"""


def press(module: str, delay: float, *command: object) -> subprocess.CompletedProcess:
    return run("-c", PRESSED, module, str(delay), *command)


def training(tmp_path, inputs) -> tuple:
    return ("train_cli.py", "--loss_on_softmax", "--data_filename", inputs, "--run_dir", tmp_path / "runs")


@pytest.mark.parametrize("module", ["argparse", "entry_point", "commands.parser"])
def test_while_an_installed_command_loads(module):
    done = run("-c", AS_INSTALLED, module, "0", "deep-speaker", "--help")
    assert (done.returncode, done.stdout, done.stderr) == (INTERRUPTED, "", "")


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("module", ["argparse", "entry_point", "logging", "multiprocessing.connection"])
def test_while_the_entry_point_loads(program, module):
    done = press(module, 0, program, "--help")
    assert (done.returncode, done.stdout, done.stderr) == (INTERRUPTED, "", "")


@pytest.mark.parametrize("module", ["numpy", "datetime", "numpy.linalg", "onnxruntime", "soundfile", "soxr"])
def test_while_the_modules_of_a_verification_load(module):
    done = press(module, 0, *VERIFY)
    assert (done.returncode, done.stdout) == (INTERRUPTED, "")
    assert done.stderr.splitlines()[-1:] == ["interrupted; nothing was changed"]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("delay", [0.01, 0.03, 0.1, 0.2, 0.3])
def test_a_moment_after_the_beginning(delay):
    done = press("argparse", delay, *VERIFY)
    assert done.returncode in (INTERRUPTED, 0)  # 0 if all was done by then
    assert set(done.stderr.splitlines()) <= {
        "interrupted; nothing was changed",
        "using the bundled network (triplet, step 6000)",
    }


@pytest.mark.parametrize(
    "module, delay", [("tensorflow", 0), ("keras", 0), ("tensorflow", 0.3), ("tensorflow", 1), ("tensorflow", 3)]
)
def test_while_tensorflow_loads(tmp_path, tiny_inputs_path, module, delay):
    done = press(module, delay, *training(tmp_path, tiny_inputs_path))
    assert (done.returncode, done.stdout) == (INTERRUPTED, "")
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 1


@pytest.mark.parametrize("method", get_all_start_methods())
@pytest.mark.parametrize("workers_up", [0, 1, 2])
def test_workers_that_start_or_work_say_nothing(tmp_path, method, workers_up):
    """A terminal sends Ctrl-C to the whole group of processes."""
    script = tmp_path / "endless.py"
    script.write_text(WORKERS)
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "start_new_session": True}
    variables = environment(PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1")
    with subprocess.Popen([sys.executable, script, method], env=variables, preexec_fn=_listen, **how) as process:
        assert process.stdout.readline() == b"starting\n"
        for _ in range(workers_up):
            assert process.stdout.readline() == b"up\n"
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said) == (1, b"")


def _listen() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def restored():
    earlier = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, earlier)


@pytest.mark.parametrize("others", [signal.SIG_IGN, lambda *_: None])
def test_what_is_ignored_or_handled_by_others_stays_so(restored, others):
    signal.signal(signal.SIGINT, others)
    exit_quietly()
    with interrupts() as noted, no_interruption_by_exception():
        assert signal.getsignal(signal.SIGINT) is others
        signal.raise_signal(signal.SIGINT)
    assert not noted.pressed


def test_presses_are_counted_and_the_handler_before_comes_back(restored):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with interrupts() as noted:
        for _ in range(WITHOUT_TIDYING - 1):
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
    assert noted.pressed == WITHOUT_TIDYING - 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_does_not_end_is_ended_by_a_further_press():
    done = run("-c", STUBBORN)
    assert (done.returncode, done.stderr) == (INTERRUPTED, "")


def test_a_library_is_loaded_before_its_user_is_interrupted(restored):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    loaded = False
    with pytest.raises(KeyboardInterrupt), no_interruption_by_exception():
        signal.raise_signal(signal.SIGINT)
        loaded = True
    assert loaded
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_exception_that_came_of_it_is_an_interruption(restored, capfd):
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def command() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("numpy is badly installed") from None

    assert entry_point.run(command, "nothing was changed") == INTERRUPTED
    assert capfd.readouterr().err == "interrupted; nothing was changed\n"
