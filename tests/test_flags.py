"""What every command line knows: its version, the flag that was meant, one line of usage, completion in shells."""

import subprocess

import pytest
from command_line import fail, run, succeed

from deep_speaker import __version__

PROGRAMS = ("cli.py", "train_cli.py")


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_version_is_printed(program):
    assert succeed(program, "--version").stdout == f"{program} {__version__}\n"


@pytest.mark.parametrize("words, meant", [
    (("cli.py", "--verfy", "a", "b"), "there is no --verfy; did you mean --verify?"),
    (("cli.py", "--verify", "a", "b", "--max_fals_accept=0.1"), "did you mean --max_false_accept?"),
    (("train_cli.py", "--loss_on_softmx"), "did you mean --loss_on_softmax?"),
    (("cli.py", "--bananas"), "there is no --bananas\n"),
])  # fmt: skip
def test_a_mistyped_flag_is_named_with_the_nearest(words, meant):
    said = fail(2, *words)
    assert meant in f"{said}\n"


def test_an_abbreviation_is_no_mistake():
    assert "a: does not exist" in fail(2, "cli.py", "--verif", "a", "b")


@pytest.mark.parametrize("words", [("cli.py",), ("cli.py", "--verify"), ("train_cli.py", "--batch_size", "0")])
def test_usage_takes_one_line(words):
    usage, mistake = run(*words).stderr.splitlines()
    assert usage.startswith(f"usage: {words[0]} --")
    assert mistake.startswith(f"{words[0]}: error: ")


@pytest.mark.parametrize("program, word, expected", [
    ("cli.py", "--enr", "--enroll"),
    ("train_cli.py", "--adap", "--adapt"),
])  # fmt: skip
def test_bash_completes_flags(tmp_path, program, word, expected):
    script = tmp_path / "completion"
    script.write_text(succeed(program, "--print_completion", "bash").stdout)
    name = program.replace(".", "_")
    asked = f'source {script}; COMP_WORDS=({program} {word}); COMP_CWORD=1; _shtab_{name}; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [expected]
