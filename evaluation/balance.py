"""How much each trial of a calibration counts.

The numbers of trials are unequal: a speaker with twenty utterances has fifty times the trials of one with three, and a
corpus of many speakers has many more pairs of strangers than another. Unweighted, they would teach that long recordings
are of two speakers. So, within each corpus and each combination of lengths, trials of one speaker and of two weigh the
same in all; there, each speaker weighs the same, and each pair of strangers; and all of them together weigh as much as
speakers have trials with themselves there, so that a combination that one speaker alone has in a corpus does not count
for many. Combinations share what their shorter length weighs, as errors are counted and thresholds kept by shorter
lengths.

People compare recordings of two occasions. Where a speaker has trials across sessions, those within one do not count.
"""

import numpy as np

from evaluation.calibration_trials import Trials, chosen

BINS = (1.5, 3.0)  # s of speech: upper ends of the lengths that are told apart


def bins_of(seconds: np.ndarray) -> np.ndarray:
    """Return the number of each length's bin, from 0 to `len(BINS)`."""
    return np.searchsorted(BINS, seconds, side="right")


def balanced_weights(trials: Trials) -> np.ndarray:
    """Weigh each trial, (trials,): 0 for one without a counterpart, or of one session where the speaker has two."""
    cells = _numbered(trials.corpora, bins_of(trials.shorter), bins_of(trials.longer))
    has_two_sessions = _any(trials.across, cells, trials.first)
    counts = ~trials.same | trials.across | ~has_two_sessions
    sides = _numbered(cells, trials.same)
    units = _numbered(sides, trials.first, trials.second)
    in_unit = np.bincount(units, counts)[units]
    weights = np.divide(counts, in_unit, out=np.zeros(len(counts)), where=in_unit > 0)  # each unit weighs 1
    weights = weights / np.bincount(sides, weights)[sides]  # each side of a cell
    has_both = np.bincount(cells, trials.same)[cells] * np.bincount(cells, ~trials.same)[cells] > 0
    sharing = len(BINS) + 1 - bins_of(trials.shorter)  # combinations with that shorter length
    return weights * has_both * _speakers_in(cells, trials) / sharing


def _speakers_in(cells: np.ndarray, trials: Trials) -> np.ndarray:
    """How many speakers have trials with themselves in each trial's cell."""
    speakers = int(trials.first.max()) + 1
    pairs = np.unique(cells[trials.same] * speakers + trials.first[trials.same])
    return np.bincount(pairs // speakers, minlength=cells.max() + 1)[cells]


def a_few_of_each(trials: Trials, most: int) -> np.ndarray:
    """Pick rows of `most` trials of each speaker, and each pair, at each combination of lengths, drawn if more.

    More of them would say the same again.
    """
    order = np.random.default_rng(0).permutation(len(trials.scores))
    shuffled = chosen(trials, order)
    bins = bins_of(shuffled.shorter), bins_of(shuffled.longer)
    units = _numbered(*bins, shuffled.across, shuffled.first, shuffled.second)
    by_unit = np.argsort(units, kind="stable")
    starts = np.cumsum(np.bincount(units)) - np.bincount(units)
    rank = np.arange(len(units)) - starts[units[by_unit]]
    return np.sort(order[by_unit[rank < most]])


def _any(flags: np.ndarray, *columns: np.ndarray) -> np.ndarray:
    """For each trial, whether any that agrees with it in all columns has the flag."""
    groups = _numbered(*columns)
    return np.bincount(groups, flags)[groups] > 0


def _numbered(*columns: np.ndarray) -> np.ndarray:
    """A number for each combination of values that occurs, from 0."""
    key = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        key = key * (int(column.max()) + 1) + column
    return np.unique(key, return_inverse=True)[1]
