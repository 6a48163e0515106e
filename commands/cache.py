"""Recordings to a cache, and a cache to training inputs."""

import argparse
import logging
import sys

import entry_point
from audio.cache import INPUTS_NAME, CacheReport, UtteranceCache
from audio.mark import check_ownership, was_filled_from
from audio.scan import CorpusError, Recording, find_recordings
from commands.arguments import cache_dir, listed_speakers, workers

logger = logging.getLogger("cli")


def regenerate_full_cache(args: argparse.Namespace) -> None:
    """Make the cache anew, after asking."""
    recordings = _recordings(args)
    cache = UtteranceCache(cache_dir(args))
    check_ownership(cache.folder)
    count = len(cache.utterances)
    question = f"Make the {count} utterances in {cache.folder} anew, and delete those that are no longer recorded?"
    if count and not args.yes and not confirmed(question):
        logger.info("nothing changed")
        return
    _print_report(cache, cache.regenerate(recordings, workers(args)))


def confirmed(question: str) -> bool:
    """Ask on the terminal; where there is none, nobody can object."""
    if sys.stdin is None or not sys.stdin.isatty():
        return True
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)  # stdout may be a file of results
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def update_cache(args: argparse.Namespace) -> None:
    """Add to the cache."""
    cache = UtteranceCache(cache_dir(args))
    _print_report(cache, cache.update(_recordings(args), workers(args)))


def generate_training_inputs(args: argparse.Namespace) -> None:
    """Write full_inputs.pkl."""
    from audio.mfcc import FeatureSettings
    from batcher.generate import generate_inputs
    from batcher.splits import VCTK_TEST_SPEAKERS, check_listed

    cache = UtteranceCache.open(cache_dir(args))
    listed = listed_speakers(args)
    check_listed(listed, cache.known_speakers())
    target = cache.folder / INPUTS_NAME
    settings = FeatureSettings(num_cepstra=args.num_cepstra, num_filters=args.num_filters, dither_seed=args.seed)
    counts = generate_inputs(cache, target, listed or VCTK_TEST_SPEAKERS, settings, workers(args))
    print(
        f"{target}: {counts['speakers']} speakers, {counts['train']} train and {counts['test']} test utterances; "
        f"{counts['held_out']} speakers held out"
    )


def _print_report(cache: UtteranceCache, report: CacheReport) -> None:
    for skipped in report.skipped:
        logger.warning("skipped %s: %s", skipped.path, skipped.reason)
    if report.deleted:
        logger.info("deleted %d utterances that are not among the recordings", report.deleted)
    print(
        f"{cache.folder}: {report.added} utterances added, {report.unchanged} unchanged, {len(report.skipped)} "
        f"skipped; {len(cache.utterances)} utterances of {len(cache.speakers())} speakers in all"
    )


def _recordings(args: argparse.Namespace) -> list[Recording]:
    audio_dir = entry_point.choose_audio_dir(args.audio_dir)
    try:
        return find_recordings(audio_dir, args.microphone)
    except CorpusError as error:
        if not was_filled_from(cache_dir(args), audio_dir):
            raise
        raise FileNotFoundError(f"{error}. The cache was filled from it and stays as it is") from error
