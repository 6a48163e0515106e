"""The recordings of a cache's held-out speakers, for the benchmarks that ask how good a network's answers are.

Who is held out, and what is compared, is as in `cli.py --evaluate`: the network's held-out speakers unless a list is
given, without those whom it was trained on; and the first utterances of each, by name.
"""

import argparse
from itertools import chain
from pathlib import Path

import numpy as np
import soundfile
from measure import progress

from audio.decode import PCM_SCALE
from cache.index import Utterance
from cache.utterances import UtteranceCache
from corpus.speakers import read_speakers_file
from evaluation.held_out_speakers import comparable, held_out_utterances
from evaluation.trial_sets import UTTERANCES_PAIRED
from inference.encoder import SpeakerEncoder

Corpora = dict[str, dict[str, list[Utterance]]]  # utterances by corpus and speaker


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the cache, the speakers and the network from the command line."""
    flag = parser.add_argument
    flag("cache", type=Path, help="a folder that cli.py --regenerate_full_cache filled; the recordings must be there")
    speakers = "files of held-out speakers, one a line (default: the network's)"
    flag("--test_speakers_file", nargs="+", action="extend", type=Path, metavar="FILE", help=speakers)
    flag("--network", type=Path, help="checkpoint or exported network (default: the bundled one)")


def held_out(args: argparse.Namespace, encoder: SpeakerEncoder, utterances: int | None = UTTERANCES_PAIRED) -> Corpora:
    """The utterances to compare, of every corpus that has two such speakers.

    Args:
        utterances: of each speaker at most; None for all.
    """
    cache = UtteranceCache.open(args.cache)
    files = args.test_speakers_file or ()
    names = chain.from_iterable(read_speakers_file(file, cache.speakers()) for file in files)
    corpora, _ = held_out_utterances([encoder], cache, tuple(names) if files else encoder.held_out)
    kept = {
        corpus: {name: own[:utterances] for name, own in speakers.items()}
        for corpus, speakers in comparable(corpora).items()
    }
    progress("held out: " + ", ".join(f"{len(speakers)} of {corpus}" for corpus, speakers in kept.items()))
    return kept


def owners(speakers: dict[str, list[Utterance]]) -> np.ndarray:
    """The number of each utterance's speaker, (utterances,), the speakers' utterances one after another."""
    return np.repeat(np.arange(len(speakers)), [len(own) for own in speakers.values()])


def recorded(utterance: Utterance) -> tuple[np.ndarray, int]:
    """What was recorded, before the tool's own front end: samples of full scale 1, (samples,) float64, and the rate."""
    rate = soundfile.info(utterance.path).samplerate
    part = [None if end is None else round(end * rate) for end in (utterance.start, utterance.end)]
    samples, _ = soundfile.read(utterance.path, start=part[0] or 0, stop=part[1], always_2d=True)
    return samples.mean(axis=1), rate


def to_pcm(samples: np.ndarray) -> np.ndarray:
    """Samples of full scale 1 as a recorder of 16 bits has them, int16."""
    return np.clip(np.rint(samples * PCM_SCALE), -PCM_SCALE, PCM_SCALE - 1).astype(np.int16)
