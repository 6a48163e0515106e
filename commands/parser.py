"""The parser that both entry points have: usage in a line, the nearest flag to a mistyped one, version, completion."""

import argparse
import io
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any, NoReturn

import entry_point
from deep_speaker import __version__
from storage.nearest_names import mistyped

SHELLS = ("bash", "zsh", "tcsh")  # that shtab writes completions for


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows each flag's default, also where it depends on other things and the help text says so itself."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = action.help or ""
        if "default" in text or action.required or action.default is argparse.SUPPRESS:
            return text
        if action.default is False:
            return f"{text} (default: off)"
        return f"{text} (default: none)" if action.default is None else super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """A parser that takes flags by their whole names only: what is short for one flag today may be for two tomorrow.

    Args:
        description: of the program.
        choices: what stands first in the usage, such as `ACTION`.
    """

    def __init__(self, description: str | None, choices: str):
        usage = f"%(prog)s {choices} [FLAG ...]    (%(prog)s --help explains them)"
        super().__init__(description=description, usage=usage, formatter_class=HelpFormatter, allow_abbrev=False)
        self.add_argument("--version", action=_Version, nargs=0, default=argparse.SUPPRESS, help="print the version")
        self.add_argument("--print_completion", action=_Completion, choices=SHELLS, default=argparse.SUPPRESS,
                          help="print a script with which the shell completes flags")  # fmt: skip

    def parse_known_args(  # type: ignore[override]  # typeshed's overloads for other classes of namespaces
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As argparse's; but a mistyped flag is named before anything else is missed."""
        given = sys.argv[1:] if args is None else list(args)
        for text in given[: given.index("--")] if "--" in given else given:
            flag = text.split("=")[0]
            if _is_flag(flag) and " " not in text and flag not in self._option_string_actions:
                self._refuse(flag)
        return super().parse_known_args(given, namespace)

    def _refuse(self, flag: str) -> NoReturn:
        flags = (name for name in self._option_string_actions if name.startswith("--"))
        meant = mistyped(f"--{flag.lstrip('-')}", flags)
        self.error(f"unrecognized {flag}; " + (f"did you mean {meant}?" if meant else "--help lists the flags"))


def _is_flag(text: str) -> bool:
    """Whether a word is meant as a flag, also with one hyphen, but is neither a number nor standard input."""
    return text.startswith("--") or (text.startswith("-") and text[1:2].isalpha() and len(text) > 2)


class _Version(argparse.Action):
    """Prints the version; what knows it is loaded only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        print(f"deep-speaker {__version__}")
        parser.exit()


class _Completion(argparse.Action):
    """Prints the shell's completion script."""

    def __call__(self, parser: argparse.ArgumentParser, _namespace: Any, values: Any, _flag: Any = None) -> NoReturn:
        import shtab

        print(shtab.complete(parser, values))
        parser.exit()


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the command line, before which the standard streams that are closed are replaced.

    Raises:
        SystemExit: the command line is mistaken, or help was asked for: with status 1 where that can't be printed, of
            which argparse says nothing.
    """
    entry_point.open_closed_streams()
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            return parser.parse_args()
    except SystemExit as end:
        if end.code:
            raise
        status = entry_point.run(lambda: print(printed.getvalue(), end=""), "nothing was changed")
        raise SystemExit(status) from None
