"""Does it matter whose statistics an utterance is normalised with? Each is handed over with other people's."""

import numpy as np

from evaluation.audit.finding import Finding, percent, status_of
from evaluation.audit.pipeline import Material, Pipeline, named
from evaluation.detection import EER, measured, score_all_pairs

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
    rates = [measured(score_all_pairs(one, material.labels), material.speakers)[EER] for one in (own, shuffled)]
    leaks = moved > SMALLEST_MOVE
    said = (
        f"with statistics of other speakers the EER is {percent(rates[1])}, with each speaker's {percent(rates[0])}; "
        f"embeddings move by {moved:.3f}"
        if leaks
        else "whose statistics an utterance comes with changes no embedding"
    )
    return Finding(named("speaker statistics shuffled", material), status_of(leaks), said, rates[1])
