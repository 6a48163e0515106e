"""How well `cli.py --cluster` tells who is who among a cache's held-out speakers. Prints JSON lines.

    python benchmarks/cluster.py CACHE [--test_speakers_file FILE ...] [--utterances 10]

The first utterances of each held-out speaker are clustered without their names, those of each corpus by themselves and
all together, at several priors and rates of false acceptance. Each line has the adjusted Rand index (Hubert and Arabie,
"Comparing partitions", 1985: 1 for the true groups, about 0 for groups by chance), purity (the share of recordings that
are of the most frequent speaker of their group), completeness (the share that are in the largest group of their
speaker), and how many people were found where there were how many. The calibration's own speakers are among these
unless others are named: the network never heard them, but the five weights that make ratios of scores have.
`--sizes 1000 5000` adds what clustering that many recordings costs, made of random directions.
"""

import argparse
import sys

import held_out
import numpy as np
from measure import ROOT, progress, report, run_command
from sklearn.metrics import adjusted_rand_score

from audio.speech_activity import speech_seconds
from cache.entries import read_signal
from evaluation.clustering import Thresholds, cluster, pair_ratios, purity
from inference.decisions import Policy
from inference.encoder import SpeakerEncoder

UTTERANCES = 10  # of each speaker
EVERYTHING = "all"  # corpora together
POLICIES = (*map(Policy, (0.5, 0.2, 0.1, 0.02)), Policy(max_false_accept=0.05), Policy(max_false_accept=0.02))
MADE_UP = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from evaluation.clustering import Thresholds, cluster, pair_ratios, people
from inference.decisions import Policy
from inference.encoder import SpeakerEncoder

encoder, rng, count = SpeakerEncoder(), np.random.default_rng(0), int(sys.argv[2])
voices = np.repeat(rng.normal(size=(count // 10, encoder.embedding_size)), 10, axis=0)
noisy = voices + rng.normal(size=voices.shape) / 2
embeddings = (noisy / np.linalg.norm(noisy, axis=1, keepdims=True)).astype(np.float32)
seconds = rng.uniform(1, 8, len(embeddings))
ratios = pair_ratios(embeddings, seconds, encoder.scoring, encoder.calibration)
found = people(ratios, cluster(ratios, seconds, Thresholds.of(encoder.calibration, Policy())))
print(len(found), "people")
"""


def main() -> None:
    """Measure each corpus, all together, and what sizes cost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    held_out.add_arguments(parser)
    flag = parser.add_argument
    flag("--utterances", type=int, default=UTTERANCES, help="of each speaker at most (default: %(default)s)")
    flag("--sizes", type=int, nargs="*", default=(), metavar="N", help="also time clustering of N made-up recordings")
    args = parser.parse_args()
    encoder = SpeakerEncoder(args.network)
    corpora = held_out.held_out(args, encoder, args.utterances)
    embedded = {corpus: embed(encoder, args, speakers) for corpus, speakers in corpora.items()}
    embedded[EVERYTHING] = together(list(embedded.values()))
    for corpus, (embeddings, seconds, owners) in embedded.items():
        ratios = pair_ratios(embeddings, seconds, encoder.scoring, encoder.calibration)
        for policy in POLICIES:
            labels = cluster(ratios, seconds, Thresholds.of(encoder.calibration, policy))
            report("cluster", corpus=corpus, **vars(policy), **figures(labels, owners))
    for size in args.sizes:
        progress(f"cluster {size} made-up recordings")
        cost = run_command([sys.executable, "-c", MADE_UP, ROOT, size])
        report("cluster_size", recordings=size, **cost.figures())


def embed(encoder: SpeakerEncoder, args: argparse.Namespace, speakers: dict) -> tuple[np.ndarray, ...]:
    """Embeddings (n, d) of a corpus's utterances, seconds of speech (n,), and the number of each one's speaker (n,)."""
    signals = [read_signal(args.cache, utterance) for own in speakers.values() for utterance in own]
    seconds = np.array([speech_seconds(signal) for signal in signals])
    return encoder.embed_utterances(signals), seconds, held_out.owners(speakers)


def together(parts: list[tuple[np.ndarray, ...]]) -> tuple[np.ndarray, ...]:
    """Several corpora as one, whose speakers are all different."""
    embeddings, seconds, owners = zip(*parts)
    before = np.cumsum([0, *(own.max() + 1 for own in owners)])
    numbered = [own + first for own, first in zip(owners, before)]
    return np.concatenate(embeddings), np.concatenate(seconds), np.concatenate(numbered)


def figures(labels: np.ndarray, owners: np.ndarray) -> dict[str, object]:
    """How well groups agree with speakers."""
    return {
        "recordings": len(owners),
        "speakers": len(np.unique(owners)),
        "people": len(np.unique(labels)),
        "adjusted_rand": float(adjusted_rand_score(owners, labels)),
        "purity": purity(labels, owners),
        "completeness": purity(owners, labels),
    }


if __name__ == "__main__":
    main()
