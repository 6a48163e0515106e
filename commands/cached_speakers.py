"""Actions that embed and compare the speakers in a cache."""

import argparse
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import entry_point
from cache.utterances import UtteranceCache
from commands.arguments import cache_dir, check_writable, trained_checkpoint
from corpus.recording import Speaker
from corpus.speakers import find_speaker, parse_speakers, trained_on, warn_of_namesakes
from inference.cached_speakers import (
    different_speaker_distance,
    embed_cached_speaker,
    same_speaker_distance,
    save_embeddings,
)
from inference.encoder import SpeakerEncoder
from inference.network_choice import find_or_bundled
from storage.counting import counted
from storage.errors import UserError

SAVED_AS = ".npz"
EMBEDDING_PRECISION = 6  # decimals on stdout

logger = logging.getLogger("cli")


def unseen_speakers(args: argparse.Namespace) -> None:
    """Print SAP and SAN of two speakers."""
    names = parse_speakers(args.unseen_speakers)
    if len(names) != 2:
        raise UserError(f"--unseen_speakers expects two names, as in p362,p363. Received {args.unseen_speakers!r}")
    with opened(args) as (cache, network):
        speakers = [_speaker(cache, name) for name in names]
        encoder = SpeakerEncoder(network)
        a, b = (embed_cached_speaker(encoder, cache, speaker) for speaker in speakers)
        trained, perhaps_trained = trained_on(encoder.trained_on, cache.speakers())
        warn_of_namesakes(perhaps_trained & {a.speaker, b.speaker})
        for speaker in sorted(trained & {a.speaker, b.speaker}):
            logger.warning(
                "%s was among the training speakers: what follows is no figure for an unseen speaker", speaker
            )
    count = len(a.embeddings) + len(b.embeddings)
    how = "checked on the network's output" if encoder.normalizes else "scaled to it: this network does not normalise"
    logger.info("the embeddings of %s have L2 norm 1 (%s)", counted(count, "utterance"), how)
    same, different = "same speaker", "different speaker"
    print(f"SAP = {same_speaker_distance(a)} (cosine distance {names[0]} to {names[0]} - {same})")
    if a.speaker == b.speaker:
        logger.info("%s was compared with itself, so there is no SAN", a.speaker)
        return
    print(f"SAN = {different_speaker_distance(a, b)} (cosine distance {names[0]} to {names[1]} - {different})")


def get_embeddings(args: argparse.Namespace) -> None:
    """Print, and with --output save, a speaker's embedding."""
    if args.output is not None:
        _check_output(args.output)
    with opened(args) as (cache, network):
        speaker = embed_cached_speaker(SpeakerEncoder(network), cache, _speaker(cache, args.get_embeddings))
    print(" ".join(f"{value:.{EMBEDDING_PRECISION}f}" for value in speaker.mean))
    if args.output is not None:
        save_embeddings(args.output, speaker)
        count = counted(len(speaker.utterances), "utterance")
        logger.info("saved the embeddings of %s and their mean to %s", count, args.output)


def _check_output(path: Path) -> None:
    if path.suffix.lower() != SAVED_AS:
        raise UserError(f"expected --output to end in {SAVED_AS}. Received {path}")
    check_writable(path)


def _speaker(cache: UtteranceCache, name: str) -> Speaker:
    return find_speaker(name, cache.speakers(), f"the cache at {cache.folder}")


@contextmanager
def opened(args: argparse.Namespace) -> Iterator[tuple[UtteranceCache, Path]]:
    """Open the cache, which nobody changes meanwhile, and find the file of the network.

    That is the network that was named, else the one that was trained on the cache, else the bundled one. It is not
    loaded yet, as that may take long, and other mistakes are to be found first.
    """
    with UtteranceCache.reading(cache_dir(args)) as cache:
        if args.checkpoint is not None or args.run_dir is not None:
            network = trained_checkpoint(args)
        else:
            network = find_or_bundled(entry_point.run_dir_of(cache.folder))
        yield cache, network
