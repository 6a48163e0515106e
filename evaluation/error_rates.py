"""What a calibration's verdicts are worth, counted on speakers that its weights did not see."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from evaluation.balance import BINS, bins_of
from evaluation.calibration_trials import Trials, chosen
from evaluation.metrics import ErrorCurve, crossing
from evaluation.speaker_draws import SpeakerDraws
from inference.calibration import Calibration
from inference.calibration_source import ONE_SESSION, TWO_SESSIONS, ErrorRates
from inference.estimate import Estimate
from storage.text_table import aligned

RATES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)  # of false acceptance, for which thresholds are kept
DIGITS = 6  # to which rates are rounded
ALL, UNSEEN = "all", "all, weights of the other corpora"  # rows of the table
APART = {None: "", TWO_SESSIONS: ", across sessions", ONE_SESSION: ", within a session"}  # corpora by `sessions`
FEWEST_PAIRS = 5 - 1e-6  # of strangers behind the lowest rate, counted by their shares of it: one pair may make half


class Judged(NamedTuple):
    """Trials, what each counts, and their log-likelihood ratios by weights that saw neither of their speakers."""

    trials: Trials
    weights: np.ndarray
    ratios: np.ndarray
    draws: SpeakerDraws


def error_rates(judged: Judged, names: Sequence[str], foreign: np.ndarray) -> list[ErrorRates]:
    """Count the errors of verdicts at even odds, by the shorter recording's length: of all corpora, and of each.

    Args:
        names: those of the corpora.
        foreign: the ratios by weights that saw no trial of the corpus either, (trials,); NaN where there are none.

    Returns:
        the rows that have target and non-target trials, those of all corpora first. Of corpora with speakers in
        several sessions there are also rows whose target trials are those between sessions, or those within them.
    """
    bins = bins_of(judged.trials.shorter)
    rows = []
    for corpus in (None, *range(len(names))):
        of_corpus = np.ones(len(bins), bool) if corpus is None else judged.trials.corpora == corpus
        for number, up_to in enumerate((*BINS, None)):
            among = of_corpus & (bins == number)
            name = None if corpus is None else names[corpus]
            rates = _rates(judged, among, corpus, name, up_to)
            if rates is not None and corpus is None and np.isfinite(foreign[among]).any():
                rates = dataclasses.replace(rates, **_foreign(judged, among & np.isfinite(foreign), foreign))
            rows.append(rates)
            if (judged.trials.across & among).any() and corpus is not None:
                rows += [_apart(judged, among, corpus, name, up_to, across) for across in (True, False)]
    return [rates for rates in rows if rates is not None]


def _rates(
    judged: Judged,
    among: np.ndarray,
    corpus: int | None,
    name: str | None,
    up_to: float | None,
    sessions: str | None = None,
) -> ErrorRates | None:
    """Count the errors of some trials, without those that weigh nothing; None unless there are trials of both kinds."""
    trials, ratios, weights, draws = judged.trials, judged.ratios, judged.weights, judged.draws
    target, nontarget = (among & (trials.same == same) & (weights > 0) for same in (True, False))
    if not target.any() or not nontarget.any():
        return None
    curve = ErrorCurve(ratios[target], ratios[nontarget]).rates(weights[target], weights[nontarget])
    return ErrorRates(
        corpus=name,
        up_to=up_to,
        speakers=len(np.union1d(trials.first[target | nontarget], trials.second[target | nontarget])),
        targets=int(target.sum()),
        nontargets=int(nontarget.sum()),
        eer=crossing(*curve),
        miss=draws.share(ratios < 0, target, corpus).rounded(DIGITS),
        false_accept=draws.share(ratios >= 0, nontarget, corpus).rounded(DIGITS),
        sessions=sessions,
    )


def _foreign(judged: Judged, among: np.ndarray, ratios: np.ndarray) -> dict[str, Any]:
    same = judged.trials.same
    return {
        "miss_foreign": judged.draws.share(ratios < 0, among & same).rounded(DIGITS),
        "false_accept_foreign": judged.draws.share(ratios >= 0, among & ~same).rounded(DIGITS),
    }


def _apart(
    judged: Judged, among: np.ndarray, corpus: int, name: str | None, up_to: float | None, across: bool
) -> ErrorRates | None:
    """Rate a corpus by its target trials across sessions, or by those within a session of the same speakers."""
    all_trials = judged.trials
    speakers = np.unique(all_trials.first[among & all_trials.across])
    targets = all_trials.same & (all_trials.across == across) & np.isin(all_trials.first, speakers)
    counted = among & (targets | ~all_trials.same)
    trials = chosen(all_trials, counted)
    of_speaker = np.bincount(trials.first, trials.same)[trials.first]
    weights = np.divide(1, of_speaker, out=judged.weights[counted], where=trials.same)  # each speaker weighs the same
    alone = Judged(trials, weights, judged.ratios[counted], SpeakerDraws(trials, weights))
    sessions = TWO_SESSIONS if across else ONE_SESSION
    return _rates(alone, np.ones(len(weights), bool), corpus, name, up_to, sessions)


Thresholds = tuple[tuple[float | None, ...], ...]
RateIntervals = tuple[tuple[tuple[float, float] | None, ...], ...]
Cell = tuple[float, tuple[float, float]]  # a threshold, and the interval of its rate


def thresholds(judged: Judged) -> tuple[Thresholds, RateIntervals]:
    """Find, for each bin of lengths and each of `RATES`, the ratio that this share of strangers reaches.

    Strangers count as they weigh: each pair the same in its corpus, whatever its number of trials.

    Returns:
        the ratios, (bins, rates), and 95 % of each rate, (bins, rates); None where the rate is made by fewer than
        `FEWEST_PAIRS`.
    """
    bins = bins_of(judged.trials.shorter)
    rows = []
    for number in range(len(BINS) + 1):
        among = ~judged.trials.same & (bins == number) & (judged.weights > 0)
        reached = _quantiles(judged.ratios[among], judged.weights[among]) if among.any() else [np.nan] * len(RATES)
        cells = [_cell(judged, among, threshold) for threshold in reached]
        known = cells.index(None) if None in cells else len(cells)
        rows.append([*cells[:known], *[None] * (len(cells) - known)])  # nothing below a rate that is not known
    reached_ratios = tuple(tuple(cell and cell[0] for cell in row) for row in rows)
    intervals = tuple(tuple(cell and cell[1] for cell in row) for row in rows)
    return reached_ratios, intervals


def _quantiles(ratios: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return, for each of `RATES`, the ratio that this share of the weight reaches."""
    order = np.argsort(ratios)
    below = np.cumsum(weights[order])
    return ratios[order][np.searchsorted(below / below[-1], 1 - np.array(RATES))]


def _cell(judged: Judged, among: np.ndarray, threshold: float) -> Cell | None:
    hits = among & (judged.ratios >= threshold)
    if not hits.any() or judged.draws.effective_units(hits) < FEWEST_PAIRS:
        return None
    rate = judged.draws.share(hits, among)
    return float(threshold), (rate.low, rate.high)


SHOWN_RATES = (0.05, 0.01, 0.001)  # of false acceptance


def format_thresholds(calibration: Calibration) -> str:
    """Write the ratios to accept from, for some rates of false acceptance, and the interval of each rate."""
    header = ("false acceptance", "shorter recording", "accept from", "95 % of that rate, over speakers")
    rows = [
        (f"{100 * rate:g} %", length_name(up_to), *_accepted_from(calibration, rate, number))
        for rate in SHOWN_RATES
        for number, up_to in enumerate((*calibration.bins, None))
    ]
    return aligned([header, *rows])


def _accepted_from(calibration: Calibration, rate: float, number: int) -> tuple[str, str]:
    column = calibration.rates.index(rate)
    threshold = calibration.thresholds[number][column]
    interval = None if calibration.intervals is None else calibration.intervals[number][column]
    if threshold is None or interval is None:
        return "too few speakers to tell", ""
    return f"a ratio of {threshold:+.2f}", f"{100 * interval[0]:.2g} to {100 * interval[1]:.2g} %"


def length_name(up_to: float | None) -> str:
    """Name a bin of lengths by its upper end in s; None for the longest."""
    return f"below {up_to:g} s" if up_to else f"{BINS[-1]:g} s or more"


def format_error_rates(rows: Sequence[ErrorRates]) -> str:
    """Write `error_rates` as a table, all corpora first."""
    header = ("corpus", "shorter recording", "speakers", "trials", "EER in %", "misses in %", "false accepts in %")
    of_all = [_cells(row, ALL, row.miss, row.false_accept) for row in rows if row.corpus is None]
    foreign = [
        (*counts, "", miss, false_accept)
        for row in rows
        if row.miss_foreign is not None and row.false_accept_foreign is not None
        for *counts, _, miss, false_accept in [_cells(row, UNSEEN, row.miss_foreign, row.false_accept_foreign)]
    ]
    of_each = [
        _cells(row, (row.corpus or ".") + APART[row.sessions], row.miss, row.false_accept)
        for row in rows
        if row.corpus is not None
    ]
    cells = [header, *of_all, *foreign, *of_each]
    notes = [
        "(verdicts at even odds, each trial by weights that saw neither of its speakers; in brackets the 95 % interval",
        "over speakers, of all corpora over corpora too; a pair of strangers counts once, however many its trials are)",
    ]
    return "\n".join([aligned(cells), *notes])


def _cells(row: ErrorRates, name: str, miss: Estimate, false_accept: Estimate) -> tuple[str, ...]:
    counts = f"{row.speakers}", f"{row.targets} + {row.nontargets}"
    return (name, length_name(row.up_to), *counts, f"{100 * row.eer:.2f}", miss.as_text(100), false_accept.as_text(100))
