"""Actions that fill a cache with recordings, and make training inputs of a cache."""

import argparse
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import entry_point
from cache.entries import Intake
from cache.update import CacheReport, regenerate, update
from cache.utterances import INPUTS_NAME, UtteranceCache
from commands.arguments import cache_dir, listed_speakers, workers
from commands.question import agreed
from commands.results import print_json
from corpus.discovery import find_recordings
from corpus.listing import Listing
from corpus.manifest import read_manifest
from corpus.recording import NothingThereError
from corpus.walk import absolute, describe_not_read
from storage.counting import counted
from storage.errors import first_few
from storage.places import is_below, path_of

if TYPE_CHECKING:
    from batcher.recipe import Recipe
    from storage.parallel import Workers

NAMES_SHOWN = 3  # in a warning
FEWEST_HELD_OUT = 2  # speakers that can be told apart

logger = logging.getLogger("cli")


def regenerate_full_cache(args: argparse.Namespace) -> None:
    """Make all utterances of the cache anew, after asking."""
    cache = UtteranceCache(cache_dir(args))
    listing = _listing(args, cache)
    count = len(cache)
    question = (
        f"Make the {counted(count, 'utterance')} in {cache.folder} anew, and delete those that are no longer recorded?"
    )
    if count and not args.yes and agreed(question) is False:  # where there is no terminal, nobody can object
        logger.info("nothing changed")
        return
    report = regenerate(cache, listing, workers(args), args.yes, _intake(args))
    _print_report(args, cache, listing, report)


def update_cache(args: argparse.Namespace) -> None:
    """Add the recordings that are new or have changed to the cache."""
    cache = UtteranceCache(cache_dir(args))
    listing = _listing(args, cache)
    report = update(cache, listing, workers(args), args.yes, _intake(args))
    _print_report(args, cache, listing, report)


def _intake(args: argparse.Namespace) -> Intake:
    return Intake(args.any_sound, args.channel)


def generate_training_inputs(args: argparse.Namespace) -> None:
    """Write full_inputs.pkl."""
    from audio.feature_settings import FeatureSettings
    from batcher.generate import generate_inputs
    from batcher.shard_folder import folder_of
    from batcher.splits import VCTK_TEST_SPEAKERS

    cache = UtteranceCache.open(cache_dir(args))
    named = listed_speakers(args, cache.speakers())
    target = cache.folder / INPUTS_NAME
    settings = FeatureSettings.fitting(args.num_filters, num_cepstra=args.num_cepstra, dither_seed=args.seed)
    chosen = workers(args)
    recipe = _recipe(args, chosen)
    counts = generate_inputs(
        cache,
        target,
        named or VCTK_TEST_SPEAKERS,
        settings,
        chosen,
        args.split_by,
        all_held_out=bool(named),
        recipe=recipe,
    )
    _warn_of_few(counts, args.split_by)
    if args.json:
        print_json({"inputs": str(target), **counts, "disturbed_copies": args.disturbed_copies})
        return
    copies = counted(args.disturbed_copies, "disturbed copy", "disturbed copies")
    print(
        f"{target}: {counted(counts['speakers'], 'speaker')}, {counts['train']} train and "
        f"{counted(counts['test'], 'test utterance')}; {counted(counts['held_out'], 'speaker')} held out"
        + (f"; {copies} of each that trains" if args.disturbed_copies else "")
        + (f"; in {counted(counts['shards'], 'shard')} in {folder_of(target)}" if counts["shards"] else "")
    )


def _recipe(args: argparse.Namespace, workers: "Workers") -> "Recipe":
    """The recipe of disturbed copies, with the noises and responses that are found in the folders named for them."""
    from batcher.recipe import Recipe
    from batcher.surroundings import NOISES, RESPONSES, find_surroundings

    folders = (args.noise_dir, NOISES), (args.rir_dir, RESPONSES)
    surroundings = [folder and find_surroundings(absolute(folder), what, workers) for folder, what in folders]
    return Recipe(args.disturbed_copies, args.seed, *surroundings)


def _warn_of_few(counts: dict[str, int], split_by: str) -> None:
    """Warn of what can't be measured with these inputs, while that can still be changed."""
    from batcher.splits import FEWEST_TO_SPLIT, SESSION

    if counts["held_out"] < FEWEST_HELD_OUT:
        logger.warning(
            "speakers held out: %d; %d are needed to measure how well new speakers are told apart: "
            "--test_speakers A,B,... or --test_speakers_file holds some out",
            counts["held_out"], FEWEST_HELD_OUT,
        )  # fmt: skip
    if not counts["test"]:
        reason = (
            "no speaker has a second session; --split_by utterance keeps utterances for that"
            if split_by == SESSION
            else f"no speaker has {FEWEST_TO_SPLIT} utterances; --test_speakers A,B,... can test with other speakers"
        )
        logger.warning("no utterance is kept to test with, so training will report no test accuracy: %s", reason)


def _print_report(args: argparse.Namespace, cache: UtteranceCache, listing: Listing, report: CacheReport) -> None:
    for skipped in report.skipped:
        logger.warning("skipped %s: %s", skipped.path, skipped.reason)
    if report.mixed:
        logger.warning(
            "different speech on the channels of %s, which was mixed as if one person spoke: %s; "
            "--update_cache --channel 1, or 2, takes one of them",
            counted(len(report.mixed), "recording"), first_few(dict.fromkeys(map(str, report.mixed)), NAMES_SHOWN),
        )  # fmt: skip
    if args.json:
        print_json(_report_fields(cache, listing, report))
        return
    everything = f"{counted(len(cache), 'utterance')} of {counted(len(cache.speakers()), 'speaker')} in all"
    print(
        f"{cache.folder}: {counted(report.added, 'utterance')} added, {report.unchanged} unchanged, "
        f"{len(report.skipped)} skipped; {everything}"
        + (f"; {not_read}" if (not_read := describe_not_read(listing.not_read)) else "")
    )


def _report_fields(cache: UtteranceCache, listing: Listing, report: CacheReport) -> dict[str, object]:
    return {
        "cache": str(cache.folder),
        **{name: getattr(report, name) for name in ("added", "unchanged", "deleted")},
        "skipped": [{"path": str(skipped.path), "reason": skipped.reason} for skipped in report.skipped],
        "mixed_channels": list(map(str, report.mixed)),
        "utterances": len(cache),
        "speakers": len(cache.speakers()),
        "read_as": listing.description,
        "not_read": dict(listing.not_read.most_common()),  # files of sound formats that are not read, by suffix
        "unreadable_folders": list(map(str, listing.unreadable)),
    }


def _listing(args: argparse.Namespace, cache: UtteranceCache) -> Listing:
    """List the recordings that were asked for, and log how they were read.

    A corpus that the cache was filled from and that is not there any more is a failure of the environment, not of what
    was typed, and so a `FileNotFoundError`.
    """
    if args.manifest is not None:
        listing = read_manifest(args.manifest, args.corpus)
    else:
        audio_dir = entry_point.choose_audio_dir(args.audio_dir)
        root = absolute(audio_dir)
        try:
            known = _places_above(root, cache)
            listing = find_recordings(audio_dir, args.microphone, args.speaker_from, args.corpus, known)
        except NothingThereError as error:
            if not any(is_below(utterance.path, root) for utterance in cache):
                raise
            raise FileNotFoundError(f"{error}. The cache was filled from it and stays as it is") from error
    logger.info(listing.description)
    for folder in listing.unreadable:
        logger.warning("left out a folder that can't be read: %s", folder)
    return listing


def _places_above(root: Path, cache: UtteranceCache) -> set[str]:
    """The places of corpora that `root` is a part of, as cached recordings below or beside it show."""
    above = {place for place in cache.index.places_mentioned() if path_of(place) in root.parents}
    below, parent = f"{root}{os.sep}", str(root.parent)
    return {
        utterance.place
        for utterance in (cache if above else ())
        if utterance.place in above
        and (utterance.origin[0].startswith(below) or (utterance.place == parent and utterance.session))
    }
