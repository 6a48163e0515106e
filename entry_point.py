"""What the two entry points share: default folders, logging, standard streams, exit statuses."""

import io
import logging
import os
import sys
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path

from storage.errors import UserError
from storage.interrupt import INTERRUPTED, interrupts
from storage.places import SCHEME, path_of

ENVIRONMENT_FAILED, USERS_MISTAKE = 1, 2  # exit statuses
VCTK = "VCTK-Corpus"  # the folder of that corpus in the data folder
READER_GONE = 141  # 128 and the number of SIGPIPE, which Windows does not have
SAMPLES = Path(__file__).resolve().parent / "samples" / "voices"  # in the repository; not in an installation
EXTRAS = {  # packages that a plain installation does not have, and the extra that they come with
    **dict.fromkeys(
        ("keras", "matplotlib", "onnx", "pandas", "scipy", "sklearn", "tensorboard", "tensorflow", "tf2onnx"), "train"
    ),
    **dict.fromkeys(("dask", "distributed", "fsspec", "s3fs", "upath"), "cluster"),
}

logger = logging.getLogger(__name__)


def data_folder() -> Path:
    """`$DS_DIR`, else ~/deep-speaker-data."""
    return expanded(os.environ.get("DS_DIR") or "~/deep-speaker-data")


def default_cache_dir() -> Path:
    """`$CACHE_DIR`, else the data folder's `cache`."""
    named = os.environ.get("CACHE_DIR")
    return expanded(named) if named else data_folder() / "cache"


def default_profiles() -> Path:
    """The store of enrolled speakers in the folder that the system keeps for a user's data."""
    from platformdirs import user_data_path

    return user_data_path("deep-speaker", appauthor=False) / "profiles.npz"


def run_dir_of(cache_dir: Path) -> Path:
    """Where the networks trained on a cache are kept unless told otherwise."""
    return cache_dir / "runs"


def named_audio_dir(named: Path | None) -> Path | None:
    """The corpus named on the command line or by `$AUDIO_DIR`, else the data folder's VCTK if it is there."""
    if named is not None:
        return named
    if variable := os.environ.get("AUDIO_DIR"):
        return expanded(variable)
    vctk = data_folder() / VCTK
    return vctk if vctk.is_dir() else None


def choose_audio_dir(named: Path | None) -> Path:
    """The corpus that `named_audio_dir` gives, else the samples.

    Raises:
        UserError: there is none of them; an installation comes without samples.
    """
    if (chosen := named_audio_dir(named)) is not None:
        return chosen
    vctk = data_folder() / VCTK
    if not SAMPLES.is_dir():
        raise UserError(f"no corpus at {vctk}, and none was named: --audio_dir FOLDER names one, or --manifest FILE")
    logger.warning("no corpus at %s and none named with --audio_dir: using the synthetic voices in %s", vctk, SAMPLES)
    return SAMPLES


def expanded(text: str) -> Path:
    """A path whose `~` is somebody's home folder, or that of a URL.

    Raises:
        UserError: there is no such user.
        ImportError: it is a URL, and what reaches its kind is not installed.
    """
    if SCHEME in text:
        return path_of(text)
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UserError(f"expected a path. Received {text!r}, and there is no such user's home folder") from error


def open_closed_streams() -> None:
    """Put /dev/null in the place of standard streams that are closed, as by `2>&-`.

    Else the next file that is opened would be standard output or error, also to child processes, and get their text.
    What is written to a closed standard error is nobody's; to print to a closed standard output is an `OSError`, as it
    is on a full disk.
    """
    for descriptor, mode in enumerate((os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, mode), True)  # the lowest number that is free: this one
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
    if isinstance(error, ModuleNotFoundError):
        return _fail(ENVIRONMENT_FAILED, f"error: {_missing(error)}")
    if isinstance(error, (OSError, MemoryError, ImportError)) or _is_of_a_store(error):
        _forget_stdout()
        return _fail(ENVIRONMENT_FAILED, f"error: {error or type(error).__name__}")
    raise error


def _is_of_a_store(error: BaseException) -> bool:
    """Whether an object store could not be reached, which its client says in classes of its own."""
    return type(error).__module__.startswith(("botocore.", "aiobotocore.", "aiohttp.", "gcsfs."))


def _missing(error: ModuleNotFoundError) -> str:
    """What to install, where the plain installation, which is for inference, lacks a package."""
    package = (error.name or "").partition(".")[0]
    if package not in EXTRAS:
        return str(error)
    extra = EXTRAS[package]
    return f"{package} is not installed, which this needs; install this tool with its extra: pip install '.[{extra}]'"


def _forget_stdout() -> None:
    """Let what is still to be written vanish, or the interpreter tries again at its exit and complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _fail(status: int, reason: str) -> int:
    with suppress(OSError):  # nobody can be told, but the status is right
        print(reason, file=sys.stderr)
    return status
