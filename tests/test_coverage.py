"""How often 95 % intervals hold the figure of thousands of speakers: of made-up ones, some of them harder to know."""

import numpy as np
import pytest

from evaluation.comparison import compare
from evaluation.detection import ScoredTrials, measured, score_all_pairs
from evaluation.metrics import CONFIDENCE
from evaluation.scored_set import ScoredSet

UTTERANCES, DIMENSIONS, REPETITIONS = 6, 20, 60
LEAST = 0.85  # of so many repetitions: where 95 % hold, fewer do in 1 of 300 runs
SLOPE, OFFSET = 18.0, -7.5  # from cosines to ratios


def voices(rng, speakers, noise, another=None):
    """Embeddings of utterances (speakers * UTTERANCES, DIMENSIONS), those of some speakers more alike than others'."""
    voice = rng.normal(size=(speakers, 1, DIMENSIONS))
    spread = noise * np.exp(0.35 * rng.normal(size=(speakers, 1, 1)))
    utterances = voice / np.linalg.norm(voice, axis=2, keepdims=True)
    utterances = utterances + spread * rng.normal(size=(speakers, UTTERANCES, DIMENSIONS)) / np.sqrt(DIMENSIONS)
    if another is not None:  # another network: the same voices, heard with a little more noise
        return [flat(utterances), flat(utterances + another * rng.normal(size=utterances.shape))]
    return flat(utterances)


def flat(utterances):
    return (utterances / np.linalg.norm(utterances, axis=2, keepdims=True)).reshape(-1, DIMENSIONS)


def trials_of(embeddings):
    scored = score_all_pairs(embeddings, np.repeat(np.arange(len(embeddings) // UTTERANCES), UTTERANCES))
    return ScoredTrials(scored.scores, scored.first, scored.second, SLOPE * scored.scores + OFFSET)


@pytest.mark.parametrize("speakers", [4, 8, 24])
@pytest.mark.parametrize("noise", [0.55, 1.0])
def test_intervals_hold_the_figures_of_everybody(speakers, noise):
    rng = np.random.default_rng(speakers)
    true = {}
    for _ in range(4):
        for name, one in measured(trials_of(voices(rng, 150, noise)), 150).items():
            true.setdefault(name, []).append(one.value)
    held = dict.fromkeys(true, 0.0)
    for _ in range(REPETITIONS):
        for name, one in measured(trials_of(voices(rng, speakers, noise)), speakers).items():
            held[name] += (one.low <= np.mean(true[name]) <= one.high) / REPETITIONS
    assert CONFIDENCE == 0.95
    assert min(held.values()) >= LEAST, held


def as_set(embeddings):
    trials = trials_of(embeddings)
    nothing = np.zeros(0)
    speakers = tuple(range(len(embeddings) // UTTERANCES))
    owners = np.repeat(speakers, UTTERANCES)
    first, second = np.triu_indices(len(owners), k=1)
    scores = {"none": trials.scores}
    return ScoredSet("made up", (), speakers, owners, first, second, None, embeddings, nothing, scores, {})


@pytest.mark.parametrize("speakers", [4, 8, 24])
def test_differences_hold_the_difference_of_everybody(speakers):
    rng = np.random.default_rng(speakers)

    def difference(count):
        one, other = (as_set(each) for each in voices(rng, count, 0.7, another=0.04))
        return compare([[one], [other]])[0].differences[0]

    true = np.mean([difference(150).value for _ in range(4)])
    intervals = [difference(speakers) for _ in range(REPETITIONS)]
    assert np.mean([one.low <= true <= one.high for one in intervals]) >= LEAST
