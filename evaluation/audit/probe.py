"""Can speakers be told by how they were recorded? A linear probe sees only frames in which nobody speaks.

(Alain & Bengio, "Understanding intermediate layers using linear classifier probes", 2016, has the method.) The frames
are those that the front end drops, so this is a leak of the corpus: what it names, the network does not see in these
frames, but the same noise lies below the speech.
"""

import warnings

import numpy as np

from audio.mfcc import log_mel
from audio.speech_activity import active_cells
from evaluation.audit.finding import Finding, Status, mean_over, percent, status_above
from evaluation.audit.pipeline import Material, named

FOLDS = 4
FEWEST_FRAMES = 10  # without speech, of an utterance
FEWEST_SPEAKERS = 3


def condition_probe(material: Material, by_session: bool = False) -> Finding:
    """Measure how often logistic regression names the speaker of an utterance by its frames without speech.

    Args:
        by_session: whether the utterances that it is tried on are of other sessions than those it learnt from.
    """
    test = named("recording conditions" + (", other sessions" if by_session else ""), material)
    described = [_conditions(signal) for signal in material.signals]
    rows = np.array([row for row, values in enumerate(described) if values is not None], int)
    groups = material.sessions[rows] if by_session else rows.astype(str)
    labels = material.labels[rows]
    enough = [
        label for label in np.unique(labels) if len(np.unique(groups[labels == label])) >= (2 if by_session else FOLDS)
    ]
    kept = np.isin(labels, enough)
    if len(enough) < FEWEST_SPEAKERS:
        return Finding(test, Status.NOT_TESTED, "too few speakers with enough frames in which nobody speaks")
    values = np.stack([described[row] for row in rows[kept]])
    labels, groups = labels[kept], np.char.add(labels[kept].astype(str), groups[kept])
    hits = _predicted(values, labels, groups) == labels
    share = mean_over([float(hits[labels == label].mean()) for label in enough])
    chance = 1 / len(enough)
    said = (
        f"noise between the words names the speaker of {percent(share)} of the utterances, chance {100 * chance:.1f} % "
        f"({len(enough)} speakers)"
    )
    return Finding(test, status_above(share, chance), said, share)


def _conditions(signal: np.ndarray) -> np.ndarray | None:
    """Mean and deviation of log energy and log mel values over frames without speech, (66,); None of too few."""
    mel, active = log_mel(signal), active_cells(signal)
    centres = np.arange(len(mel)) + 1  # cells: a frame of 25 ms has its middle in the second of them
    still = mel[~active[np.minimum(centres, len(active) - 1)]]
    return np.concatenate([still.mean(axis=0), still.std(axis=0)]) if len(still) >= FEWEST_FRAMES else None


def _predicted(values: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The speaker that is predicted for each utterance by those of other groups, (utterances,)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fewest = min(len(np.unique(groups[labels == label])) for label in np.unique(labels))
    folds = StratifiedGroupKFold(min(FOLDS, fewest), shuffle=True, random_state=0)
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fold may hold no utterance of a speaker with few
        return cross_val_predict(probe, values, labels, groups=groups, cv=folds)
