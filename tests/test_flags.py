"""Mistyped flags, absurd values, versions, completion: what both parsers do before a command begins."""

import argparse
import subprocess

import pytest
from command_line import fail, run, succeed
from conftest import VOICES

import cli
import train_cli
from commands import flags
from commands.parser import Parser
from deep_speaker import __version__

A = VOICES / "p225" / "p225_001.flac"


@pytest.mark.parametrize(
    ("program", "flag", "meant"),
    [
        ("cli.py", "--verfy", "--verify"),
        ("cli.py", "--update-cache", "--update_cache"),
        ("train_cli.py", "--max-epochs", "--max_epochs"),
        ("train_cli.py", "--learning_rat=3", "--learning_rate"),
    ],
)
def test_a_mistyped_flag_is_named_with_the_nearest_one(program, flag, meant):
    line = fail(2, program, flag, "a", "b")
    assert line.endswith(f"unrecognized {flag.split('=')[0]}; did you mean {meant}?")


def test_where_no_flag_is_near_none_is_suggested():
    assert fail(2, "cli.py", "--xyzzy").endswith("unrecognized --xyzzy; --help lists the flags")


def test_a_shortened_flag_is_not_guessed():
    assert "unrecognized --verif; did you mean --verify?" in fail(2, "cli.py", "--verif", A, A)


def test_usage_is_one_line():
    done = run("cli.py")
    usage, error = done.stderr.splitlines()
    assert usage.startswith("usage: cli.py ACTION [FLAG ...]")
    assert "one of the arguments --verify" in error


def test_a_name_that_looks_like_a_flag_stands_behind_two_hyphens(capsys):
    parser = Parser("", "ACTION")
    parser.add_argument("name", nargs="*")
    assert parser.parse_args(["--", "--verfy"]).name == ["--verfy"]


@pytest.mark.parametrize("program", ["cli.py", "train_cli.py"])
def test_version_is_printed(program):
    assert succeed(program, "--version").stdout == f"deep-speaker {__version__}\n"


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("cli.py", ("--verify", A, A, "--prior", "5e-324")),
        ("cli.py", ("--verify", A, A, "--max_false_accept", "0")),
        ("cli.py", ("--update_cache", "--num_workers", "99999999")),
        ("cli.py", ("--generate_training_inputs", "--num_cepstra", "1000000")),
        ("cli.py", ("--generate_training_inputs", "--disturbed_copies", "-1")),
        ("train_cli.py", ("--loss_on_softmax", "--learning_rate", "50")),
        ("train_cli.py", ("--loss_on_softmax", "--learning_rate", "0")),
        ("train_cli.py", ("--loss_on_softmax", "--batch_size", "10000000")),
        ("train_cli.py", ("--loss_on_softmax", "--max_epochs", "0")),
        ("train_cli.py", ("--loss_on_softmax", "--max_steps", "99999999999")),
        ("train_cli.py", ("--loss_on_embeddings", "--margin", "3")),
        ("train_cli.py", ("--loss_on_softmax", "--softmax_margin", "1")),
        ("train_cli.py", ("--loss_on_softmax", "--window_seconds", "nan")),
        ("train_cli.py", ("--loss_on_softmax", "--patience", "0")),
    ],
)
def test_absurd_values_are_refused(program, arguments):
    line = fail(2, program, *arguments)
    assert f"argument {arguments[-2]}: expected " in line
    assert line.endswith(f"Received {arguments[-1]!r}")


@pytest.mark.parametrize("module", [cli, train_cli])
def test_no_number_is_unbounded(module):
    for action in module.build_parser()._actions:
        assert action.type not in (int, float), action.dest
        if action.type is not None and isinstance(action.default, int | float) and not isinstance(action.default, bool):
            with pytest.raises(argparse.ArgumentTypeError):
                action.type("1e300")


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("9", 9)])
def test_whole_numbers_have_bounds_that_are_among_them(text, number):
    assert flags.whole(1, 9)(text) == number
    for outside in ("0", "10", "1.5", "", "x"):
        with pytest.raises(argparse.ArgumentTypeError, match="a whole number from 1 to 9"):
            flags.whole(1, 9)(outside)


def test_every_action_has_a_function_that_is_called():
    parser = cli.build_parser()
    (group,) = parser._mutually_exclusive_groups
    assert [action.dest for action in group._group_actions] == list(cli.ACTIONS)
    assert all(callable(function) for function in cli.ACTIONS.values())


def test_help_of_training_loads_no_tensorflow():
    script = "import sys, train_cli; train_cli.build_parser().format_help(); print('tensorflow' in sys.modules)"
    assert succeed("-c", script).stdout == "False\n"


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
