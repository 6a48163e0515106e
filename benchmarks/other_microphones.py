"""EER where every recording was made elsewhere: by another microphone, at another level, in another room, in noise.

    python benchmarks/other_microphones.py CACHE [--network FILE]

Takes the first utterances of the network's held-out speakers, as `cli.py --evaluate` does, and changes each by itself,
so that where it was recorded tells nothing of who speaks. Prints a JSON line for each corpus and change. What is done
to the samples is not what training does to log mel powers, and nobody was trained with it.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from measure import progress, report
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

from audio.decode import PCM_SCALE, SAMPLE_RATE
from cache.entries import read_signal
from cache.utterances import UtteranceCache
from corpus.speakers import listed, trained_on
from evaluation.bootstrap import figures
from evaluation.detection import detection_statistic, score_all_pairs
from evaluation.unseen import UTTERANCES_PAIRED
from inference.encoder import SpeakerEncoder

SEED = 1
Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]  # samples of full scale 1, float64


def main() -> None:
    """Embed the utterances as they are and changed, and print the error rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path, help="a folder that cli.py --regenerate_full_cache filled")
    parser.add_argument("--network", type=Path, help="checkpoint or exported network (default: the bundled one)")
    args = parser.parse_args()
    encoder = SpeakerEncoder(args.network)
    for corpus, speakers in unheard_speakers(args.cache, encoder).items():
        signals = [signal for own in speakers for signal in own]
        owners = np.repeat(np.arange(len(speakers)), [len(own) for own in speakers])
        for name, change in CHANGES.items():
            progress(f"{corpus}, {name}")
            rng = np.random.default_rng(SEED)
            trials = score_all_pairs(encoder.embed_utterances([changed(one, change, rng) for one in signals]), owners)
            eer, *_ = figures(detection_statistic(trials), len(speakers))
            about = {"corpus": corpus, "change": name, "speakers": len(speakers), "utterances": len(signals)}
            report("other_microphones", **about, eer=eer.value, eer_low=eer.low, eer_high=eer.high)


def unheard_speakers(folder: Path, encoder: SpeakerEncoder) -> dict[str, list[list[np.ndarray]]]:
    """Signals of the held-out speakers' first utterances, by corpus and speaker."""
    cache = UtteranceCache.open(folder)
    corpora: dict[str, dict[str, list[np.ndarray]]] = {}
    known = cache.speakers()
    unheard = listed(encoder.held_out, known) - trained_on(encoder.trained_on, known)[0]
    for _, entry in sorted(cache.utterances.items()):
        if entry.whose in unheard:
            own = corpora.setdefault(entry.corpus, {}).setdefault(entry.speaker, [])
            if len(own) < UTTERANCES_PAIRED:
                own.append(read_signal(folder, entry))
    return {corpus: list(speakers.values()) for corpus, speakers in corpora.items()}


def changed(signal: np.ndarray, change: Change, rng: np.random.Generator) -> np.ndarray:
    """The int16 signal (samples,) after a change."""
    samples = change(signal / PCM_SCALE, rng)
    return np.clip(np.rint(samples * PCM_SCALE), -PCM_SCALE, PCM_SCALE - 1).astype(np.int16)


def none(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As it is."""
    return samples


def level(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """12 to 36 dB below full scale."""
    return samples / np.sqrt(np.square(samples).mean()) * 10 ** (rng.uniform(-36, -12) / 20)


def noise(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """White to brown, 5 to 25 dB below the speech."""
    made = lfilter([1], [1, -rng.uniform(0, 0.95)], rng.standard_normal(len(samples)))
    ratio = 10 ** (-rng.uniform(5, 25) / 20)
    return samples + made * ratio * np.sqrt(np.square(samples).mean() / np.square(made).mean())


def room(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Reverberation of 0.15 to 0.6 s, 2 dB above to 12 dB below the direct sound."""
    decay = np.exp(-np.log(1000) * np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE / rng.uniform(0.15, 0.6))
    response = rng.standard_normal(len(decay)) * decay
    response *= 10 ** (-rng.uniform(-2, 12) / 20) / np.sqrt(np.square(response).sum())
    response[0] = 1
    return fftconvolve(samples, response)[: len(samples)]


def microphone(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A band from 60 to 350 Hz up to 2.8 to 3.9 kHz, and a tilt."""
    edges = rng.uniform(60, 350), rng.uniform(2800, 3900)
    band = butter(rng.integers(1, 4), edges, "bandpass", fs=SAMPLE_RATE, output="sos")
    return lfilter([1, rng.uniform(-0.5, 0.5)], [1], sosfilt(band, samples))


def elsewhere(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """All of it."""
    for change in (room, noise, microphone, level):
        samples = change(samples, rng)
    return samples


CHANGES: dict[str, Change] = {change.__name__: change for change in (none, level, microphone, noise, room, elsewhere)}

if __name__ == "__main__":
    main()
