"""What a network says of the speakers in a cache."""

import argparse
import logging

import entry_point
from audio.cache import UtteranceCache
from batcher.splits import check_listed, parse_speakers
from commands.arguments import cache_dir, listed_speakers, trained_checkpoint
from inference.encoder import SpeakerEncoder
from inference.find import find_or_bundled
from inference.speakers import different_speaker_distance, embed_cached_speaker, same_speaker_distance, save_embeddings
from storage.errors import UserError

EMBEDDING_PRECISION = 6  # decimals on stdout

logger = logging.getLogger("cli")


def unseen_speakers(args: argparse.Namespace) -> None:
    """Print SAP and SAN of two speakers."""
    names = parse_speakers(args.unseen_speakers)
    if len(names) != 2:
        raise UserError(f"--unseen_speakers expects two names, as in p362,p363. Received {args.unseen_speakers!r}")
    cache, encoder = _open_cache_and_encoder(args)
    a, b = (embed_cached_speaker(encoder, cache, name) for name in names)
    for name in sorted(set(names) & encoder.trained_on):
        logger.warning("%s was among the training speakers: what follows is no figure for an unseen voice", name)
    count = len(a.embeddings) + len(b.embeddings)
    how = "checked on the network's output" if encoder.normalizes else "scaled to it: this network does not normalise"
    logger.info("the embeddings of %d utterances have L2 norm 1 (%s)", count, how)
    same, different = "same speaker", "different speaker"
    print(f"SAP = {same_speaker_distance(a)} (cosine distance {a.speaker} to {a.speaker} - {same})")
    if a.speaker == b.speaker:
        logger.info("%s was compared with itself, so there is no SAN", a.speaker)
        return
    print(f"SAN = {different_speaker_distance(a, b)} (cosine distance {a.speaker} to {b.speaker} - {different})")


def get_embeddings(args: argparse.Namespace) -> None:
    """Print, and with --output save, a speaker's embedding."""
    cache, encoder = _open_cache_and_encoder(args)
    speaker = embed_cached_speaker(encoder, cache, args.get_embeddings)
    print(" ".join(f"{value:.{EMBEDDING_PRECISION}f}" for value in speaker.mean))
    if args.output is not None:
        save_embeddings(args.output, speaker)
        logger.info("saved the embeddings of %d utterances and their mean to %s", len(speaker.utterances), args.output)


def evaluate(args: argparse.Namespace) -> None:
    """Print the figures of all held-out speakers, or of a trial list."""
    from evaluation.results import as_json, format_table

    cache, encoder = _open_cache_and_encoder(args)
    if args.trials is not None:
        results, heard, source = _evaluate_trials(args, cache, encoder), [], "trials"
    else:
        results, heard = _evaluate_speakers(args, cache, encoder)
        source = "corpus"
    about = {"cache": str(cache.folder), "checkpoint": encoder.origin, "left_out": heard}
    print(as_json(results, **about) if args.json else format_table(results, source))


def _evaluate_speakers(
    args: argparse.Namespace, cache: UtteranceCache, encoder: SpeakerEncoder
) -> tuple[list, list[str]]:
    from evaluation.unseen import evaluate_unseen

    listed = listed_speakers(args)
    check_listed(listed, cache.known_speakers())
    results, heard = evaluate_unseen(encoder, cache, listed or encoder.held_out)
    if heard:
        logger.warning("left out, as the network was trained on them: %s", ", ".join(heard))
    return results, heard


def _evaluate_trials(args: argparse.Namespace, cache: UtteranceCache, encoder: SpeakerEncoder) -> list:
    from evaluation.trials import evaluate_trials, read_trials

    trials = read_trials(args.trials, cache, encoder.trained_on)
    return evaluate_trials(encoder, cache, trials, args.trials.name)


def _open_cache_and_encoder(args: argparse.Namespace) -> tuple[UtteranceCache, SpeakerEncoder]:
    """The cache; and the network that was named, else the one trained on that cache, else the bundled one."""
    cache = UtteranceCache.open(cache_dir(args))
    if args.checkpoint is not None or args.run_dir is not None:
        return cache, SpeakerEncoder(trained_checkpoint(args))
    return cache, SpeakerEncoder(find_or_bundled(entry_point.run_dir_of(cache.folder)))
