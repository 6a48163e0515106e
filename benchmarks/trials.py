"""How long a million made-up trials take to score, and to measure with intervals over speakers. Prints JSON lines.

    python benchmarks/trials.py [--speakers 100] [--utterances 14] [--repeats 5]

Scoring is by cosine and by AS-norm with a cohort of 662, of all pairs of utterances; measuring is of EER, minDCF,
actDCF, Cllr and minCllr with the jackknife over all speakers. The last line draws the trials of ten times as many
speakers, whose pairs are a hundred times as many: at most a million of two speakers are taken.
"""

import argparse
import time

import numpy as np
from measure import report

from cache.index import Utterance
from evaluation.detection import ScoredTrials, measured, score_all_pairs
from evaluation.trial_sets import all_pairs
from inference.cohort import COSINES, Cohort, Scoring

SIZE = 128  # of embeddings


def main() -> None:
    """Make embeddings, score, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flag = parser.add_argument
    flag("--speakers", type=int, default=100)
    flag("--utterances", type=int, default=14, help="of each (default: %(default)s)")
    flag("--repeats", type=int, default=5, help="runs, of which the quickest is told (default: %(default)s)")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    voices = np.repeat(rng.normal(size=(args.speakers, SIZE)), args.utterances, axis=0)
    embeddings = voices + 1.7 * rng.normal(size=voices.shape)
    embeddings = (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32)
    owners = np.repeat(np.arange(args.speakers), args.utterances)
    cohort = Scoring(Cohort.from_embeddings(rng.normal(size=(662, SIZE))))
    for scoring in (COSINES, cohort):
        seconds, trials = quickest(args.repeats, lambda scoring=scoring: score_all_pairs(embeddings, owners, scoring))
        report("score", norm=scoring.norm, trials=len(trials.scores), seconds=seconds)
    rated = ScoredTrials(trials.scores, trials.first, trials.second, trials.scores - 2)
    seconds, _ = quickest(args.repeats, lambda: measured(rated, args.speakers))
    report("measure", trials=len(rated.scores), speakers=args.speakers, seconds=seconds)
    many = {f"{n:05}": [utterance(n, u) for u in range(args.utterances)] for n in range(10 * args.speakers)}
    seconds, drawn = quickest(1, lambda: all_pairs("made up", many))
    pairs = len(drawn.utterances) * (len(drawn.utterances) - 1) // 2
    report("draw", speakers=len(many), pairs=pairs, trials=len(drawn.first), seconds=seconds)


def quickest(repeats: int, function) -> tuple[float, object]:
    """The quickest of some runs, in s, and what the last of them gave."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        result = function()
        taken.append(time.perf_counter() - began)
    return min(taken), result


def utterance(speaker: int, number: int) -> Utterance:
    """A line of an index of which nothing is stored."""
    names = ("made up", f"{speaker:05}", f"{number:03}", "", "/made up", "x.wav")
    return Utterance(*names, None, None, 1, 1, "", "", 24_000, 0.0, 0.0)


if __name__ == "__main__":
    main()
