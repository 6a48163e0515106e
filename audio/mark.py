"""The mark of a cache folder: that it is ours, what shaped its entries, and where they came from.

Nothing is written to, or deleted from, a folder that holds other files and no mark.
"""

import json
import logging
from pathlib import Path

from audio.decode import RESAMPLER_QUALITY, SAMPLE_RATE
from audio.entries import MINIMUM_PEAK, MINIMUM_VOICED, CacheError
from audio.index import write_index
from audio.scan import CACHE_MARK, absolute
from audio.silence import SILENCE_PERCENTILE
from storage.atomic import TEMPORARY_PATTERN, write_atomically
from storage.lock import LOCK_FILES

TOOL = "deep-speaker utterance cache"
SETTINGS = {  # whatever shapes an entry: under another value of any, all entries are made again
    "format": 2,
    "sample_rate": SAMPLE_RATE,
    "resampler": f"soxr {RESAMPLER_QUALITY}",
    "silence_percentile": SILENCE_PERCENTILE,
    "minimum_peak": MINIMUM_PEAK,
    "minimum_samples": MINIMUM_VOICED,
}

logger = logging.getLogger(__name__)


def check_ownership(folder: Path) -> None:
    """Refuse a folder with files in it that does not bear our mark.

    Raises:
        CacheError: as said, or `folder` is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise CacheError(f"{folder} is a file; name a folder for the cache")
    if folder.is_dir() and not _read(folder) and not all(map(_is_of_an_early_kill, folder.iterdir())):
        raise CacheError(f"{folder} holds files but is not a cache of this tool; name an empty or new folder")


def adopt(folder: Path, roots: set[str]) -> None:
    """Mark the folder as filled from `roots`; entries made under other settings leave the index first."""
    mark = _read(folder)
    if mark and mark.get("settings") != SETTINGS:
        logger.warning("the cache in %s was made with other settings; every utterance is done again", folder)
        write_index(folder, ())
    new = {"tool": TOOL, "settings": SETTINGS, "filled_from": sorted(roots.union(_filled_from(mark)))}
    if new != mark:
        write_atomically(folder / CACHE_MARK, json.dumps(new, indent=2) + "\n")


def settings_of(folder: Path) -> dict:
    """What shaped the entries there; empty where there is no mark."""
    settings = _read(folder).get("settings")
    return settings if isinstance(settings, dict) else {}


def was_filled_from(folder: Path, audio_dir: Path) -> bool:
    """Whether recordings below `audio_dir` were cached here: if it is gone, it was there once."""
    return str(absolute(audio_dir)) in _filled_from(_read(folder))


def _is_of_an_early_kill(path: Path) -> bool:
    """Whether a run that was killed before it had written the mark may have left that."""
    return path.name in LOCK_FILES or path.match(TEMPORARY_PATTERN)


def _filled_from(mark: dict) -> list[str]:
    roots = mark.get("filled_from")
    return [root for root in roots if isinstance(root, str)] if isinstance(roots, list) else []


def _read(folder: Path) -> dict:
    """Our mark; empty where there is none, or another program's file of that name."""
    try:
        mark = json.loads((folder / CACHE_MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return mark if isinstance(mark, dict) and mark.get("tool") == TOOL else {}
