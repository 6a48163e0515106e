"""What a calibration's verdicts are worth, counted on speakers that its weights did not see."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evaluation.balance import BINS, bins_of
from evaluation.bootstrap import Estimate
from evaluation.calibration_trials import Trials, chosen
from evaluation.metrics import ErrorCurve, crossing
from evaluation.speaker_draws import SpeakerDraws

RATES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)  # of false acceptance, that thresholds are kept for
ALL, UNSEEN = "all", "all, weights of the other corpora"  # rows of the table
FEWEST_PAIRS = 5 - 1e-6  # of strangers behind the lowest rate, counted by their shares of it: one pair may make half


class Judged(NamedTuple):
    """Trials, what each counts, and their log-likelihood ratios by weights that saw neither of their speakers."""

    trials: Trials
    weights: np.ndarray
    ratios: np.ndarray
    draws: SpeakerDraws


def error_rates(judged: Judged, names: Sequence[str], foreign: np.ndarray) -> list[dict]:
    """Rates at even odds by the shorter recording's length: of all corpora, and of each.

    Args:
        names: of the corpora.
        foreign: the ratios by weights that saw no trial of the corpus either, (trials,); NaN where there are none.

    Returns:
        a dictionary for each: `corpus` (null for all), `up_to` (s, null for the last), `speakers`, `targets` and
        `nontargets`; as fractions `eer`, and with intervals `miss`, `false_accept`, and of all corpora,
        `miss_foreign` and `false_accept_foreign`. Of corpora with speakers in several sessions also rows with
        `sessions`, "two" or "one", whose target trials are those between sessions or within them.
    """
    bins = bins_of(judged.trials.shorter)
    rows = []
    for corpus in (None, *range(len(names))):
        own = np.ones(len(bins), bool) if corpus is None else judged.trials.corpora == corpus
        for number, end in enumerate((*BINS, None)):
            among = own & (bins == number)
            about = {"corpus": None if corpus is None else names[corpus], "up_to": end}
            rows.append({**about, **_rates(judged, among, corpus)})
            if corpus is None and np.isfinite(foreign[among]).any():
                rows[-1].update(_foreign(judged, among & np.isfinite(foreign), foreign))
            if (judged.trials.across & among).any() and corpus is not None:
                rows += [{**about, **_apart(judged, among, corpus, across)} for across in (True, False)]
    return [row for row in rows if row["targets"] and row["nontargets"]]


def _rates(judged: Judged, among: np.ndarray, corpus: int | None) -> dict:
    """Counts and rates of some trials; those that weigh nothing do not count."""
    trials, ratios, weights, draws = judged.trials, judged.ratios, judged.weights, judged.draws
    target, nontarget = (among & (trials.same == same) & (weights > 0) for same in (True, False))
    counts = {
        "speakers": len(np.union1d(trials.first[target | nontarget], trials.second[target | nontarget])),
        "targets": int(target.sum()),
        "nontargets": int(nontarget.sum()),
    }
    if not target.any() or not nontarget.any():
        return counts
    curve = ErrorCurve(ratios[target], ratios[nontarget]).rates(weights[target], weights[nontarget])
    return {
        **counts,
        "eer": crossing(*curve),
        "miss": _fields(draws.share(ratios < 0, target, corpus)),
        "false_accept": _fields(draws.share(ratios >= 0, nontarget, corpus)),
    }


def _foreign(judged: Judged, among: np.ndarray, ratios: np.ndarray) -> dict:
    same = judged.trials.same
    return {
        "miss_foreign": _fields(judged.draws.share(ratios < 0, among & same)),
        "false_accept_foreign": _fields(judged.draws.share(ratios >= 0, among & ~same)),
    }


def _apart(judged: Judged, among: np.ndarray, corpus: int, across: bool) -> dict:
    """The rates of a corpus whose targets are those across sessions, or those within one of the same speakers."""
    all_trials = judged.trials
    speakers = np.unique(all_trials.first[among & all_trials.across])
    own = all_trials.same & (all_trials.across == across) & np.isin(all_trials.first, speakers)
    counted = among & (own | ~all_trials.same)
    trials = chosen(all_trials, counted)
    of_speaker = np.bincount(trials.first, trials.same)[trials.first]
    weights = np.divide(1, of_speaker, out=judged.weights[counted], where=trials.same)  # each speaker weighs the same
    alone = Judged(trials, weights, judged.ratios[counted], SpeakerDraws(trials, weights))
    return {"sessions": "two" if across else "one", **_rates(alone, np.ones(len(weights), bool), corpus)}


def thresholds(judged: Judged) -> tuple[tuple, tuple]:
    """For each bin of lengths and each of `RATES`, the ratio that so many strangers reach, and 95 % of that rate.

    Strangers count as they weigh: each pair the same in its corpus, whatever its number of trials. None where the rate
    is made by fewer than `FEWEST_PAIRS`.
    """
    bins = bins_of(judged.trials.shorter)
    rows = []
    for number in range(len(BINS) + 1):
        among = ~judged.trials.same & (bins == number) & (judged.weights > 0)
        reached = _quantiles(judged.ratios[among], judged.weights[among]) if among.any() else [np.nan] * len(RATES)
        cells = [_told(judged, among, threshold) for threshold in reached]
        told = [cell[0] is not None for cell in cells]
        known = told.index(False) if False in told else len(told)  # nothing below a rate that can't be told
        rows.append(cells[:known] + [(None, None)] * (len(cells) - known))
    return tuple(tuple(tuple(cell[side] for cell in row) for row in rows) for side in (0, 1))


def _quantiles(ratios: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The ratio that each of `RATES` of the weight reaches."""
    order = np.argsort(ratios)
    below = np.cumsum(weights[order])
    return ratios[order][np.searchsorted(below / below[-1], 1 - np.array(RATES))]


def _told(judged: Judged, among: np.ndarray, threshold: float) -> tuple[float | None, tuple[float, float] | None]:
    hits = among & (judged.ratios >= threshold)
    if not hits.any() or judged.draws.effective_units(hits) < FEWEST_PAIRS:
        return None, None
    rate = judged.draws.share(hits, among)
    return float(threshold), (rate.low, rate.high)


def format_error_rates(rows: Sequence[dict]) -> str:
    """`error_rates` as a table, all corpora first."""
    header = ("corpus", "shorter recording", "speakers", "trials", "EER in %", "misses in %", "false accepts in %")
    foreign = [
        {**row, "corpus": UNSEEN, "miss": row["miss_foreign"], "false_accept": row["false_accept_foreign"]}
        for row in rows
        if "miss_foreign" in row
    ]
    cells = [header, *map(_cells, [*rows[: len(foreign)], *foreign, *rows[len(foreign) :]])]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in cells]
    notes = [
        "(verdicts at even odds, each trial by weights that saw neither of its speakers; in brackets the 95 % interval",
        "over speakers, of all corpora over corpora too; a pair of strangers counts once, however many its trials are)",
    ]
    return "\n".join([*lines, *notes])


def _cells(row: dict) -> tuple[str, ...]:
    apart = {"two": ", across sessions", "one": ", within a session"}.get(row.get("sessions"), "")
    length = f"below {row['up_to']:g} s" if row["up_to"] else f"{BINS[-1]:g} s or more"
    trials = f"{row['targets']} + {row['nontargets']}"
    name = ALL if row["corpus"] is None else row["corpus"] or "."
    rates = (_percent(row[kind]) for kind in ("miss", "false_accept"))
    eer = "" if row["corpus"] == UNSEEN else f"{100 * row['eer']:.2f}"
    return (name + apart, length, f"{row['speakers']}", trials, eer, *rates)


def _percent(figure: dict) -> str:
    value, low, high = (100 * figure[end] for end in ("value", "low", "high"))
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _fields(figure: Estimate) -> dict:
    return {end: round(float(number), 6) for end, number in vars(figure).items()}
