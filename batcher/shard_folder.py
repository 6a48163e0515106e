"""The folder beside `full_inputs.pkl` in which its shards are, and what else is in there.

    <sha256>.shard   a shard, named by its content, see `shard_file`
    <sha256>.json    a receipt: which shard was made of a group of utterances, named by what it is made of
    checked.json     which shards were read and found to be what their names say, and when they had last changed

Names by content keep a generation, whatever becomes of it, from changing a shard that the present `full_inputs.pkl`
names. Receipts are there while inputs are made: who was killed goes on with the shards that are finished.
"""

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from audio.feature_settings import FeatureSettings
from batcher.inputs_file import ShardRecord
from batcher.restricted_pickle import UnsafePickleError
from batcher.running_statistics import RunningStatistics
from batcher.shard_file import ShardWriter, check_content, check_size
from storage.atomic import TEMPORARY_PATTERN, move_to, naming, remove_if_empty, temporary_name, write_atomically
from storage.fields import Fields
from storage.places import is_remote
from storage.progress import tracked

SUFFIX = ".shards"  # of the folder, in the place of `.pkl`
CHECKED = "checked.json"
LARGEST_JSON = 1 << 24  # bytes
CHECKING_THREADS = 4  # a core digests less than a disk reads

_OURS = re.compile(r"[0-9a-f]{64}\.(shard|json)|checked\.json|\.tmp-[0-9a-f]{16}")


def folder_of(inputs: Path) -> Path:
    """The folder of the shards of a `full_inputs.pkl`."""
    return inputs.with_suffix(SUFFIX)


def shard_path(folder: Path, sha256: str) -> Path:
    """Where a shard is."""
    return folder / f"{sha256}.shard"


@contextmanager
def new_shard(folder: Path) -> Iterator[ShardWriter]:
    """Write a shard that gets its name when the block ends without an exception, and its table is written.

    Raises:
        OSError: the folder can't be written to, or the disk is full.
    """
    with tempfile.TemporaryDirectory() if is_remote(folder) else nullcontext(folder) as here:
        temporary = temporary_name(Path(here))
        try:
            with naming(temporary), open(temporary, "xb") as file:
                writer = ShardWriter(file)
                yield writer
                writer.finish()
            move_to(temporary, shard_path(folder, writer.written.sha256))
        finally:
            temporary.unlink(missing_ok=True)


def check_sizes(folder: Path, shards: Sequence[ShardRecord]) -> None:
    """See whether each shard is there, and as long as it was.

    Raises:
        ValueError: one is not; the message names it.
    """
    for shard in shards:
        path = shard_path(folder, shard.sha256)
        with of_shard(path):
            check_size(path, shard)


def check_shards(folder: Path, shards: Sequence[ShardRecord], size: int) -> None:
    """Compare each shard with its digest, unless that was done since the file last changed.

    Windows come from all shards from the first batch on, so there is no later time to do it. Reading everything takes
    long, so a check that was passed is remembered. What changes on the disk itself, behind the file system, is not seen
    from then on.

    Args:
        size: log mel values a frame.

    Raises:
        ValueError: a shard is damaged, or was exchanged for another one; the message names it.
        OSError: it can't be read.
    """
    states = {shard.sha256: _state(shard_path(folder, shard.sha256)) for shard in shards}
    passed = {name: state for name, state in _read_checked(folder).items() if states.get(name) == state}
    pending = [shard for shard in shards if shard.sha256 not in passed]
    if not pending:
        return
    try:
        with ThreadPoolExecutor(CHECKING_THREADS) as threads:
            checked = threads.map(partial(_check, folder, size), pending)
            for shard in tracked(checked, "checking inputs", len(pending), "shard"):
                passed[shard.sha256] = states[shard.sha256]
    finally:
        with suppress(OSError):  # of a folder that may only be read, nothing is remembered
            write_atomically(folder / CHECKED, json.dumps(passed))


def _check(folder: Path, size: int, shard: ShardRecord) -> ShardRecord:
    path = shard_path(folder, shard.sha256)
    with of_shard(path), naming(path):
        check_content(path, shard, size)
    return shard


@contextmanager
def of_shard(path: Path) -> Iterator[None]:
    """Say of what is raised inside that it is about this shard.

    Raises:
        ValueError: the shard is not what it should be.
    """
    try:
        yield
    except (UnsafePickleError, ValueError) as error:
        raise ValueError(f"its shard {path.parent.name}/{path.name} can't be used: {error}") from error


def _state(path: Path) -> list[int]:
    """What differs as soon as a file is written to, or another one takes its name."""
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _read_checked(folder: Path) -> dict[str, object]:
    read = _read_json(folder / CHECKED)
    return read if isinstance(read, dict) else {}


@dataclass(frozen=True)
class Receipt:
    """A shard that was made, and sums over its training frames."""

    shard: ShardRecord
    statistics: RunningStatistics

    def write(self, folder: Path, key: str) -> None:
        """Keep it as that of the group of utterances that goes by `key`."""
        content = {"shard": asdict(self.shard), "statistics": self.statistics.as_json()}
        write_atomically(_receipt_path(folder, key), json.dumps(content))

    @classmethod
    def read(cls, folder: Path, key: str, settings: FeatureSettings) -> "Receipt | None":
        """Read the receipt for a group of utterances; None if there is none, or if it is damaged."""
        try:
            fields = Fields(_read_json(_receipt_path(folder, key)))
            shard = ShardRecord.from_record(fields.take("shard", dict), settings.log_mel_size)
            return cls(shard, RunningStatistics.from_json(fields.take("statistics", dict), settings))
        except ValueError:
            return None

    def holds(self, folder: Path, size: int) -> bool:
        """Whether the shard is there, whole, with `size` log mel values a frame."""
        path = shard_path(folder, self.shard.sha256)
        try:
            check_content(path, self.shard, size)
        except (OSError, ValueError):
            return False
        return True


def _receipt_path(folder: Path, key: str) -> Path:
    return folder / f"{key}.json"


def _read_json(path: Path) -> object:
    """Read a JSON file of ours; None if it is missing, damaged or too large."""
    try:
        return json.loads(path.read_bytes()) if path.stat().st_size <= LARGEST_JSON else None
    except (OSError, ValueError, RecursionError):
        return None


def delete_unfinished(folder: Path) -> None:
    """Delete what a killed generation was writing."""
    for path in folder.glob(TEMPORARY_PATTERN):
        path.unlink(missing_ok=True)


def delete_all_but(folder: Path, shards: Sequence[ShardRecord]) -> None:
    """Delete what this tool wrote into the folder, but for these shards; and the folder if nothing is left."""
    kept = {shard_path(folder, shard.sha256).name for shard in shards}
    for path in list(folder.iterdir()) if folder.is_dir() else ():
        if path.name not in kept and _OURS.fullmatch(path.name) and not (shards and path.name == CHECKED):
            with suppress(OSError):  # on Windows, training may have it open: the next generation tries again
                path.unlink()
    remove_if_empty(folder)
