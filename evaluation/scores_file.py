"""The scores of every trial, for whoever wants to measure something else."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evaluation.cuts import describe_cut
from evaluation.results import SCORES
from evaluation.scored_set import ScoredSet
from storage.atomic import atomic_file
from storage.progress import progress

WRITTEN_AT_ONCE = 1 << 16  # trials


def write_scores(path: Path, sets: Sequence[ScoredSet]) -> None:
    """Write a line for each trial at each length: tab-separated, with a heading, quoted as CSV where a name needs it.

    The columns are source, cut, first, second, target (1 or 0), and for each norm the score and, where there is one,
    the log-likelihood ratio (natural logarithm).

    Raises:
        OSError: the file can't be written.
    """
    norms = list(sets[0].scores)
    with_ratios = [norm for norm in norms if norm in sets[0].ratios]
    header = ["source", "cut", "first", "second", "target", *(SCORES[norm] for norm in norms)]
    header += [f"ratio of {SCORES[norm]}" for norm in with_ratios]
    total = sum(len(one.first) for one in sets)
    with atomic_file(path) as file, progress("write scores", total, "trial") as bar:
        text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="", write_through=True)
        writer = csv.writer(text, delimiter="\t", lineterminator="\n")
        writer.writerow(header)
        for one in sets:
            names = ["/".join(filter(None, utterance.key)) for utterance in one.utterances]
            values = [*(one.scores[norm] for norm in norms), *(one.ratios[norm] for norm in with_ratios)]
            columns = np.stack(values, axis=1) if values else np.zeros((len(one.first), 0))
            cut, same = describe_cut(one.cut), one.same.astype(int)
            for start in range(0, len(one.first), WRITTEN_AT_ONCE):
                part = slice(start, start + WRITTEN_AT_ONCE)
                rows = zip(one.first[part].tolist(), one.second[part].tolist(), same[part].tolist(), columns[part])
                writer.writerows(
                    [one.source, cut, names[a], names[b], target, *(f"{value:.6g}" for value in numbers.tolist())]
                    for a, b, target, numbers in rows
                )
                bar.update(len(same[part]))
        text.detach()
