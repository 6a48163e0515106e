"""The page: everything that an evaluation found, in one file that needs nothing else and asks for nothing else.

Browsers are told to load nothing from anywhere (a content security policy), and the page stays below `MOST_BYTES`.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cache.utterances import UtteranceCache
from evaluation.cuts import describe_cut
from evaluation.metrics import CONFIDENCE
from evaluation.report import views
from evaluation.report.contents import contents_of
from evaluation.report.shown import shown
from evaluation.report.style import styled
from evaluation.results import SCORES, Result
from evaluation.scored_set import ScoredSet
from storage.atomic import write_atomically
from storage.errors import UserError

FOLDER = Path(__file__).resolve().parent
TEMPLATE, SHEET, SCRIPT = "page.html.jinja", "page.css", "page.js"
MOST_BYTES = 5_000_000


@dataclass(frozen=True)
class Detail:
    """How much a page holds."""

    sources: int  # with pictures; the others are in the table only
    points: int  # of each map
    seconds: float  # of each recording


# From rich to poor: the first whose page is small enough is taken.
DETAILS = (Detail(12, 300, 4.0), Detail(12, 120, 2.0), Detail(6, 80, 1.0), Detail(1, 40, 0.5))


class ReportError(UserError):
    """The report can't be made; the message says why."""


def write_report(
    path: Path,
    sets: Sequence[ScoredSet],
    results: Sequence[Result],
    description: Mapping[str, object],
    cache: UtteranceCache,
    histories: Sequence[Path] = (),
    audio: bool = True,
) -> None:
    """Write the page; all but its date is the same each time.

    Args:
        path: the file, written whole or not at all; for its owner alone if it holds recordings.
        sets: the scored trials, each source at each length.
        results: the estimates, by source and length.
        description: the settings: values that JSON has.
        cache: where the utterances of the sets are, which nobody changes meanwhile.
        histories: history.csv of each stage that the network was trained in.
        audio: whether recordings can be played.

    Raises:
        CacheError: the file of an utterance that is to be played is gone or damaged.
        ReportError: even with next to no pictures the page is too large.
        OSError: the page can't be written.
    """
    with styled():
        pages = (_page(detail, sets, results, description, cache, histories, audio).encode() for detail in DETAILS)
        page = next((page for page in pages if len(page) < MOST_BYTES), None)
    if page is None:
        raise ReportError(f"a page of all these results is larger than {MOST_BYTES / 1e6:g} MB; evaluate fewer corpora")
    write_atomically(path, page, private=audio)


def _page(
    detail: Detail,
    sets: Sequence[ScoredSet],
    results: Sequence[Result],
    description: Mapping[str, object],
    cache: UtteranceCache,
    histories: Sequence[Path],
    audio: bool,
) -> str:
    contents = contents_of(sets, histories, detail.sources, detail.points)
    trials = [
        views.trial_view(trial, number, cache, detail.seconds, audio)
        for number, trial in enumerate(contents.worst, start=1)
    ]
    sources = [
        (shown(source), list(views.picture_views(pictures, f"source-{number}")))
        for number, (source, pictures) in enumerate(contents.sources.items(), start=1)
    ]
    return _render(
        audio=audio,
        confidence=f"{100 * CONFIDENCE:.0f}",
        data=[views.data_of(scored) for scored in contents.sets],
        date=date.today().isoformat(),
        left_out=[shown(source) for source in contents.left_out],
        measures=views.measures(results),
        results=[result for result in results if result.long_enough],  # else the utterances are whole once more
        score_names=SCORES,
        settings={shown(str(name)): views.setting(value) for name, value in description.items()},
        sources=sources,
        stages=list(views.picture_views(contents.stages, "stage")),
        trials=trials,
        versions=views.versions(),
    )


def _render(**values: object) -> str:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(shown=shown, cut=describe_cut, estimate=views.estimate_cell, heading=views.heading)
    sheet, script = ((FOLDER / name).read_text(encoding="utf-8") for name in (SHEET, SCRIPT))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    ours = {"style": Markup(sheet), "script": Markup(script), "script_digest": digest}
    return environment.get_template(TEMPLATE).render(**values, **ours)
