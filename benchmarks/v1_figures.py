"""The four figures of the first version's README, with its leak and without, on the same speech and first weights.

    python benchmarks/v1_figures.py CACHE HELD_OUT_FILE [...]

CACHE holds the speech, and the files name the unseen speakers. Prints a line of JSON for each arm: with the leak;
the network of that arm where unseen speakers are normalised by the training set, not by themselves; without the leak.
docs/v1-figures.md explains them.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from cache.entries import read_signal
from cache.utterances import UtteranceCache
from corpus.recording import Speaker
from corpus.speakers import read_speakers_file, speakers_named
from evaluation.detection import EER, measured, score_all_pairs
from evaluation.v1.features import statistics_of, windows
from evaluation.v1.network import V1Network
from evaluation.v1.pipeline import V1Pipeline
from evaluation.v1.training import TRAIN_SHARE, make_inputs
from inference.cached_speakers import SpeakerEmbeddings, different_speaker_distance, same_speaker_distance

CORPORA = ("speechocean762", "librispeech", "vctk")
TRAINED = 60  # speakers
FEWEST, MOST = 8, 10  # utterances of each
SOFTMAX_STEPS, TRIPLET_STEPS = 2000, 1500

Signals = dict[Speaker, list[np.ndarray]]


def main(cache_folder: str, *held_out: str) -> None:
    """Train both arms and print their figures."""
    cache = UtteranceCache.open(Path(cache_folder))
    names = [name for file in held_out for name in read_speakers_file(Path(file), cache.speakers())]
    unseen = speakers_named(names, cache.speakers())
    usable = [speaker for speaker in cache.speakers() if speaker.corpus in CORPORA]
    others = [speaker for speaker in usable if speaker not in unseen and len(cache.of_speaker(speaker)) >= FEWEST]
    chosen = [others[row] for row in np.linspace(0, len(others) - 1, TRAINED).round().astype(int)]
    trained = read(cache, chosen)
    strangers = read(cache, sorted(unseen & set(usable)))
    for leak in (True, False):
        arm(trained, strangers, leak)


def arm(trained: Signals, strangers: Signals, leak: bool) -> None:
    """Train the three stages, and print the figures."""
    begun = time.process_time()
    inputs = make_inputs(trained, leak)
    network = V1Network(len(trained))
    pipeline = V1Pipeline(network, inputs.statistics)
    network.train_softmax(*inputs.train, SOFTMAX_STEPS)
    figures = {"softmax_accuracy": network.accuracy(*inputs.test)}
    figures["unseen_after_softmax"] = unseen_figures(pipeline, strangers)
    network.train_triplets(*inputs.train, TRIPLET_STEPS)
    figures["triplet_loss"] = network.triplet_loss(*inputs.train)
    figures["triplet_loss_test"] = network.triplet_loss(*inputs.test)
    network.train_softmax(*inputs.train, SOFTMAX_STEPS, frozen=True)
    figures["frozen_accuracy"] = network.accuracy(*inputs.test, frozen=True)
    figures["unseen"] = unseen_figures(pipeline, strangers)
    about = {"speakers": len(trained), "unseen_speakers": len(strangers), "train_windows": len(inputs.train.labels),
             "test_windows": len(inputs.test.labels)}  # fmt: skip
    cpu = round(time.process_time() - begun)
    print(json.dumps({"arm": "leak" if leak else "no leak", **about, **figures, "cpu_seconds": cpu}), flush=True)
    if leak:
        training = [windows(signal) for one in trained.values() for signal in one[: round(TRAIN_SHARE * len(one))]]
        plain = V1Pipeline(network, statistics_of(training))
        print(json.dumps({"arm": "leak, unseen without it", "unseen": unseen_figures(plain, strangers)}), flush=True)


def unseen_figures(pipeline: V1Pipeline, strangers: Signals) -> dict[str, object]:
    """SAP, SAN, and the EER of all pairs with its interval over speakers."""
    embedded = [
        SpeakerEmbeddings(speaker, ("",) * len(signals), pipeline.embed(pipeline.inputs(signals, signals)))
        for speaker, signals in strangers.items()
    ]
    different = [different_speaker_distance(a, b) for n, a in enumerate(embedded) for b in embedded[:n]]
    labels = np.repeat(np.arange(len(embedded)), [len(one.embeddings) for one in embedded])
    trials = score_all_pairs(np.concatenate([one.embeddings for one in embedded]), labels)
    sap = float(np.mean([same_speaker_distance(one) for one in embedded]))
    eer = measured(trials, len(embedded))[EER]
    return {"sap": sap, "san": float(np.mean(different)), "eer": eer.as_json()}


def read(cache: UtteranceCache, speakers: list[Speaker]) -> Signals:
    """Read the first utterances of each speaker."""
    return {
        speaker: [
            signal
            for utterance in cache.of_speaker(speaker)[:MOST]
            if len(windows(signal := read_signal(cache.folder, utterance)))
        ]
        for speaker in speakers
    }


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
