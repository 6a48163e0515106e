#!/usr/bin/env python3
"""Deep Speaker: audio cache, training inputs, and what a trained network says of voices. (Training: train_cli.py.)"""

import argparse
import logging
import sys
from pathlib import Path

import entry_point
from entry_point import path, positive_int, seed

EMBEDDING_PRECISION = 6  # decimals on stdout

logger = logging.getLogger("cli")


def main() -> int:
    """Parse the command line and carry out its action; returns the exit status."""
    parser = build_parser()
    args = parser.parse_args()
    handlers = (
        (args.regenerate_full_cache, regenerate_full_cache),
        (args.update_cache, update_cache),
        (args.generate_training_inputs, generate_training_inputs),
        (args.unseen_speakers is not None, unseen_speakers),
        (args.get_embeddings is not None, get_embeddings),
        (args.evaluate, evaluate),
    )
    if args.output is not None and args.get_embeddings is None:
        parser.error("--output goes with --get_embeddings")
    if (args.trials is not None or args.json) and not args.evaluate:
        parser.error("--trials and --json go with --evaluate")
    if args.trials is not None and (args.test_speakers is not None or args.test_speakers_file is not None):
        parser.error("--trials names its speakers itself; --test_speakers and --test_speakers_file do not go with it")
    handler = next(handler for asked, handler in handlers if asked)
    fills_cache = handler in (regenerate_full_cache, update_cache)
    return entry_point.run(
        lambda: handler(args),
        "cli.py --update_cache completes the cache" if fills_cache else "nothing was changed",
    )


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=entry_point.HelpFormatter)
    flag = parser.add_argument_group("actions, one at a time").add_mutually_exclusive_group(required=True).add_argument
    flag("--regenerate_full_cache", action="store_true", help="make the cache anew from --audio_dir")
    flag("--update_cache", action="store_true", help="add the new and changed recordings of --audio_dir to the cache")
    flag("--generate_training_inputs", action="store_true", help="write the cache's full_inputs.pkl")
    flag("--unseen_speakers", metavar="A,B", help="print the cosine distances A to A (SAP) and A to B (SAN)")
    flag("--get_embeddings", metavar="A", help="print the embedding of a cached speaker")
    flag("--evaluate", action="store_true", help="print SAP, SAN, EER and minDCF over all held-out speakers, by "
         "corpus, for whole utterances and their first 5, 2 and 1 s (shorter ones stay whole)")  # fmt: skip

    flag = parser.add_argument_group("folders").add_argument
    flag("--audio_dir", type=path, metavar="DIR", help="recordings to cache, in one folder per speaker at any depth "
         "(default: $AUDIO_DIR, else $DS_DIR/VCTK-Corpus, else the samples)")  # fmt: skip
    flag("--cache_output_dir", type=path, metavar="DIR", help="the cache "
         "(default: $CACHE_DIR, else $DS_DIR/cache; DS_DIR is ~/deep-speaker-data unless set)")  # fmt: skip
    flag("--run_dir", type=path, metavar="DIR", help="trained networks (default: runs/ in the cache)")
    flag("--checkpoint", type=path, metavar="FILE", help="network to use "
         "(default: in --run_dir, the triplet stage's last, else the softmax stage's)")  # fmt: skip
    flag("--output", type=path, metavar="FILE.npz", help="with --get_embeddings: save the embeddings here")

    flag = parser.add_argument_group("evaluation").add_argument
    flag("--trials", type=path, metavar="FILE", help="with --evaluate: score this list instead, a line '1 A B' for the "
         "same speaker or '0 A B', A and B as [corpus/]speaker/utterance")  # fmt: skip
    flag("--json", action="store_true", help="with --evaluate: print a JSON object instead of a table")

    flag = parser.add_argument_group("cache and inputs").add_argument
    flag("--multi_threading", action="store_true", help="use every core")
    flag("--num_workers", type=positive_int, metavar="N", help="use N processes "
         "(default: 1, or one per core with --multi_threading)")  # fmt: skip
    flag("--microphone", choices=("mic1", "mic2", "both"), default="mic1", help="of VCTK 0.92's two microphones")
    flag("--test_speakers", metavar="A,B,...", help="speakers held out from training "
         "(default: VCTK's p362,p363,p364,p374,p376; for --evaluate those of the network)")  # fmt: skip
    flag("--test_speakers_file", type=path, metavar="FILE", help="the same from a file, one a line, as name or "
         "corpus/name")  # fmt: skip
    flag(
        "--seed",
        type=seed,
        default=0,
        metavar="N",
        help="of the dither noise in the features, the only thing random here",
    )
    flag("--yes", action="store_true", help="do not ask before the old cache is replaced")
    return parser


def regenerate_full_cache(args: argparse.Namespace) -> None:
    """Make the cache anew, after asking."""
    from audio.cache import UtteranceCache
    from audio.mark import check_ownership

    recordings = _recordings(args)
    cache = UtteranceCache(_cache_dir(args))
    check_ownership(cache.folder)
    count = len(cache.utterances)
    question = f"Make the {count} utterances in {cache.folder} anew, and delete those that are no longer recorded?"
    if count and not args.yes and not confirmed(question):
        logger.info("nothing changed")
        return
    _print_report(cache, cache.regenerate(recordings, _workers(args)))


def confirmed(question: str) -> bool:
    """Ask on the terminal; where there is none, nobody can object."""
    if sys.stdin is None or not sys.stdin.isatty():
        return True
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)  # stdout may be a file of results
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def update_cache(args: argparse.Namespace) -> None:
    """Add to the cache."""
    from audio.cache import UtteranceCache

    cache = UtteranceCache(_cache_dir(args))
    _print_report(cache, cache.update(_recordings(args), _workers(args)))


def generate_training_inputs(args: argparse.Namespace) -> None:
    """Write full_inputs.pkl."""
    from audio.cache import INPUTS_NAME, UtteranceCache
    from audio.mfcc import FeatureSettings
    from batcher.generate import generate_inputs
    from batcher.splits import VCTK_TEST_SPEAKERS, check_listed

    cache = UtteranceCache.open(_cache_dir(args))
    listed = _listed_speakers(args)
    check_listed(listed, cache.known_speakers())
    target = cache.folder / INPUTS_NAME
    settings = FeatureSettings(dither_seed=args.seed)
    counts = generate_inputs(cache, target, listed or VCTK_TEST_SPEAKERS, settings, _workers(args))
    print(
        f"{target}: {counts['speakers']} speakers, {counts['train']} train and {counts['test']} test utterances; "
        f"{counts['held_out']} speakers held out"
    )


def unseen_speakers(args: argparse.Namespace) -> None:
    """Print SAP and SAN of two speakers."""
    from batcher.splits import parse_speakers
    from inference.speakers import different_speaker_distance, embed_speaker, same_speaker_distance
    from storage.errors import UserError

    names = parse_speakers(args.unseen_speakers)
    if len(names) != 2:
        raise UserError(f"--unseen_speakers expects two names, as in p362,p363. Received {args.unseen_speakers!r}")
    cache, encoder = _open_cache_and_encoder(args)
    a, b = (embed_speaker(encoder, cache, name) for name in names)
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
    from inference.speakers import embed_speaker, save_embeddings

    cache, encoder = _open_cache_and_encoder(args)
    speaker = embed_speaker(encoder, cache, args.get_embeddings)
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


def _evaluate_speakers(args: argparse.Namespace, cache, encoder) -> tuple[list, list[str]]:
    from batcher.splits import check_listed
    from evaluation.unseen import evaluate_unseen

    listed = _listed_speakers(args)
    check_listed(listed, cache.known_speakers())
    results, heard = evaluate_unseen(encoder, cache, listed or encoder.held_out)
    if heard:
        logger.warning("left out, as the network was trained on them: %s", ", ".join(heard))
    return results, heard


def _evaluate_trials(args: argparse.Namespace, cache, encoder) -> list:
    from evaluation.trials import evaluate_trials, read_trials

    trials = read_trials(args.trials, cache, encoder.trained_on)
    return evaluate_trials(encoder, cache, trials, args.trials.name)


def _print_report(cache, report) -> None:
    for skipped in report.skipped:
        logger.warning("skipped %s: %s", skipped.path, skipped.reason)
    if report.deleted:
        logger.info("deleted %d utterances that are not among the recordings", report.deleted)
    print(
        f"{cache.folder}: {report.added} utterances added, {report.unchanged} unchanged, {len(report.skipped)} "
        f"skipped; {len(cache.utterances)} utterances of {len(cache.speakers())} speakers in all"
    )


def _recordings(args: argparse.Namespace) -> list:
    from audio.mark import was_filled_from
    from audio.scan import CorpusError, find_recordings

    audio_dir = entry_point.choose_audio_dir(args.audio_dir)
    try:
        return find_recordings(audio_dir, args.microphone)
    except CorpusError as error:
        if not was_filled_from(_cache_dir(args), audio_dir):
            raise
        raise FileNotFoundError(f"{error}. The cache was filled from it and stays as it is") from error


def _listed_speakers(args: argparse.Namespace) -> tuple[str, ...]:
    from batcher.splits import parse_speakers, read_speakers_file

    from_file = read_speakers_file(args.test_speakers_file) if args.test_speakers_file else ()
    return (*parse_speakers(args.test_speakers or ""), *from_file)


def _workers(args: argparse.Namespace) -> int:
    from audio.parallel import worker_count

    return worker_count(args.multi_threading, args.num_workers)


def _cache_dir(args: argparse.Namespace) -> Path:
    return args.cache_output_dir or entry_point.default_cache_dir()


def _open_cache_and_encoder(args: argparse.Namespace) -> tuple:
    from audio.cache import UtteranceCache
    from inference.encoder import SpeakerEncoder
    from inference.find import find_checkpoint

    cache = UtteranceCache.open(_cache_dir(args))
    return cache, SpeakerEncoder(
        args.checkpoint or find_checkpoint(args.run_dir or entry_point.run_dir_of(cache.folder))
    )


if __name__ == "__main__":
    sys.exit(main())
