"""Trials whose log-likelihood ratio is known: scores are normal, whatever the lengths."""

from itertools import combinations

import numpy as np

from evaluation.calibration_trials import Trials

SAME_MEAN, OTHER_MEAN, DEVIATION = 0.6, 0.2, 0.1
LENGTHS = np.array([(1, 1), (1, 2), (1, 4), (2, 2), (2, 4), (4, 4)])  # s, all combinations of bins


def known_ratio(score):
    """Of the two normal distributions."""
    return ((score - OTHER_MEAN) ** 2 - (score - SAME_MEAN) ** 2) / (2 * DEVIATION**2)


def made_trials(speakers=(12, 12), of_one=30, of_two=30, seed=0) -> Trials:
    """All speakers of each corpus with themselves, and all pairs of them, so many trials of each, at `LENGTHS`."""
    rng = np.random.default_rng(seed)
    parts, number = [], 0
    for corpus, count in enumerate(speakers):
        own = range(number, number + count)
        parts += [(corpus, one, one, of_one) for one in own]
        parts += [(corpus, a, b, of_two) for a, b in combinations(own, 2)]
        number += count
    corpora, first, second = (np.repeat([part[at] for part in parts], [part[3] for part in parts]) for at in range(3))
    same = first == second
    turns = np.concatenate([np.arange(part[3]) % len(LENGTHS) for part in parts])
    lengths = np.sort(LENGTHS[turns].T * rng.uniform(0.8, 1.2, (2, len(same))), axis=0)
    scores = rng.normal(np.where(same, SAME_MEAN, OTHER_MEAN), DEVIATION)
    return Trials(scores, *lengths, same, np.zeros(len(same), bool), first, second, corpora)
