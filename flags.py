"""Flags of command lines: how they are read, explained, completed, and told from mistyped ones."""

import argparse
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from deep_speaker import __version__
from storage.errors import UserError
from storage.nearest_names import mistyped

Number = TypeVar("Number", int, float)


def new_parser(description: str, usage: str) -> argparse.ArgumentParser:
    """A parser with the flags that every command line has.

    Args:
        description: what the command is for.
        usage: what follows the command's name, in a few words: every flag in it would take nine lines of each error.
    """
    parser = argparse.ArgumentParser(usage=f"%(prog)s {usage}", description=description, formatter_class=HelpFormatter)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("--print_completion", choices=("bash", "zsh", "tcsh"), action=_PrintCompletion, help="print "
                        "what makes the shell complete these flags, and end")  # fmt: skip
    return parser


class _PrintCompletion(argparse.Action):
    def __call__(
        self, parser: argparse.ArgumentParser, _namespace: object, shell: object, _flag: object = None
    ) -> None:
        import shtab

        for action in parser._actions:  # argparse has no other way to them
            if action.type in (path, filled):
                action.complete = shtab.FILE  # type: ignore[attr-defined]  # the attribute is how shtab is told
        print(shtab.complete(parser, str(shell)), end="")
        parser.exit()


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows each flag's default, also where it depends on other things and the help text says so itself."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        if "default" in text or action.required or action.default is argparse.SUPPRESS:
            return text
        if action.default is False:
            return f"{text} (default: off)"
        return f"{text} (default: none)" if action.default is None else super()._get_help_string(action) or text


def path(text: str) -> Path:
    """A path, `~` expanded also where the shell does not, for argparse; an empty text would be the working folder."""
    if not text:
        raise argparse.ArgumentTypeError("expected a path. Received an empty text (is a variable of the shell unset?)")
    try:
        return expanded(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def positive_int(text: str) -> int:
    """A whole number of at least 1, for argparse."""
    return _number(int, text, lambda number: number >= 1, "a whole number of at least 1")


def natural_int(text: str) -> int:
    """A whole number of at least 0, for argparse."""
    return _number(int, text, lambda number: number >= 0, "a whole number of at least 0")


def seed(text: str) -> int:
    """A whole number from 0 to 2^31 - 1, for argparse."""
    return _number(int, text, lambda number: 0 <= number < 1 << 31, "a whole number from 0 to 2147483647")


def filled(text: str) -> str:
    """A text that says something, for argparse: an empty one for a file would mean the working folder."""
    if not text:
        raise argparse.ArgumentTypeError("expected a name. Received an empty text (is a variable of the shell unset?)")
    return text


def names(text: str) -> str:
    """Names between commas, at least one, for argparse: a variable that is not set must not mean a default."""
    if not text.replace(",", "").strip():
        raise argparse.ArgumentTypeError(f"expected names between commas. Received {text!r}")
    return text


def speaker_from(text: str) -> int | re.Pattern:
    """The number of a folder, or a regular expression with a group `speaker`, for argparse."""
    with suppress(ValueError):
        if (number := int(text)) != 0:
            return number
    with suppress(re.error):
        if "speaker" in (pattern := re.compile(text)).groupindex:
            return pattern
    raise argparse.ArgumentTypeError(
        f"expected a folder's number, 1 for the first and -1 for the last, or a regular expression with a group "
        f"(?P<speaker>...). Received {text!r}"
    )


def positive_float(text: str) -> float:
    """A number above 0, for argparse."""
    return _number(float, text, lambda number: 0 < number < float("inf"), "a number above 0")


def open_share(text: str) -> float:
    """A number between 0 and 1, for argparse."""
    return _number(float, text, lambda number: 0 < number < 1, "a number between 0 and 1")


def share(text: str) -> float:
    """A number from 0 up to 1, for argparse."""
    return _number(float, text, lambda number: 0 <= number < 1, "a number from 0 up to 1")


def channel(text: str) -> int | str:
    """A channel counted from 1, or "mix", for argparse."""
    return text if text == "mix" else _number(int, text, lambda number: number > 0, "1, 2, ... or mix")


def check_names(parser: argparse.ArgumentParser, words: list[str]) -> None:
    """End with status 2 where a flag is mistyped, and name the nearest; argparse would complain of what it lacks."""
    known = [flag.lstrip("-") for action in parser._actions for flag in action.option_strings]
    for word in words:
        if word == "--":
            return
        flag = word.removeprefix("--").partition("=")[0]
        if word.startswith("--") and not any(name.startswith(flag) for name in known):
            meant = mistyped(flag, known)
            parser.error(f"there is no --{flag}" + (f"; did you mean --{meant}?" if meant else ""))


def expanded(text: str) -> Path:
    """A path with the home folder in the place of `~`.

    Raises:
        UserError: there is no such user.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UserError(f"expected a path. Received {text!r}, and there is no such user's home folder") from error


def _number(convert: Callable[[str], Number], text: str, holds: Callable[[Number], bool], expected: str) -> Number:
    with suppress(ValueError):
        if holds(number := convert(text)):
            return number
    raise argparse.ArgumentTypeError(f"expected {expected}. Received {text!r}")
