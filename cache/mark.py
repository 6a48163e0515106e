"""The mark of a cache folder, `cache.json`: that it is ours, in which format, and with which settings it was filled.

Nothing is written to, or deleted from, a folder that holds other files and no mark.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from audio.decode import RESAMPLER_QUALITY, SAMPLE_RATE
from audio.rumble import CUTOFF
from audio.silence import SILENCE_PERCENTILE
from audio.utterance import MINIMUM_SPEECH, QUIET_PEAK, SILENT_PEAK
from storage.atomic import TEMPORARY_PATTERN, write_atomically
from storage.errors import UserError
from storage.lock import LOCK_FILES

MARK = "cache.json"
TOOL = "deep-speaker utterance cache"
FORMAT = 3  # of folder and index; 2 named entries by speaker and utterance only
SHARDED = 4  # the same, but with an index in parts, see `parts`
SETTINGS: dict[str, object] = {  # whatever shapes an entry: one that was made under another value of any is made again
    "sample_rate": SAMPLE_RATE,
    "resampler": f"soxr {RESAMPLER_QUALITY}",
    "silence_percentile": SILENCE_PERCENTILE,
    "high_pass": CUTOFF,
    "silent_peak": SILENT_PEAK,
    "quiet_peak": QUIET_PEAK,
    "minimum_samples": MINIMUM_SPEECH,
}
SETTINGS_DIGEST = hashlib.sha256(json.dumps(SETTINGS, sort_keys=True).encode()).hexdigest()[:8]


class CacheError(UserError):
    """The cache can't serve; the message says why and what to do."""


@dataclass(frozen=True)
class CacheMark:
    """What `cache.json` says."""

    tool: str
    format: int
    settings: dict[str, object]  # those of the last run; each entry has the digest of its own
    filled_from: tuple[str, ...] = ()  # of format 2, whose entries do not know where their recordings are

    @property
    def is_current(self) -> bool:
        """Whether this version reads the index."""
        return self.format in (FORMAT, SHARDED)


CURRENT = CacheMark(TOOL, FORMAT, SETTINGS)


def read_mark(folder: Path) -> CacheMark | None:
    """Read the folder's mark; None where there is none, or another program's file of that name."""
    path = folder / MARK
    if not path.is_file():  # a pipe would never end
        return None
    try:
        mark = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(mark, dict) or mark.get("tool") != TOOL:
        return None
    stated = mark.get("settings")
    settings: dict[str, object] = stated if isinstance(stated, dict) else {}
    number = mark.get("format", settings.get("format"))  # format 2 kept it among the settings
    roots = mark.get("filled_from")
    filled_from = tuple(root for root in roots if isinstance(root, str)) if isinstance(roots, list) else ()
    return CacheMark(TOOL, number if isinstance(number, int) else 0, settings, filled_from)


def write_mark(folder: Path, number: int = FORMAT) -> None:
    """Mark the folder as ours, as of this version, and of a format; a mark that says just that stays."""
    content = {"tool": CURRENT.tool, "format": number, "settings": CURRENT.settings}
    if read_mark(folder) != CacheMark(TOOL, number, SETTINGS):
        write_atomically(folder / MARK, json.dumps(content, indent=2) + "\n")


def check_ownership(folder: Path) -> CacheMark | None:
    """Read the mark of a folder, and refuse one that has files in it and no mark of ours.

    Raises:
        CacheError: it is such a folder, or a file, or the cache of a newer version.
    """
    if folder.exists() and not folder.is_dir():
        raise CacheError(f"{folder} is a file; name a folder for the cache")
    mark = read_mark(folder)
    if folder.is_dir() and mark is None and not all(map(_is_of_an_early_kill, folder.iterdir())):
        raise CacheError(f"{folder} holds files but is not a cache of this tool; name an empty or new folder")
    if mark is not None and mark.format > SHARDED:
        raise CacheError(f"{folder} was made by a newer version of this tool, of format {mark.format}; use that")
    return mark


def _is_of_an_early_kill(path: Path) -> bool:
    """Whether a run that was killed before it had written the mark may have left this file."""
    return path.name in LOCK_FILES or path.match(TEMPORARY_PATTERN)
