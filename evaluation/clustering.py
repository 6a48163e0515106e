"""Who is who among recordings without names: groups of recordings that sound like one person.

Agglomerative clustering by average linkage, cut where `--verify` would no longer say "same": two groups become one
while the mean log-likelihood ratio between their recordings is above the threshold (as in diarisation: Sell and
Garcia-Romero, "Speaker diarization with PLDA i-vector scoring and unsupervised calibration", SLT 2014). How many people
there are need not be known.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import AgglomerativeClustering

from inference.calibration import Calibration
from inference.cohort import Scoring
from inference.decisions import Policy
from inference.likelihood_ratio import log_odds

MOST_RECORDINGS = 10_000  # all pairs of which are held in memory: 3 GB
PAIRS_AT_ONCE = 1 << 20  # to bound what the ratios' columns take


@dataclass(frozen=True)
class Thresholds:
    """The log-likelihood ratios from which on two recordings count as one person's, by the length of the shorter."""

    bins: tuple[float, ...]  # s of speech, upper ends of all bins but the last
    values: np.ndarray  # (bins + 1,) float64

    @classmethod
    def of(cls, calibration: Calibration, policy: Policy) -> "Thresholds":
        """Return those of a policy.

        Raises:
            CalibrationError: the calibration's speakers are too few for the policy's rate of false acceptance, in
                recordings of some length.
        """
        rate = policy.max_false_accept
        if rate is None:
            return cls((), np.array([-log_odds(policy.prior)]))
        lengths = (0.0, *calibration.bins)  # the least of each bin
        return cls(calibration.bins, np.array([calibration.threshold(rate, seconds) for seconds in lengths]))

    def __call__(self, seconds: np.ndarray) -> np.ndarray:
        """Return the threshold for lengths of any shape."""
        return self.values[np.searchsorted(self.bins, seconds, side="right")]


@dataclass(frozen=True)
class Person:
    """Recordings that belong together."""

    rows: np.ndarray  # (recordings,) their numbers, rising
    inside: np.ndarray | None  # (recordings,) mean ratio of each to the person's others; None where there are none
    nearest: int | None = None  # the place of the person who is most alike; None where there is no other
    nearest_ratio: float | None = None  # mean ratio between both's recordings


def pair_ratios(embeddings: np.ndarray, seconds: np.ndarray, scoring: Scoring, calibration: Calibration) -> np.ndarray:
    """Return the log-likelihood ratios of all pairs of recordings.

    Args:
        embeddings: (n, d), rows of length 1.
        seconds: speech in each, (n,).

    Returns:
        float32 (n, n), symmetric, beyond what the calibration's speakers can tell; the diagonal means nothing.
    """
    ratios = np.empty((len(embeddings),) * 2, np.float32)
    for rows in _blocks(len(embeddings)):
        scores = scoring.matrix(embeddings[rows], embeddings)
        ratios[rows] = calibration.unbounded(scores, seconds[rows, None], seconds[None])
    return ratios


def cluster(ratios: np.ndarray, seconds: np.ndarray, thresholds: Thresholds) -> np.ndarray:
    """Return a label for each recording, (n,) int: those of one label are of one person.

    Args:
        ratios: as `pair_ratios` gives them.
        seconds: speech in each recording, (n,).
    """
    if len(ratios) < 2:
        return np.zeros(len(ratios), int)
    distances = np.empty(ratios.shape)
    for rows in _blocks(len(ratios)):
        distances[rows] = thresholds(np.minimum(seconds[rows, None], seconds[None])) - ratios[rows]
    lowest = distances.min()
    distances -= lowest  # means move by as much, so that the same are joined
    at_the_threshold = np.nextafter(-lowest, np.inf)  # is still one person, as for --verify
    np.fill_diagonal(distances, 0)
    model = AgglomerativeClustering(
        n_clusters=None, metric="precomputed", linkage="average", distance_threshold=max(at_the_threshold, 0)
    )
    return model.fit_predict(distances)


def people(ratios: np.ndarray, labels: np.ndarray) -> list[Person]:
    """Return who was found, who has most recordings first, and of equals who comes first.

    Args:
        ratios: (n, n), as `pair_ratios` gives them.
        labels: (n,), as `cluster` gives them.
    """
    _, first, numbers, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    ranks = np.empty(len(sizes), int)
    ranks[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    places = ranks[numbers]  # (n,) the place of each recording's person
    groups = np.split(np.argsort(places, kind="stable"), np.cumsum(np.sort(sizes)[::-1])[:-1])
    sums = np.stack([ratios[rows].sum(axis=0, dtype=np.float64) for rows in groups])  # (people, n)
    between = np.stack([sums[:, rows].mean(axis=1) / [len(one) for one in groups] for rows in groups])
    np.fill_diagonal(between, -np.inf)
    return [_person(place, rows, ratios, sums[place], between[place]) for place, rows in enumerate(groups)]


def _person(place: int, rows: np.ndarray, ratios: np.ndarray, sums: np.ndarray, between: np.ndarray) -> Person:
    """One of the people; `sums` (n,) are of each recording's ratios to theirs, `between` (people,) means to all."""
    inside = (sums[rows] - ratios[rows, rows]) / (len(rows) - 1) if len(rows) > 1 else None
    if len(between) < 2:
        return Person(rows, inside)
    nearest = int(between.argmax())
    return Person(rows, inside, nearest, float(between[nearest]))


def purity(labels: Sequence[int] | np.ndarray, speakers: Sequence[int] | np.ndarray) -> float:
    """Return the share of recordings that are of the most frequent speaker of their group.

    Args:
        labels: the group of each recording, (n,).
        speakers: who speaks in it, (n,).
    """
    labels, speakers = np.asarray(labels), np.asarray(speakers)
    most = (np.unique(speakers[labels == label], return_counts=True)[1].max() for label in np.unique(labels))
    return float(sum(most) / len(labels))


def _blocks(count: int) -> Iterator[slice]:
    """Rows of a square of `count` by `count`, not too many at once."""
    rows = max(PAIRS_AT_ONCE // count, 1) if count else 1
    return (slice(start, start + rows) for start in range(0, count, rows))
