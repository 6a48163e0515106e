"""EER and minDCF beside those of Resemblyzer, on the same recordings of speakers that this tool's network never heard.

    python benchmarks/compare_resemblyzer.py CACHE --resemblyzer PYTHON [--keep FILE]
        [--test_speakers_file FILE ...] [--network FILE]

`--resemblyzer` names the Python of an environment with Resemblyzer (PyPI, with PyTorch for the CPU). It embeds each
recording as its README says, `embed_utterance(preprocess_wav(file))`, at 16 kHz, and compares by cosine; this tool
embeds what its cache holds of the same, and compares by AS-norm where the network has a cohort (`cosine_eer` is without
it). The trials are those of `cli.py --evaluate`: all pairs of each speaker's first utterances, whole, within a corpus.
Where speakers have several sessions, which the corpus knows or utterances are named by (`<speaker>_s<session>_<nnn>`),
one more row takes target trials across two sessions only. Prints a JSON line for each corpus after the machine's, and a
table to stderr. Intervals are over speakers (`evaluation.jackknife`); that of the difference, ours less theirs, is of
the same speakers for both (`evaluation.comparison`).
"""

import argparse
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import held_out
import numpy as np
from measure import progress, report, show_table
from resemblyzer_teacher import name_of, resemblyzer

from cache.index import Utterance
from cache.utterances import UtteranceCache
from evaluation.comparison import paired
from evaluation.cuts import embed_cuts
from evaluation.detection import ScoredTrials, score_pairs
from evaluation.metrics import equal_error_rate
from inference.encoder import SpeakerEncoder
from inference.estimate import Estimate

ALL_PAIRS, TWO_SESSIONS = "all pairs", "two sessions"
MEANS = ("eer", "cosine_eer", "resemblyzer_eer", "difference_eer")  # over corpora, all pairs
SESSION = re.compile(r"_s(\d+)_\d+$")  # at the end of an utterance's name


def main() -> None:
    """Embed with both, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    held_out.add_arguments(parser)
    flag = parser.add_argument
    flag("--resemblyzer", metavar="PYTHON", required=True, help="of an environment that has it")
    flag("--keep", type=Path, metavar="FILE", help="keep Resemblyzer's embeddings in this .npz file for the next time")
    args = parser.parse_args()
    encoder, rows = SpeakerEncoder(args.network), []
    cache = UtteranceCache.open(args.cache)
    corpora = held_out.held_out(args, encoder)
    utterances = [one for speakers in corpora.values() for own in speakers.values() for one in own]
    theirs = resemblyzer(args.resemblyzer, utterances, args.keep)
    for corpus, speakers in corpora.items():
        progress(corpus)
        for row in compared(encoder, cache, speakers, theirs):
            rows.append({"corpus": corpus, **row})
            report("compare_resemblyzer", **rows[-1])
    show_table([as_text(row) for row in rows])
    whole = [row for row in rows if row["trials"] == ALL_PAIRS]
    means = {name: float(np.mean([row[name] for row in whole])) for name in MEANS}
    report("compare_resemblyzer_mean", corpora=len(whole), **means)
    progress("mean EER of all corpora: " + ", ".join(f"{name} {100 * value:.2f} %" for name, value in means.items()))


def compared(
    encoder: SpeakerEncoder, cache: UtteranceCache, speakers: dict[str, list[Utterance]], theirs: dict[str, np.ndarray]
) -> Iterator[dict]:
    """Counts and figures of a corpus, for each kind of trials.

    Args:
        theirs: Resemblyzer's embeddings, by name.
    """
    utterances, owners = [one for own in speakers.values() for one in own], held_out.owners(speakers)
    ours = embed_cuts(encoder, cache, utterances, (None,)).embeddings[0]
    other = np.array([theirs[name_of(one)] for one in utterances])
    for trials, (first, second) in trials_of(utterances).items():
        scored = score_pairs(ours, owners, first, second, encoder.scoring)
        row = {"trials": trials, "speakers": len(speakers), "utterances": len(utterances)}
        row |= {"targets": scored.targets, "nontargets": scored.nontargets, "score_norm": encoder.scoring.norm}
        row["cosine_eer"] = eer(score_pairs(ours, owners, first, second))
        yield row | flat(side_by_side(scored, score_pairs(other, owners, first, second), len(speakers)))


def trials_of(utterances: list[Utterance]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The trials' rows: all pairs, and those across two sessions where some speaker has several."""
    first, second = np.triu_indices(len(utterances), k=1)
    found = {ALL_PAIRS: (first, second)}
    names = np.array([str(one.whose) for one in utterances])
    same = names[first] == names[second]
    sessions = np.array([session(one) for one in utterances])
    across = (sessions[first] != sessions[second]) & (sessions[first] != "") & (sessions[second] != "")
    if (same & across).any():
        found[TWO_SESSIONS] = first[across | ~same], second[across | ~same]
    return found


def session(utterance: Utterance) -> str:
    """When it was recorded, as the corpus or its name says; else nothing."""
    named = SESSION.search(utterance.utterance)
    return utterance.session or (named[1] if named else "")


def side_by_side(ours: ScoredTrials, theirs: ScoredTrials, speakers: int) -> dict[str, Estimate]:
    """Both systems' estimates, and ours less theirs on the same speakers."""
    found = {}
    for name, ((resemblyzer_s, own), (difference,)) in paired([theirs, ours], speakers).items():
        found |= {name: own, f"resemblyzer_{name}": resemblyzer_s, f"difference_{name}": difference}
    return found


def eer(trials: ScoredTrials) -> float:
    """The equal error rate alone."""
    return equal_error_rate(*(trials.scores[(trials.first == trials.second) == same] for same in (True, False)))


def flat(found: dict[str, Estimate]) -> dict[str, float]:
    """Each figure as three fields."""
    ends: dict[str, Callable] = {"": lambda one: one.value, "_low": lambda one: one.low, "_high": lambda one: one.high}
    return {name + end: value(one) for name, one in found.items() for end, value in ends.items()}


def as_text(row: dict) -> dict[str, str]:
    """A row of the table: EER in %, and the minDCF for a prior of 0.05."""
    shown = {"corpus": row["corpus"], "trials": row["trials"], "speakers": row["speakers"]}
    for heading, name, factor in (("EER in %", "eer", 100), ("minDCF 0.05", "min_dcf_0.05", 1)):
        for whose, prefix in (("ours", ""), ("Resemblyzer", "resemblyzer_"), ("difference", "difference_")):
            value, low, high = (factor * row[f"{prefix}{name}{end}"] for end in ("", "_low", "_high"))
            shown[f"{heading}, {whose}"] = f"{value:.2f} [{low:.2f}, {high:.2f}]"
    return shown


if __name__ == "__main__":
    main()
