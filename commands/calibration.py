"""The action that calibrates a network on speakers of one's own."""

import argparse
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cache.update import update
from cache.utterances import UtteranceCache
from commands.arguments import cache_dir, check_no_input, check_writable, listed_speakers, network_of, workers
from commands.results import print_json
from corpus.discovery import find_recordings
from corpus.speakers import check_speakers
from corpus.text_lists import check_text
from evaluation.balance import a_few_of_each
from evaluation.calibrate import (
    TRIALS_OF_EACH,
    Worth,
    as_judged,
    by_calibration,
    fit_and_judge,
    trials_of_cache,
    worth,
)
from evaluation.calibration_trials import Trials, chosen, without_most_strangers
from evaluation.cuts import CUTS
from evaluation.error_rates import format_error_rates, format_thresholds
from evaluation.ratios import calibration_trials
from evaluation.scored_set import score
from evaluation.trial_list import read_trials
from inference.calibration import Calibration
from inference.calibration_file import is_calibration, write_calibration
from inference.encoder import SpeakerEncoder
from storage.errors import UserError
from storage.text_table import aligned

logger = logging.getLogger("cli")


def calibrate(args: argparse.Namespace) -> None:
    """Fit a calibration on a cache, a trial list, or a folder, and write it to a file."""
    check_writable(args.calibrate)
    check_no_input(args.calibrate, args.trials, args.checkpoint)
    if args.calibrate.exists() and not is_calibration(args.calibrate):
        raise UserError(f"{args.calibrate} is no calibration, and would be overwritten; name another file to write")
    if args.trials is not None:
        check_text(args.trials, "trials")
    encoder = network_of(args)
    with _cache(args) as cache:
        trials, corpora = _trials(args, encoder, cache)
    calibration, judged = fit_and_judge(trials, corpora, encoder.scoring.norm, args.force)
    before = None
    if encoder.calibration is not None:
        before = worth(as_judged(trials, by_calibration(trials, encoder.calibration)))
    after = worth(judged)
    write_calibration(args.calibrate, calibration, encoder.fingerprint)
    if args.json:
        worths = {"before": before and before.as_json(), "after": after.as_json()}
        print_json({"file": str(args.calibrate), **worths, "calibration": calibration.as_json()})
    else:
        print(_summary(args.calibrate, calibration, before, after))


@contextmanager
def _cache(args: argparse.Namespace) -> Iterator[UtteranceCache]:
    """The cache with the speakers: the one that was named, or one of --audio_dir, which vanishes at the end."""
    if args.audio_dir is None:
        with UtteranceCache.reading(cache_dir(args)) as cache:
            yield cache
        return
    with tempfile.TemporaryDirectory() as folder:
        cache = UtteranceCache(Path(folder) / "cache")
        report = update(cache, find_recordings(args.audio_dir), workers(args))
        if report.skipped:
            logger.warning("%d recordings can't be used; --update_cache would name them", len(report.skipped))
        yield UtteranceCache.open(cache.folder)


def _trials(args: argparse.Namespace, encoder: SpeakerEncoder, cache: UtteranceCache) -> tuple[Trials, tuple[str, ...]]:
    """Trials to fit on, and the names of their corpora."""
    chosen_workers = workers(args, by_default_all=True)
    if args.trials is None:
        named = listed_speakers(args, cache.speakers())
        check_speakers(named, cache.speakers())
        return trials_of_cache(encoder, cache, named or map(str, cache.speakers()), chosen_workers)
    listed = read_trials(args.trials, cache, encoder.trained_on)
    sets = list(score(encoder, cache, listed, CUTS, [encoder.scoring], chosen_workers))
    trials = calibration_trials(sets, encoder.scoring.norm)
    return without_most_strangers(chosen(trials, a_few_of_each(trials, TRIALS_OF_EACH))), (listed.source,)


def _summary(path: Path, calibration: Calibration, before: Worth | None, after: Worth) -> str:
    source = calibration.source
    columns = "Cllr", "misses in %", "false accepts in %"
    rows: list[tuple[str, ...]] = [("", *columns)]

    def cells(one: Worth) -> tuple[str, str, str]:
        return f"{one.cllr:.3f}", one.miss.as_text(100), one.false_accept.as_text(100)

    if before is not None:
        rows.append(("before, by the network's own calibration", *cells(before)))
    rows.append(("after, each trial by weights that saw neither of its speakers", *cells(after)))
    counts = f"{source.targets} trials of one and {source.nontargets} of {source.pairs_of_strangers} pairs"
    parts = [
        f"{path}: calibrated on {source.speakers} speakers, {counts}",
        aligned(rows),
        format_error_rates(source.error_rates),
        format_thresholds(calibration),
    ]
    return "\n\n".join(parts)
