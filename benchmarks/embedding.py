"""How long it takes to embed cached utterances. Prints one JSON line after the machine's.

    python benchmarks/embedding.py CACHE [--checkpoint FILE] [--utterances 400]

Utterances are embedded a speaker at a time, as the tool does it, and then one by one; their features are part of that,
reading them is not. Memory is what this process has resident at most, by the kernel's own account. Without a
checkpoint it is the bundled network.
"""

import argparse
import time
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median

import numpy as np
from measure import report, timed
from peak_memory import KIB

from audio.decode import SAMPLE_RATE
from cache.entries import read_signal
from cache.utterances import UtteranceCache
from inference.encoder import SpeakerEncoder

ONE_BY_ONE = 100  # utterances
WARM_UP = 5  # calls


def main() -> None:
    """Load the network, embed, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flag = parser.add_argument
    flag("cache", type=Path, help="a folder that cli.py --regenerate_full_cache filled")
    flag("--checkpoint", type=Path, help="network to use (default: the bundled one)")
    flag("--utterances", type=int, default=400, help="the first so many of the cache (default: %(default)s)")
    args = parser.parse_args()
    speakers = read_speakers(args.cache, args.utterances)
    began = time.perf_counter()
    encoder = SpeakerEncoder(args.checkpoint)
    loading = time.perf_counter() - began
    figures = embed_all(encoder, speakers)
    peak = getrusage(RUSAGE_SELF).ru_maxrss * KIB
    weights = encoder.origin["path"]
    report("embedding", weights=weights, load_seconds=loading, **figures, peak_mb=peak / 1e6)


def read_speakers(folder: Path, utterances: int) -> list[list[np.ndarray]]:
    """The signals of the cache's first utterances, by speaker."""
    cache = UtteranceCache.open(folder)
    first = [entry for _, entry in sorted(cache.utterances.items())][:utterances]
    groups = groupby(first, attrgetter("whose"))
    return [[read_signal(folder, entry) for entry in group] for _, group in groups]


def embed_all(encoder: SpeakerEncoder, speakers: list[list[np.ndarray]]) -> dict[str, float]:
    """Embed all by speaker, and some alone."""
    signals = [signal for speaker in speakers for signal in speaker]
    seconds = sum(map(len, signals)) / SAMPLE_RATE  # of voiced speech
    for _ in range(WARM_UP):
        encoder.embed_utterances(speakers[0])
        encoder.embed_utterances(signals[:1])
    together = timed(lambda: [encoder.embed_utterances(speaker) for speaker in speakers])
    alone = [timed(encoder.embed_utterances, [signal]).wall for signal in signals[:ONE_BY_ONE]]
    return {
        "speakers": len(speakers),
        "utterances": len(signals),
        "voiced_hours": seconds / 3600,
        **together.figures(),
        "x_real_time": seconds / together.wall,
        "ms_per_utterance": 1e3 * together.wall / len(signals),
        "cpu_ms_per_utterance": 1e3 * together.cpu / len(signals),
        "one_by_one_median_ms": 1e3 * median(alone),
    }


if __name__ == "__main__":
    main()
