"""Inputs that never change within a speaker but from one to the next: a label, whatever they were meant to be."""

import numpy as np

from evaluation.audit.finding import Finding, mean_over, percent, status_of
from evaluation.audit.pipeline import Material, Pipeline, named

SMALLEST_SHARE = 1e-6  # of a column's variance that lies within speakers; below, it is constant


def constant_inputs(pipeline: Pipeline, material: Material) -> Finding:
    """Find columns that are constant for each speaker, and ask how often they alone name the speaker."""
    speakers = [pipeline.inputs(signals, signals) for signals in map(material.of, range(material.speakers))]
    within = np.mean([np.concatenate(one).var(axis=0) for one in speakers], axis=0)
    means = np.stack([np.concatenate(one).mean(axis=0) for one in speakers])
    between = means.var(axis=0)
    columns = (between > 0) & (within <= SMALLEST_SHARE * (within + between))
    count, of = int(columns.sum()), len(columns)
    test = named("constant inputs", material)
    if not count:
        return Finding(test, status_of(False), f"none of the {of} inputs is constant within speakers")
    share = mean_over([_named_by(one, label, means[:, columns], columns) for label, one in enumerate(speakers)])
    said = (
        f"{count} of {of} inputs are constant within a speaker and differ between speakers; they alone name the "
        f"speaker of {percent(share)} of the utterances, chance {100 / material.speakers:.1f} %"
    )
    return Finding(test, status_of(True), said, share)


def _named_by(utterances: list[np.ndarray], label: int, means: np.ndarray, columns: np.ndarray) -> float:
    """The share of a speaker's utterances whose nearest speaker, by some columns alone, is the right one."""
    values = np.stack([utterance[:, columns].mean(axis=0) for utterance in utterances])
    distances = np.square(values[:, None] - means).sum(axis=2)
    return float((distances.argmin(axis=1) == label).mean())
