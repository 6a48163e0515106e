"""What the page's template is given: texts and elements, ready to be set."""

import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from markupsafe import Markup

from audio.decode import SAMPLE_RATE
from cache.entries import read_signal
from cache.utterances import UtteranceCache
from deep_speaker import __version__
from evaluation.cuts import beginning
from evaluation.report.picture import Picture
from evaluation.report.recording import spectrogram, wav_uri
from evaluation.report.shown import shown
from evaluation.report.svg import inline_svg
from evaluation.report.worst_trials import Side, WorstTrial
from evaluation.results import COLUMNS, Result
from evaluation.scored_set import ScoredSet
from inference.estimate import Estimate
from storage.counting import counted

PACKAGES = ("numpy", "onnxruntime", "scikit-learn", "matplotlib", "librosa", "jinja2")
MOST_ITEMS = 50  # of a list among the settings
LONGEST_SETTING = 300  # characters


@dataclass(frozen=True)
class PictureView:
    """A picture as an element of the page."""

    picture: Picture
    name: str  # unique in the page, of letters, digits and hyphens
    svg: Markup


@dataclass(frozen=True)
class RecordingView:
    """A side of a trial."""

    speaker: str
    utterance: str
    seconds: float
    played: float  # s of it that can be played
    wav: str | None  # URI; None if recordings are left out
    svg: Markup


@dataclass(frozen=True)
class TrialView:
    """One of the worst trials."""

    trial: WorstTrial
    number: int
    source: str
    sides: tuple[RecordingView, ...]


def picture_views(pictures: Iterable[Picture], prefix: str) -> Iterator[PictureView]:
    """Make elements of pictures; their names begin with the prefix."""
    for number, picture in enumerate(pictures, start=1):
        name = f"{prefix}-{number}-{picture.kind}"
        svg = inline_svg(picture.figure, name, picture.title, picture.points)
        yield PictureView(picture, name, Markup(svg))


def trial_view(trial: WorstTrial, number: int, cache: UtteranceCache, seconds: float, audio: bool) -> TrialView:
    """Read both recordings of a trial from the cache, and show so many seconds of them.

    Raises:
        CacheError: a file is gone or damaged.
    """
    sides = tuple(
        _recording(cache, side, f"trial-{number}-{letter}", seconds, audio) for letter, side in zip("ab", trial.sides)
    )
    return TrialView(trial, number, shown(trial.source), sides)


def _recording(cache: UtteranceCache, side: Side, name: str, seconds: float, audio: bool) -> RecordingView:
    signal = beginning(read_signal(cache.folder, side.utterance), seconds)
    utterance = shown(side.utterance.utterance)
    svg = inline_svg(spectrogram(signal), name, f"spectrogram of {side.speaker}, {utterance}")
    return RecordingView(
        speaker=side.speaker,
        utterance=utterance,
        seconds=side.seconds,
        played=len(signal) / SAMPLE_RATE,
        wav=wav_uri(signal) if audio else None,
        svg=Markup(svg),
    )


def measures(results: Sequence[Result]) -> list[str]:
    """The names of the estimates that occur, in the order of the table."""
    occurring = dict.fromkeys(name for result in results for name in result.estimates)
    return [*(name for name in COLUMNS if name in occurring), *(name for name in occurring if name not in COLUMNS)]


def heading(measure: str) -> str:
    """What an estimate is called at the head of its column."""
    return COLUMNS[measure][0] if measure in COLUMNS else measure


def estimate_cell(estimate: Estimate, measure: str) -> tuple[str, str]:
    """Write the value of an estimate, and its interval, "" if it has none, as the table on the terminal does."""
    _, scale, decimals = COLUMNS.get(measure, (measure, 1, 4))
    value, low, high = (f"{scale * number:.{decimals}f}" for number in (estimate.value, estimate.low, estimate.high))
    return value, "" if "nan" in (low, high) else f"{low} to {high}"


def setting(value: object) -> str:
    """Write a value of the settings as a text."""
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return "; ".join(f"{shown(str(name))}: {setting(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        listed = ", ".join(map(setting, value[:MOST_ITEMS])) or "none"
        return listed if len(value) <= MOST_ITEMS else f"{listed} and {len(value) - MOST_ITEMS} more"
    return shown(str(value), LONGEST_SETTING)


def data_of(scored: ScoredSet) -> dict[str, Any]:
    """Count what a set was made of."""
    targets = int(scored.same.sum())
    return {
        "source": shown(scored.source),
        "speakers": counted(len(set(scored.owners.tolist())), "speaker"),
        "utterances": counted(len(scored.utterances), "utterance"),
        "speech": f"{scored.seconds.sum() / 60:.1f} min of speech",
        "targets": f"{targets:,} trials of one speaker",
        "nontargets": f"{len(scored.first) - targets:,} of two",
    }


def versions() -> dict[str, str]:
    """The releases of what made the report."""
    found = {"Deep Speaker": __version__, "Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # ONNX Runtime has other packages for other devices
            continue
    return found
