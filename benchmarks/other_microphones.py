"""EER where every recording was made elsewhere: by another microphone, at another level, in a room, by telephone.

    python benchmarks/other_microphones.py CACHE [--test_speakers_file FILE ...] [--network FILE] [--changes A,B,…]

Takes the first recordings of the held-out speakers, as `cli.py --evaluate` does, at 8 kHz, and changes each by itself,
so that where it was recorded tells nothing of who speaks; what is refused then makes no trial. Scores are as there, by
AS-norm where the network has a cohort. Prints a JSON line for
each corpus and change, and the mean of each change over the corpora; a table goes to stderr. What is done to the
samples is not what training does to its utterances: see `microphones.py`, which says what is the same all the same.
"""

import argparse

import held_out
import numpy as np
import soxr
from measure import progress, report, show_table
from microphones import CHANGES, Change

from audio.decode import SAMPLE_RATE
from cache.index import Utterance
from evaluation.detection import EER, measured, score_all_pairs
from inference.encoder import SpeakerEncoder
from inference.recordings import RecordingError, load_speech

SEED = 1


def main() -> None:
    """Embed the recordings as they are and changed, and print the error rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    held_out.add_arguments(parser)
    parser.add_argument("--changes", default=",".join(CHANGES), help="which of them (default: %(default)s)")
    args = parser.parse_args()
    names = args.changes.split(",")
    if unknown := set(names) - CHANGES.keys():
        parser.error(f"expected changes out of {', '.join(CHANGES)}. Received {', '.join(sorted(unknown))}")
    encoder = SpeakerEncoder(args.network)
    rows: dict[str, dict] = {name: {} for name in names}
    for corpus, speakers in held_out.held_out(args, encoder).items():
        signals = [at_8_khz(one) for own in speakers.values() for one in own]
        for name in names:
            progress(f"{corpus}, {name}")
            row = error_rate(encoder, signals, held_out.owners(speakers), CHANGES[name])
            report("other_microphones", corpus=corpus, change=name, speakers=len(speakers), **row)
            rows[name][corpus] = row
    for name, row in rows.items():
        mean = float(np.mean([one["eer"] for one in row.values()]))
        report("other_microphones_mean", change=name, corpora=len(row), eer=mean)
    show_table([{"change": name, **as_text(row)} for name, row in rows.items()])


def at_8_khz(utterance: Utterance) -> np.ndarray:
    """What was recorded, before the tool's own front end: float64, (samples,)."""
    samples, rate = held_out.recorded(utterance)
    return samples if rate == SAMPLE_RATE else soxr.resample(samples, rate, SAMPLE_RATE)


def error_rate(encoder: SpeakerEncoder, signals: list[np.ndarray], owners: np.ndarray, change: Change) -> dict:
    """EER of all pairs of the changed recordings, with its interval over speakers, and how many were refused."""
    rng = np.random.default_rng(SEED)
    heard = [taken(held_out.to_pcm(change(one, rng))) for one in signals]
    is_taken = np.array([one is not None for one in heard])
    embedded = encoder.embed_utterances([one for one in heard if one is not None])
    trials = score_all_pairs(embedded, owners[is_taken], encoder.scoring)
    eer = measured(trials, int(owners.max()) + 1)[EER]
    counts = {"utterances": len(signals), "refused": int((~is_taken).sum())}
    return {**counts, "eer": eer.value, "eer_low": eer.low, "eer_high": eer.high}


def taken(samples: np.ndarray) -> np.ndarray | None:
    """The speech in it, as the tool hears it; None if it is refused."""
    try:
        return load_speech(samples, SAMPLE_RATE).signal
    except RecordingError:
        return None


def as_text(row: dict[str, dict]) -> dict[str, str]:
    """A row of the table, in %: each corpus, and the mean of them."""
    refused = sum(one["refused"] for one in row.values())
    mean = np.mean([100 * one["eer"] for one in row.values()])
    ends = ("eer", "eer_low", "eer_high")
    shown = {corpus: "{:.1f} [{:.1f}, {:.1f}]".format(*(100 * one[end] for end in ends)) for corpus, one in row.items()}
    return {**shown, "mean": f"{mean:.1f}", "refused": str(refused)}


if __name__ == "__main__":
    main()
