"""Does it matter whose statistics an utterance is normalised with? Each is handed over with other people's."""

from collections.abc import Callable

import numpy as np

from evaluation.audit.finding import Finding, estimate, percent, status_of
from evaluation.audit.pipeline import Material, Pipeline, named
from evaluation.detection import ScoredTrials, score_all_pairs
from evaluation.metrics import equal_error_rate

SMALLEST_MOVE = 1e-3  # cosine distance; less is rounding


def shuffled_statistics(pipeline: Pipeline, material: Material, seed: int = 0) -> Finding:
    """Compare the EER of own statistics with that of statistics of other speakers, drawn for each utterance."""
    rng = np.random.default_rng(seed)
    recordings = [material.of(label) for label in range(material.speakers)]
    own = np.zeros((len(material.signals), 0))
    for label, signals in enumerate(recordings):
        rows = np.flatnonzero(material.labels == label)
        embedded = pipeline.embed(pipeline.inputs(signals, signals))
        own = own if own.size else np.zeros((len(material.signals), embedded.shape[1]))
        own[rows] = embedded
    others = (material.labels + rng.integers(1, material.speakers, len(material.labels))) % material.speakers
    inputs = [pipeline.inputs([signal], recordings[other])[0] for signal, other in zip(material.signals, others)]
    shuffled = pipeline.embed(inputs)
    moved = float((1 - np.einsum("ud,ud->u", own, shuffled)).mean())
    rates = [estimate(error_rate(score_all_pairs(e, material.labels)), material.speakers) for e in (own, shuffled)]
    leaks = moved > SMALLEST_MOVE
    said = (
        f"with statistics of other speakers the EER is {percent(rates[1])}, with each speaker's {percent(rates[0])}; "
        f"embeddings move by {moved:.3f}"
        if leaks
        else "whose statistics an utterance comes with changes no embedding"
    )
    return Finding(named("speaker statistics shuffled", material), status_of(leaks), said, rates[1])


def error_rate(trials: ScoredTrials) -> Callable[[np.ndarray], float]:
    """Return a function from how often each speaker counts to the EER; NaN where a kind of trial is missing."""
    same = trials.first == trials.second

    def statistic(times: np.ndarray) -> float:
        weights = np.where(same, times[trials.first], times[trials.first] * times[trials.second])
        target, nontarget = (np.repeat(trials.scores[rows], weights[rows]) for rows in (same, ~same))
        return equal_error_rate(target, nontarget) if target.size and nontarget.size else np.nan

    return statistic
