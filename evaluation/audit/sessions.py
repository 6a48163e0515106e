"""Is a session known instead of a voice? Trials of one session against those of two."""

import numpy as np

from evaluation.audit.finding import Finding, Status, percent, status_above
from evaluation.audit.pipeline import Material, Pipeline, named
from evaluation.comparison import paired
from evaluation.detection import EER, score_all_pairs

FEWEST_TRIALS = 10  # targets of each kind
LARGEST_RISE = 0.01  # of the EER; an interval above it is a leak


def across_sessions(pipeline: Pipeline, material: Material) -> Finding:
    """Compare the EER of targets of one session with that of targets of two, against the same non-targets."""
    test = named("same session against different session", material)
    first, second = np.triu_indices(len(material.signals), k=1)
    one, two = (material.sessions[rows] for rows in (first, second))
    known, target = (one != "") & (two != ""), material.labels[first] == material.labels[second]
    within, across = target & known & (one == two), target & known & (one != two)
    if min(within.sum(), across.sum()) < FEWEST_TRIALS:
        return Finding(test, Status.NOT_TESTED, "too few speakers with several known sessions of several recordings")
    recordings = [material.of(label) for label in range(material.speakers)]
    inputs = [pipeline.inputs([s], recordings[label])[0] for s, label in zip(material.signals, material.labels)]
    trials = score_all_pairs(pipeline.embed(inputs), material.labels)
    kinds = [trials.chosen(~target | kind) for kind in (within, across)]
    rates, (rise,) = paired(kinds, material.speakers)[EER]
    said = f"the EER is {percent(rates[0])} within a session and {percent(rates[1])} across sessions"
    return Finding(test, status_above(rise, LARGEST_RISE), said, rise)
