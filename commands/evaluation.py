"""Actions that measure networks on speakers they were not trained on."""

import argparse
import dataclasses
import logging
from collections.abc import Iterable, Sequence
from typing import Any

from cache.utterances import UtteranceCache
from commands.arguments import cache_dir, check_no_input, check_writable, listed_speakers, workers
from commands.cached_speakers import opened
from commands.report import check_report, write_reports
from commands.results import print_json
from corpus.recording import Speaker
from corpus.speaker_info import SpeakerInfo
from corpus.speakers import check_speakers, parse_speakers
from corpus.text_lists import check_text
from evaluation.evaluate import Evaluation, scored, warn_of_few
from evaluation.evaluate import evaluate as measured
from evaluation.subsets import Properties
from evaluation.trial_sets import TrialSet
from inference.cohort import AS_NORM, COSINES, NO_NORM, Scoring
from inference.encoder import SpeakerEncoder
from inference.network_choice import named_network
from storage.text_table import printable

PROPERTY = "gender"  # by which speakers are measured apart, unless others are named

logger = logging.getLogger("cli")


def evaluate(args: argparse.Namespace) -> None:
    """Print the figures of all held-out speakers, or of a trial list, and write the scores of all trials."""
    if args.trials is not None:
        check_text(args.trials, "trials")
    if args.scores is not None:
        check_writable(args.scores)
        check_no_input(args.scores, args.trials, args.speaker_info, args.checkpoint)
    check_report(args)
    info = None if args.speaker_info is None else SpeakerInfo(args.speaker_info)
    with opened(args) as (cache, network):
        check_speakers(listed_speakers(args, cache.speakers()), cache.speakers())
        encoder = SpeakerEncoder(network)
        trial_sets, left_out = trials_of(args, cache, [encoder])
        properties = _properties(args, info, {speaker for one in trial_sets for speaker in one.speakers})
        scorings, distances = _scorings(args, cache, encoder), args.trials is None
        found = measured(
            encoder,
            cache,
            trial_sets,
            scorings,
            distances=distances,
            properties=properties,
            workers=workers(args, by_default_all=True),
        )
        if args.scores is not None:
            _write_scores(args, found)
        description = _description(found, cache, encoder, left_out)
        write_reports(args, found, description, cache, network)
    _print(args, found, description)


def compare(args: argparse.Namespace) -> None:
    """Print the figures of several networks on the same trials, and which is better."""
    from evaluation.comparison import compare as compared
    from evaluation.comparison import format_comparison, verdict
    from evaluation.results import SCORES

    if args.trials is not None:
        check_text(args.trials, "trials")
    with UtteranceCache.reading(cache_dir(args)) as cache:
        check_speakers(listed_speakers(args, cache.speakers()), cache.speakers())
        encoders = [SpeakerEncoder(named_network(name)) for name in args.compare]
        trial_sets, left_out = trials_of(args, cache, encoders)
        chosen = workers(args, by_default_all=True)
        found = [
            scored(encoder, cache, trial_sets, _scorings(args, cache, encoder)[-1:], workers=chosen)
            for encoder in encoders
        ]
    ways = [next(iter(made_by.items())) for _, made_by in found]  # each network's norm, and whose ratios there are
    sets = [one for one, _ in found]
    if len({by for _, by in ways}) > 1:
        logger.warning("actDCF and Cllr are not compared, as the ratios were made in different ways")
        sets = [[dataclasses.replace(one, ratios={}) for one in of_network] for of_network in sets]
    rows = compared(sets)
    if args.json:
        print_json(
            {
                "cache": str(cache.folder),
                "networks": [
                    {"name": name, **encoder.origin, "score_norm": norm, "ratios_by": by.name.lower()}
                    for name, encoder, (norm, by) in zip(args.compare, encoders, ways)
                ],
                "left_out": left_out,
                "verdict": verdict(rows, args.compare),
                "results": [row.as_json() for row in rows],
            }
        )
        return
    print(format_comparison(rows, args.compare))
    for name, (norm, by) in zip(args.compare, ways):
        print(f"({name}: by {SCORES[norm]} scores; ratios by {by.value})")


def trials_of(
    args: argparse.Namespace, cache: UtteranceCache, encoders: Sequence[SpeakerEncoder]
) -> tuple[list[TrialSet], list[str]]:
    """The trials to measure networks on, and the named speakers who are left out, as one was trained on them."""
    from evaluation.held_out_speakers import held_out_trials
    from evaluation.trial_list import read_trials

    if args.trials is not None:
        listed = read_trials(args.trials, cache, set().union(*(one.trained_on for one in encoders)))
        warn_of_few([listed])
        return [listed], []
    named = listed_speakers(args, cache.speakers()) or {name for one in encoders for name in one.held_out}
    trial_sets, left_out = held_out_trials(encoders, cache, named)
    names = sorted(map(str, left_out))
    if names:
        logger.warning("left out, as the network was trained on them: %s", ", ".join(names))
    warn_of_few(trial_sets)
    return trial_sets, names


def _properties(args: argparse.Namespace, info: SpeakerInfo | None, speakers: Iterable[Speaker]) -> Properties:
    if info is None:
        return {}
    return {column: info.of(column, speakers) for column in parse_speakers(args.by or PROPERTY)}


def _scorings(args: argparse.Namespace, cache: UtteranceCache, encoder: SpeakerEncoder) -> list[Scoring]:
    """How to compare embeddings, by --score_norm; as-norm with a network without a cohort takes one from the cache."""
    if args.score_norm == NO_NORM:
        return [COSINES]
    if args.score_norm == AS_NORM and encoder.scoring.cohort is None:
        from evaluation.training_cohort import training_cohort

        return [Scoring(training_cohort(encoder, cache))]
    if args.score_norm is None and encoder.scoring.cohort is not None:
        return [COSINES, encoder.scoring]
    return [encoder.scoring]


def _write_scores(args: argparse.Namespace, found: Evaluation) -> None:
    from evaluation.scores_file import write_scores

    write_scores(args.scores, found.sets)
    logger.info("wrote the scores of %d trials to %s", sum(len(one.first) for one in found.sets), args.scores)


def _description(
    found: Evaluation, cache: UtteranceCache, encoder: SpeakerEncoder, left_out: list[str]
) -> dict[str, Any]:
    """What was evaluated, to be stated beside the results."""
    return {
        "cache": str(cache.folder),
        "checkpoint": encoder.origin,
        "left_out": left_out,
        "speakers": {one.source: [str(speaker) for speaker in one.speakers] for one in found.sets},
        "ratios_by": {norm: by.name.lower() for norm, by in found.ratios_by.items()},
    }


def _print(args: argparse.Namespace, found: Evaluation, description: dict[str, Any]) -> None:
    from evaluation.results import SCORES, as_json, format_tables

    if args.json:
        print(as_json(found.results, **description))
        return
    print(format_tables(found.results, "corpus" if args.trials is None else "trials"))
    for norm, by in found.ratios_by.items():
        print(f"(ratios of {SCORES[norm]} scores: by {by.value})")
    for source, names in description["speakers"].items():
        names = [name.rpartition("/")[2] for name in names]
        print(printable(f"speakers of {source or 'the cache'}: {', '.join(names)}"))
