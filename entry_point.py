"""What the two entry points share: default folders, logging, exit statuses."""

import argparse
import errno
import io
import logging
import os
import re
import signal
import sys
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path

from storage.errors import UserError

ENVIRONMENT_FAILED, USERS_MISTAKE, INTERRUPTED = 1, 2, 130  # exit statuses
SAMPLES = Path(__file__).resolve().parent / "samples" / "voices"

logger = logging.getLogger(__name__)


def data_folder() -> Path:
    """`$DS_DIR`, else ~/deep-speaker-data."""
    return Path(os.environ.get("DS_DIR") or "~/deep-speaker-data").expanduser()


def default_cache_dir() -> Path:
    """`$CACHE_DIR`, else the data folder's `cache`."""
    return Path(os.environ.get("CACHE_DIR") or data_folder() / "cache").expanduser()


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
        return named or Path(os.environ["AUDIO_DIR"]).expanduser()
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
    """A path, `~` expanded also where the shell does not, for argparse."""
    return Path(filled(text)).expanduser()


def filled(text: str) -> str:
    """A text that says something, for argparse: an empty path would mean the working folder."""
    if not text:
        raise argparse.ArgumentTypeError("expected a name. Received an empty text, as of a variable that is not set")
    return text


def positive_int(text: str) -> int:
    """A whole number of at least 1, for argparse."""
    return _number(int, text, lambda number: number >= 1, "a whole number of at least 1")


def seed(text: str) -> int:
    """A whole number from 0 to 2^31 - 1, for argparse."""
    return _number(int, text, lambda number: 0 <= number < 1 << 31, "a whole number from 0 to 2147483647")


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


def open_streams() -> None:
    """Let nothing that is opened later take the place of a closed standard stream, and be written into by mistake.

    Messages to a closed standard error are lost; results for a closed standard output can't be written, see `run`.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, for as long as the process lives
    if sys.stdout is None:
        sys.stdout = _ClosedOutput()


class _ClosedOutput(io.TextIOBase):
    """Where results should go and can't."""

    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, "results can't be written: standard output is closed")


def run(command: Callable[[], int | None], after_interruption: str) -> int:
    """Run a command and return its exit status, 0 unless it returns another; what goes wrong is one line on stderr.

    Args:
        after_interruption: how to go on after Ctrl-C.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # a file's name may be no text at all
    try:
        status = command() or 0
        sys.stdout.flush()
    except UserError as error:
        return _fail(USERS_MISTAKE, f"error: {error}")
    except KeyboardInterrupt:
        new_line = "\n" if sys.stderr.isatty() else ""  # below a progress bar
        return _fail(INTERRUPTED, f"{new_line}interrupted; {after_interruption}")
    except BrokenPipeError:  # the reader of our results has gone, as `head` does
        _forget_stdout()
        return 128 + signal.SIGPIPE
    except BrokenProcessPool:
        return _fail(ENVIRONMENT_FAILED, "error: a worker process was killed (out of memory?); run the command again")
    except (OSError, MemoryError, ImportError) as error:
        _forget_stdout()
        return _fail(ENVIRONMENT_FAILED, f"error: {error or type(error).__name__}")
    return status


def _number(convert: Callable, text: str, holds: Callable, expected: str):
    with suppress(ValueError):
        if holds(number := convert(text)):
            return number
    raise argparse.ArgumentTypeError(f"expected {expected}. Received {text!r}")


def _forget_stdout() -> None:
    """Let what is still to be written vanish, or the interpreter tries again at its exit and complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _fail(status: int, reason: str) -> int:
    print(reason, file=sys.stderr)
    return status
