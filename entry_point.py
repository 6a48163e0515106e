"""What the two entry points share: default folders, parsing, logging, standard streams, exit statuses."""

import argparse
import io
import logging
import os
import re
import sys
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from contextlib import redirect_stdout, suppress
from pathlib import Path

from storage.errors import UserError
from storage.interrupt import INTERRUPTED, interrupts

ENVIRONMENT_FAILED, USERS_MISTAKE = 1, 2  # exit statuses
READER_GONE = 141  # 128 and the number of SIGPIPE, which Windows does not have
SAMPLES = Path(__file__).resolve().parent / "samples" / "voices"

logger = logging.getLogger(__name__)


def data_folder() -> Path:
    """`$DS_DIR`, else ~/deep-speaker-data."""
    return _expanded(os.environ.get("DS_DIR") or "~/deep-speaker-data")


def default_cache_dir() -> Path:
    """`$CACHE_DIR`, else the data folder's `cache`."""
    named = os.environ.get("CACHE_DIR")
    return _expanded(named) if named else data_folder() / "cache"


def default_profiles() -> Path:
    """The store of enrolled speakers in the folder that the system keeps for a user's data."""
    from platformdirs import user_data_path

    return user_data_path("deep-speaker", appauthor=False) / "profiles.npz"


def run_dir_of(cache_dir: Path) -> Path:
    """Where the networks trained on a cache are kept unless told otherwise."""
    return cache_dir / "runs"


def choose_audio_dir(named: Path | None) -> Path:
    """The corpus named on the command line or by `$AUDIO_DIR`, else the data folder's VCTK, else the samples."""
    if named is not None or os.environ.get("AUDIO_DIR"):
        return named or _expanded(os.environ["AUDIO_DIR"])
    vctk = data_folder() / "VCTK-Corpus"
    if vctk.is_dir():
        return vctk
    logger.warning("no corpus at %s and none named with --audio_dir: using the synthetic voices in %s", vctk, SAMPLES)
    return SAMPLES


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows each flag's default, also where it depends on other things and the help text says so itself."""

    def _get_help_string(self, action: argparse.Action) -> str:
        if "default" in action.help or action.required or action.default is argparse.SUPPRESS:
            return action.help
        if action.default is False:
            return f"{action.help} (default: off)"
        return f"{action.help} (default: none)" if action.default is None else super()._get_help_string(action)


def path(text: str) -> Path:
    """A path, `~` expanded also where the shell does not, for argparse; an empty text would be the working folder."""
    if not text:
        raise argparse.ArgumentTypeError("expected a path. Received an empty text (is a variable of the shell unset?)")
    try:
        return _expanded(text)
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


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the command line, before which the standard streams that are closed are replaced.

    Raises:
        SystemExit: the command line is mistaken, or help was asked for: with status 1 where that can't be printed, of
            which argparse says nothing.
    """
    open_closed_streams()
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            return parser.parse_args()
    except SystemExit as end:
        if end.code:
            raise
        raise SystemExit(run(lambda: print(printed.getvalue(), end=""), "nothing was changed")) from None


def open_closed_streams() -> None:
    """Put /dev/null in the place of standard streams that are closed, as by `2>&-`.

    Else the next file that is opened would be standard output or error, also to child processes, and get their text.
    What is written to a closed standard error is nobody's; to print to a closed standard output is an `OSError`, as it
    is on a full disk.
    """
    for descriptor, flags in enumerate((os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, flags), True)  # the lowest number that is free: this one
    if sys.stdout is None:
        sys.stdout = _ClosedOutput()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (open to the end)


class _ClosedOutput(io.TextIOBase):
    def write(self, _text: str) -> int:
        raise OSError("the results can't be printed, as standard output is closed")


def run(command: Callable[[], int | None], after_interruption: str) -> int:
    """Run a command and return its exit status, 0 unless it returns another; what goes wrong is one line on stderr.

    Args:
        after_interruption: how to go on after Ctrl-C.
    """
    open_closed_streams()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # a file's name may be no text at all
    with interrupts() as noted:
        try:
            status = command() or 0
            sys.stdout.flush()
            return status
        except BaseException as error:
            if noted.pressed or isinstance(error, KeyboardInterrupt):
                new_line = "\n" if sys.stderr.isatty() else ""  # below a progress bar
                return _fail(INTERRUPTED, f"{new_line}interrupted; {after_interruption}")
            return _failed(error)


def _failed(error: BaseException) -> int:
    """The exit status after an error, which is said; what nobody foresaw is raised again.

    Raises:
        BaseException: `error`.
    """
    if isinstance(error, UserError):
        return _fail(USERS_MISTAKE, f"error: {error}")
    if isinstance(error, BrokenPipeError):  # the reader of our results has gone, as `head` does
        _forget_stdout()
        return READER_GONE
    if isinstance(error, BrokenProcessPool):
        return _fail(ENVIRONMENT_FAILED, "error: a worker process was killed (out of memory?); run the command again")
    if isinstance(error, (OSError, MemoryError, ImportError)):
        _forget_stdout()
        return _fail(ENVIRONMENT_FAILED, f"error: {error or type(error).__name__}")
    raise error


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UserError(f"expected a path. Received {text!r}, and there is no such user's home folder") from error


def _number(convert: Callable, text: str, holds: Callable, expected: str):
    with suppress(ValueError):
        if holds(number := convert(text)):
            return number
    raise argparse.ArgumentTypeError(f"expected {expected}. Received {text!r}")


def _forget_stdout() -> None:
    """Let what is still to be written vanish, or the interpreter tries again at its exit and complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _fail(status: int, reason: str) -> int:
    with suppress(OSError):  # nobody can be told, but the status is right
        print(reason, file=sys.stderr)
    return status
