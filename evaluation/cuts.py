"""Embed utterances whole, and cut to their beginnings."""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from audio.decode import SAMPLE_RATE
from audio.speech_activity import speech_seconds
from cache.entries import read_signal
from cache.index import Utterance
from cache.kept_embeddings import keep, read_kept
from cache.mark import MARK
from cache.utterances import UtteranceCache
from deep_speaker import __version__
from inference.bulk_embedding import encoder_of_worker
from inference.encoder import SpeakerEncoder
from storage.parallel import Workers, check_shared, parallel_map
from storage.progress import tracked

CUTS = (None, 5.0, 2.0, 1.0)  # s from the beginning of what the cache holds; None for all of it


class Beginnings(NamedTuple):
    """Utterances at several cuts."""

    embeddings: NDArray[np.float32]  # (cuts, utterances, embedding_size), rows of length 1
    seconds: NDArray[np.float64]  # (cuts, utterances) of speech


def embed_groups(
    encoder: SpeakerEncoder,
    cache: UtteranceCache,
    groups: Sequence[Sequence[Utterance]],
    cuts: Sequence[float | None],
    what: str,
    workers: Workers = 1,
) -> Iterator[Beginnings]:
    """Embed groups of utterances, mostly a speaker's each, as `embed_cuts` does; yield them in order, with progress.

    Workers keep what they have embedded in the cache, where it is read from. (What all of them hand over through one
    pipe has to be small, see `parallel_map`.)

    Args:
        what: is embedded, for the progress.
    """
    if workers == 1:
        finished: Iterator[None] = iter([None] * len(groups))
    else:
        check_shared(cache.folder / MARK, workers)
        finished = parallel_map(
            partial(_embed_in_worker, encoder.exported, cache.folder.absolute(), cuts), groups, workers, 1
        )
    for group, _ in zip(groups, tracked(finished, f"embed {what}".strip(), len(groups), "speaker")):
        yield embed_cuts(encoder, cache, group, cuts)


def _embed_in_worker(
    network: bytes, folder: Path, cuts: Sequence[float | None], utterances: Sequence[Utterance]
) -> None:
    embed_cuts(encoder_of_worker(network), UtteranceCache(folder), utterances, cuts)


def embed_cuts(
    encoder: SpeakerEncoder, cache: UtteranceCache, utterances: Sequence[Utterance], cuts: Sequence[float | None]
) -> Beginnings:
    """Embed the beginnings of utterances, or take the embeddings that were kept in the cache when that was done before.

    An utterance shorter than a cut is used whole, and embedded once for all the cuts that it is shorter than. (The
    features are computed for each cut anew, which takes about as long as for the whole utterances. Those of a cut's
    last five frames depend on what comes after it: taken from the whole utterance, they would move the embeddings of
    1 s cuts by up to 0.018 in cosine distance.)

    Args:
        cuts: seconds; None for all of it.
    """
    key = _key(encoder, utterances, cuts)
    kept = read_kept(cache.folder, key, (len(cuts), len(utterances)))
    if kept is not None:
        return Beginnings(*kept)
    signals = read_signals(cache, utterances)
    seconds = np.array([[speech_seconds(beginning(signal, cut)) for signal in signals] for cut in cuts], np.float64)
    found = Beginnings(embed_beginnings(encoder, signals, cuts), seconds)
    keep(cache.folder, key, *found)
    return found


def _key(encoder: SpeakerEncoder, utterances: Sequence[Utterance], cuts: Sequence[float | None]) -> str:
    """A digest of all that decides what comes out: this version, the network, the cuts, and the speech."""
    entries = [(*utterance.key, utterance.sha256, utterance.samples, utterance.made_with) for utterance in utterances]
    return sha256(json.dumps([__version__, encoder.fingerprint, list(cuts), entries]).encode()).hexdigest()


def embed_beginnings(
    encoder: SpeakerEncoder, signals: Sequence[np.ndarray], cuts: Sequence[float | None]
) -> NDArray[np.float32]:
    """Embed the beginnings of signals, each int16, (samples,), at 8 kHz; (cuts, signals, embedding_size)."""
    wanted = [[(n, len(beginning(signal, cut))) for n, signal in enumerate(signals)] for cut in cuts]
    rows = {part: row for row, part in enumerate(sorted({part for parts in wanted for part in parts}))}
    embeddings = encoder.embed_utterances([signals[n][:samples] for n, samples in rows])
    return embeddings[np.array([[rows[part] for part in parts] for parts in wanted])]


def read_signals(cache: UtteranceCache, utterances: Sequence[Utterance]) -> list[np.ndarray]:
    """Read utterances from the cache, each int16, (samples,), at 8 kHz; every file is checked, which takes a while."""
    return [read_signal(cache.folder, utterance) for utterance in utterances]


def beginning(signal: np.ndarray, cut: float | None) -> np.ndarray:
    """Return the first `cut` seconds of a signal, or all of it where it is shorter, or `cut` is None."""
    return signal if cut is None else signal[: round(cut * SAMPLE_RATE)]


def long_enough(utterances: Sequence[Utterance], cut: float | None) -> int:
    """Return how many utterances are at least as long as the cut."""
    return sum(cut is None or utterance.samples >= round(cut * SAMPLE_RATE) for utterance in utterances)


def describe_cut(cut: float | None) -> str:
    """Return the length of a cut in words."""
    return "whole" if cut is None else f"{cut:g} s"
